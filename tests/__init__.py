"""The tests, one folder per room; a fake of the vendor's service in ``loopback``."""

from hypothesis import settings

# Machines that run this may be slow and shared, and nothing is written outside a test's own folder.
settings.register_profile("headswap", deadline=None, database=None)
settings.load_profile("headswap")
