"""What the user wrote down: the profiles, and the project file of a folder. No secret is ever in either."""

from headswap_cli.profiles.project import PROJECT_FILE, PROJECT_SETTINGS, Project, read_project
from headswap_cli.profiles.store import BUILT_IN, SETTINGS, Profile, ProfileFile, Profiles, check_name

__all__ = [
    "BUILT_IN",
    "PROJECT_FILE",
    "PROJECT_SETTINGS",
    "SETTINGS",
    "Profile",
    "ProfileFile",
    "Profiles",
    "Project",
    "check_name",
    "read_project",
]
