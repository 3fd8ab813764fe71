"""What a video or a photo on disk is, and what is wrong with it, told before anything is sent or paid."""

from headswap_cli.media.checks import (
    ANY_LENGTH,
    check_photo,
    check_scheme,
    check_video,
    is_other_url,
    is_url,
    known_name,
    probe,
    verify_playable,
)
from headswap_cli.media.container import (
    Orientation,
    UnusableMediaError,
    examine,
    open_container,
    orientation_of,
    packets,
    picture_stream,
)

__all__ = [
    "ANY_LENGTH",
    "Orientation",
    "UnusableMediaError",
    "check_photo",
    "check_scheme",
    "check_video",
    "examine",
    "is_other_url",
    "is_url",
    "known_name",
    "open_container",
    "orientation_of",
    "packets",
    "picture_stream",
    "probe",
    "verify_playable",
]
