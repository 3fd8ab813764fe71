"""What the engine learns of a face is in the memory of its worker, and nowhere on the disk."""

from __future__ import annotations

import json
import pickle
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from headswap_cli import local, wire
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.trail import Trail
from tests import media
from tests.engine import arena as a
from tests.engine.arena import Arena, Tally
from tests.engine.engines import create_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.types import Scene

pytestmark = pytest.mark.media


def traces(scene: Scene) -> Iterator[bytes]:
    """What embeddings and landmarks look like in a file: raw in any precision and order, as text, packed."""
    for track in (track for person in scene.people for track in person.tracks):
        embedding = np.asarray(track.embedding).ravel()
        landmarks = np.asarray(track.landmarks)
        rows: list[NDArray[Any]] = [embedding[start : start + 4] for start in range(0, len(embedding) - 4, 4)]
        rows += [landmarks[index, :2].ravel() for index in range(0, len(landmarks), 5)]
        for row in rows:
            for kind in ("<f8", "<f4", ">f8", ">f4"):
                yield row.astype(kind).tobytes()
        if isinstance(track.landmarks, Trail):
            blocks, *_ = track.landmarks.__getstate__()
            yield from (block[64:96] for block in blocks)
        yield from (repr(float(value)).encode() for value in embedding[:20])
        yield from (f"{float(value):.8f}".encode() for value in embedding[:20])


def found(scene: Scene, content: bytes) -> bool:
    return any(trace in content for trace in traces(scene))


@pytest.fixture(scope="module")
def scene() -> Scene:
    """What the engine's worker knows of the clip: the same work on the same file."""
    return Pipeline(media.weights_dir()).analyse(
        media.clip("carphone_pristine.mp4"), on_progress=lambda _done, _total: None
    )


def test_a_trace_would_be_found_however_it_were_written(scene: Scene) -> None:
    embedding = scene.people[0].tracks[0].embedding
    assert found(scene, pickle.dumps(scene))
    assert found(scene, json.dumps([float(value) for value in embedding]).encode())
    assert found(scene, pickle.dumps(scene.people[0].tracks[0].landmarks))
    assert found(scene, np.asarray(scene.people[0].tracks[0].landmarks).tobytes())
    assert not found(scene, media.clip("carphone_pristine.mp4").read_bytes())


def test_no_file_holds_an_embedding_or_landmarks_while_the_engine_works_nor_afterwards(
    tmp_path: Path, scene: Scene
) -> None:
    tally = Tally()
    with Arena(tmp_path / "a", random.Random(1), tally, is_real=True) as arena, arena.start() as http:
        clip, portrait = media.clip("carphone_pristine.mp4"), media.photo("astronaut.png")
        video, photo = a.put(http, clip.read_bytes()), a.put(http, portrait.read_bytes())
        analysis = a.post(http, wire.ANALYZE_PATH, {"video_url": video, "type": "head"})["_id"]
        assert a.ended(http, wire.ANALYSIS_PATH, analysis)["status"] == wire.COMPLETED
        assert files_with_traces(arena, scene) == []
        task = a.post(http, wire.CREATE_PATH, create_body(video, {0: photo}))["_id"]
        assert a.ended(http, wire.TASK_PATH, task)["status"] == wire.COMPLETED
        assert files_with_traces(arena, scene) == []
        assert local.stop(arena.data)
        assert files_with_traces(arena, scene) == []
        # The database was looked into, and it is that of this job.
        assert task.encode() in (arena.engine / "jobs.sqlite3").read_bytes()
    assert tally.is_clean, tally


def files_with_traces(arena: Arena, scene: Scene) -> list[Path]:
    paths = [path for path in (*arena.data.rglob("*"), *arena.cache.rglob("*")) if path.is_file()]
    return [path for path in paths if found(scene, path.read_bytes())]
