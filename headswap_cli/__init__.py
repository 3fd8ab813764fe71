"""Swap heads in videos from the command line."""

__version__ = "0.1.0"
