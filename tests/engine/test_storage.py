"""Which names the media store knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.storage import MediaStore, fetched_name


@given(
    job=st.text("0123456789abcdef", min_size=24, max_size=24),
    obj_id=st.none() | st.integers(0, 9999),
    number=st.integers(0, 9999),
)
def test_what_a_job_fetches_is_found_by_its_name_again(
    tmp_path_factory: pytest.TempPathFactory, job: str, obj_id: int | None, number: int
) -> None:
    media = MediaStore(tmp_path_factory.mktemp("data") / "media")
    name = fetched_name(job, obj_id, number)
    with media.made(name, job) as draft:
        draft.write_bytes(b"a photo")
    found = media.find(name)
    assert found is not None
    assert found.read_bytes() == b"a photo"
