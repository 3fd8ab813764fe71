"""What a version of the API must offer, so that the workflows need not know which one they speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.api.client import ApiClient
    from headswap_cli.models import Analysis, MappedFace, SwapOptions, Task
    from headswap_cli.wire import JsonObject


class Dialect(Protocol):
    """Satisfied by a module, such as ``headswap_cli.api.v4``."""

    def submit_analysis(self, client: ApiClient, video_url: str, *, any_length: bool = False) -> Analysis:
        """Ask who is in the video at ``video_url``."""

    def fetch_analysis(self, client: ApiClient, analysis_id: str) -> Analysis:
        """Look at an analysis."""

    def create_body(self, video_url: str, faces: Sequence[MappedFace], options: SwapOptions) -> JsonObject:
        """Return the exact body of the create request, to be kept before it is sent."""

    def create_task(self, client: ApiClient, body: JsonObject) -> Task:
        """Send the request that costs."""

    def fetch_task(self, client: ApiClient, task_id: str) -> Task:
        """Look at a task."""
