"""What the engine makes of real clips, as Markdown tables, with pictures to look at.

Usage: python tests/bench/engine.py [head|face|auto] [CLIP ...] [--photo PHOTO ...] [--out FOLDER]
    [--no-speed]
    python tests/bench/engine.py faults [FAULT ...] [--out FOLDER] [--no-speed]

CLIP and PHOTO are names of ``tests/bench/picture/cases.py`` or files of one's own. Each clip and photo has
a process of its own on two cores: its peak memory is that of one analysis and one swap. Without ``--photo``
each person gets another of the photos, and the clips are all; ``--out`` takes a sheet for each person and
source and result side by side. ``faults`` shows each fault that pictures have had, where it used to show.

What a face does (lids, mouth, corners, gaze) is the correlation of the result with its source, read by the
same mesh, beside what reading leaves of it. Each frame is read twice, as it is and in a mirror, and the mean
counts; how well both readings of the source agree tells what that leaves (Spearman and Brown, British Journal
of Psychology 3(3), 1910). It is not judged in frames where faces meet, and lids and gaze not where a made
clip's words, bar or dark lenses are before an eye: there all of it is guessed. A dash says that too few
frames are left, or that the source does not move more than noise does. What a reading without errors would
say is about the first figure over the second (Spearman, The proof and measurement of association between two
things, American Journal of Psychology 15(1), 1904).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

CORES = 2
MODES = ("head", "face", "auto")
ROOT = Path(__file__).parents[2]
PICTURE = (
    "clip, photo, mode, person",
    "held out",
    "identity before",
    "after",
    "FaceRes before",
    "after",
    "lids r, of the source's own",
    "mouth r",
    "corners r",
    "gaze r",
    "by another mesh: lids, mouth, corners, gaze r",
    "pose, degrees",
    "jitter, % of face: source",
    "result",
    "flicker: source",
    "result",
    "hair's edge, % of face: source",
    "result",
    "in front kept",
    "passed through",
    "PSNR outside, dB: before coding",
    "after",
    "SSIM outside",
)
FILE = (
    "clip, photo, mode",
    "people",
    "cuts",
    "tracks of each",
    "swapped of",
    "frames, times kept",
    "audio packets kept",
    "frames/s",
    "of ceiling",
    "analysis, frames/s",
    "peak MB, shared counted once",
    "first frame, s: cold, warm, swap",
    "each stage alone, frames/s (of ceiling)",
)


@dataclass(frozen=True)
class Case:
    """One row: a clip, the photo for all in it, or ``cases.EACH_HIS_OWN``, and a mode; what it shows."""

    clip: str
    photo: str
    mode: str
    shows: str = ""

    @property
    def title(self) -> str:
        """What the row begins with."""
        return ", ".join(filter(None, (self.shows, self.clip, self.photo, self.mode)))


def measure(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """Return what a process of its own measures, or why the engine ``refused`` the job."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    order = json.dumps([case.clip, case.photo, case.mode, str(options.out or ""), options.speed])
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.engine", "--measure", order],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_here(clip: str, photo: str, mode_name: str, out: str, *, with_speed: bool) -> None:
    """Print what ``measure`` reads; this process is the one that is measured."""
    import cv2

    from headswap_cli.engine.limits import share_one_heap
    from headswap_cli.engine.pipeline import Pipeline
    from headswap_cli.engine.types import MediaFault
    from headswap_cli.models import Mode
    from tests import media, quality
    from tests.bench.picture import cases

    mode = Mode(mode_name) if mode_name != "auto" else None
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    # As the engine's worker does.
    share_one_heap()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        source, target = cases.clip_of(clip, folder), folder / "result.mp4"
        photos = None if photo == cases.EACH_HIS_OWN else cases.photo_of(photo)
        try:
            speed, scene, notices = quality.speed_of(
                source, target, mode, photos, rounds=3 if with_speed else 0
            )
        except MediaFault as fault:
            print(json.dumps({"refused": fault.reason}))
            return
        # Not before: the worker, whose memory was watched, has none of these either.
        from tests.bench.picture import attention, beginnings, evaluate, faceres, made, sheets
        from tests.engine.overlays import OVERLAYS

        worn = quality.photos_for(scene, photos)
        missing = faceres.ensure(media.kept("faceres"))
        if missing:
            print(f"FaceRes has no say: {missing}", file=sys.stderr)
        attention.ensure(media.kept("attention"))
        pictures = Path(out) if out else folder
        name = "-".join(Path(part).stem.replace(" ", "-").replace(",", "") for part in (clip, photo))
        verdict = evaluate.judge(
            Pipeline(media.weights_dir()),
            scene,
            (source, target),
            worn,
            mode,
            sheet_at=pictures / f"{name}-{mode_name}.png",
            covered=made.covered(clip) if clip in OVERLAYS else (),
            blindfolded=made.blindfolded(clip) if clip in OVERLAYS else (),
            other=attention.AttentionMesh(media.kept("attention")),
            stranger=None if missing else faceres.FaceRes(media.kept("faceres")),
        )
        if out:
            sheets.write_side_by_side(source, target, pictures / f"{name}-{mode_name}.mp4")
        fidelity = quality.fidelity_of(source, target, notices)
        first = beginnings.beginnings(source, photos) if with_speed else None
    print(
        json.dumps(
            {
                "verdict": asdict(verdict),
                "fidelity": asdict(fidelity),
                "speed": asdict(speed),
                "first": asdict(first) if first else {},
                "cuts": len(scene.shots) - 1,
                "tracks": [len(person.tracks) for person in scene.people],
            }
        )
    )


