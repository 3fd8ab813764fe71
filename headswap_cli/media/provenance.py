"""What a result says of itself: which tool made it, and that the person in it is synthetic."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from uuid import UUID

from headswap_cli import __version__

if TYPE_CHECKING:
    from pathlib import Path

TOOL = f"headswap {__version__}"
COMMENT = f"Synthetic video: the heads of one or more persons were replaced with {TOOL}."
# https://cv.iptc.org/newscodes/digitalsourcetype/
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
# Where an MP4 file carries XMP: Adobe XMP specification, part 3, section 1.2.7.
_XMP_BOX = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac")
_PACKET = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmp:CreatorTool="{TOOL}"
    Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}">
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{COMMENT}</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def tags() -> dict[str, str]:
    """Return the tags for the container's own metadata."""
    return {"comment": COMMENT}


def packet() -> str:
    """Return the XMP packet, for files that carry one as text."""
    return _PACKET


def append_xmp(path: Path) -> None:
    """Add the XMP packet to a closed mp4 file, as a box behind all others, which players pass over."""
    content = _XMP_BOX.bytes + _PACKET.encode()
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 8 + len(content), b"uuid") + content)
