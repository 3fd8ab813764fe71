"""On the path of the program under test, whose users have no Click: tools of the tests bring it along.

Where there is one httpx imports it, with all that its own command line needs: a fifth of a command's time.
"""

raise ImportError("the program's users have no Click")