def picture_rows(case: Case, measured: dict[str, Any]) -> list[list[str]]:
    """Return a row for each person."""
    from tests.bench.picture.cases import EACH_HIS_OWN, TUNED_PHOTOS, is_held_out

    verdict = measured["verdict"]
    asked = TUNED_PHOTOS[0] if case.photo == EACH_HIS_OWN else case.photo
    rows = []
    for number, one in enumerate(verdict["people"], 1):
        rows.append(
            [
                f"{case.title}, {number}",
                "yes" if is_held_out(case.clip, asked) else "",
                *(number_or_dash(value, 2) for value in (*one["identity"], *one["likeness"])),
                *(
                    f"{number_or_dash(value, 2)} of {number_or_dash(one['ceiling'][name], 2)}"
                    for name, value in one["expression"].items()
                ),
                " ".join(number_or_dash(value, 2) for value in one["opinion"].values()),
                number_or_dash(one["pose_error"], 1),
                *(number_or_dash(value, 2) for value in (*one["jitter"], *one["flicker"], *one["outline"])),
                number_or_dash(verdict["in_front"], 2),
                f"{100 * one['passed']:.0f} %",
                *(number_or_dash(verdict[name], 1) for name in ("raw_db", "outside_db")),
                number_or_dash(verdict["outside_ssim"], 4),
            ]
        )
    return rows


def file_row(case: Case, measured: dict[str, Any]) -> list[str]:
    fidelity, speed, stages = measured["fidelity"], measured["speed"], measured["verdict"]["stages"]
    frames = fidelity["frames"]
    return [
        case.title,
        str(len(measured["tracks"])),
        str(measured["cuts"]),
        " ".join(map(str, measured["tracks"])) or "-",
        f"{speed['frames_swapped']} of {frames[0]}",
        "all" if fidelity["times_kept"] else f"no: {frames[1]} of {frames[0]}",
        f"{fidelity['packets']}, " + ("all" if fidelity["packets_kept"] else "changed")
        if fidelity["packets"]
        else "none there",
        number_or_dash(speed["fps"], 1),
        number_or_dash(speed["of_ceiling"], 3),
        number_or_dash(speed["analysis_fps"], 1),
        "{resident:.0f}, {proportional:.0f}".format(**speed["peak"]),
        ", ".join(f"{seconds:.1f}" for seconds in measured["first"].values()) or "-",
        ", ".join(stage_rate(stage, value, speed["ceiling_fps"]) for stage, value in stages.items()),
    ]


def stage_rate(stage: str, ms_per_frame: float, ceiling_fps: float) -> str:
    if not ms_per_frame:
        return f"{stage} -"
    fps = 1000 / ms_per_frame
    return f"{stage} {fps:.0f} ({number_or_dash(fps / ceiling_fps, 2)})"


def number_or_dash(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def evaluate_all(cases: Sequence[Case], options: argparse.Namespace) -> None:
    """Measure what was asked for; print the tables, and the notices under them, of all that was done."""
    pictures: list[list[str]] = []
    files: list[list[str]] = []
    notices: list[str] = []
    try:
        for case in cases:
            print(f"{case.title} ...", file=sys.stderr, flush=True)
            measured = measure(case, options)
            if "refused" in measured:
                notices.append(f"{case.title}: refused: {measured['refused']}")
                continue
            pictures += picture_rows(case, measured)
            files.append(file_row(case, measured))
            notices += [f"{case.title}: {notice}" for notice in measured["fidelity"]["notices"]]
    finally:
        print_table(PICTURE, pictures)
        print_table(FILE, files)
        print("".join(f"- {notice}\n" for notice in notices))


def cases_for(words: Sequence[str], photos: Sequence[str] | None) -> list[Case]:
    """Return what the words of the command line ask for."""
    from tests.bench.picture import cases

    if words[:1] == ["faults"]:
        wanted = words[1:] or list(cases.FAULTS)
        return [Case(*cases.FAULTS[fault], shows=fault) for fault in wanted]
    clips = [word for word in words if word not in MODES] or list(cases.CLIPS)
    modes = [word for word in words if word in MODES] or ["head"]
    return [
        Case(clip, photo, mode)
        for mode in modes
        for clip in clips
        for photo in photos or [cases.EACH_HIS_OWN]
    ]


def main(arguments: list[str]) -> None:
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", metavar="head|face|auto|CLIP|faults")
    parser.add_argument("--photo", action="append")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--no-speed", dest="speed", action="store_false")
    options = parser.parse_args(arguments)
    if options.out:
        options.out = options.out.resolve()
        options.out.mkdir(parents=True, exist_ok=True)
    evaluate_all(cases_for(options.words, options.photo), options)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        *order, with_speed = json.loads(sys.argv[2])
        measure_here(*order, with_speed=with_speed)
    else:
        main(sys.argv[1:])
