"""``prepare``: the rows of a data set to the Parquet that verl trains on."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console

from onethinker_rewards.cli.files import UNREADABLE, Refused, is_parquet
from onethinker_rewards.cli.journal import identity_of
from onethinker_rewards.cli.output import open_output
from onethinker_rewards.cli.sides import check_side, root_of
from onethinker_rewards.cli.sources import open_source
from onethinker_rewards.cli.stream import Engine, alone, stream
from onethinker_rewards.cli.tables import Column, console, summary_table
from onethinker_rewards.cli.work import Progress
from onethinker_rewards.tasks import TASKS
from onethinker_rewards.trainer.data import Check, MediaRules, Rules, Stage
from onethinker_rewards.trainer.data.media import FRAMES, IMAGE_PIXELS, LEAST_PIXELS, VIDEO_FPS, VIDEO_PIXELS

__all__ = ["prepare"]

_SHOWN = (Column("images", "images", mean=False), Column("videos", "videos", mean=False))
_PIXELS = click.IntRange(min=LEAST_PIXELS)


@click.command(short_help="Make verl's Parquet of a data set.")
@click.argument("file")
@click.option("--out", required=True, metavar="FILE", help="Write rows there: a name that ends in .parquet.")
@click.option("--bad", metavar="FILE", help="Write bad rows there.  [default: OUT with .bad.jsonl]")
@click.option(
    "--stage",
    type=click.Choice(["rl", "sft"]),
    default="rl",
    help="rl writes prompts and references, sft prompts and responses.",
    show_default=True,
)
@click.option("--media-root", metavar="DIR", help="Where relative paths start.  [default: the folder of FILE]")
@click.option(
    "--check-media",
    type=click.Choice(["none", "presence", "readable"]),
    default="none",
    help="Whether images and videos must be there, or be readable too.",
    show_default=True,
)
@click.option("--frames", is_flag=True, help="Videos are folders or lists of frames, not files.")
@click.option("--image-pixels", type=_PIXELS, default=IMAGE_PIXELS, help="Most pixels of an image.", show_default=True)
@click.option("--video-pixels", type=_PIXELS, default=VIDEO_PIXELS, help="Most pixels of a frame.", show_default=True)
@click.option(
    "--fps", type=click.FloatRange(min=0, min_open=True), default=VIDEO_FPS, help="Frames a second.", show_default=True
)
@click.option(
    "--max-frames", type=click.IntRange(min=4), default=FRAMES, help="Most frames of a video.", show_default=True
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Convert in N processes.")
@click.option("--resume", is_flag=True, help="Go on where a run of the same command ended early.")
@click.pass_context
def prepare(
    ctx: click.Context,
    file: str,
    out: str,
    bad: str | None,
    stage: Stage,
    media_root: str | None,
    check_media: Check,
    image_pixels: int,
    video_pixels: int,
    fps: float,
    max_frames: int,
    workers: int | None,
    *,
    frames: bool,
    resume: bool,
) -> None:
    """Make verl's Parquet of the rows of FILE, the JSON of OneThinker's data sets as it is.

    FILE is a JSON array in a file that ends in .json, or JSON Lines (`-` is standard input), or Parquet. A row
    that cannot be trained on is not written; it goes to a side file as
    {"row": number, "fault": kind, "error": why, "columns": the row}. A summary by task goes to standard error.

    Exit code: 0, or 2 if there are bad rows or the run could not go on.
    """
    screen = console(stderr=True)
    media = MediaRules(
        root=root_of(file, media_root),
        check=check_media,
        frames=frames,
        image_pixels=image_pixels,
        video_pixels=video_pixels,
        fps=fps,
        most_frames=max_frames,
    )
    side = bad or f"{out[: -len('.parquet')]}.bad.jsonl"
    _check_names(out, side)
    _check_packages(check_media)
    seen = _run(file, out, side, Rules(stage=stage, media=media), workers, screen, resume=resume)
    _show(screen, seen, out, side)
    ctx.exit(UNREADABLE if seen.broken else 0)


def _run(
    file: str, out: str, side: str, rules: Rules, workers: int | None, screen: Console, *, resume: bool
) -> Progress:
    from onethinker_rewards.cli.preparing import Parting  # noqa: PLC0415 - needs pyarrow

    options = {"command": "prepare", "rules": repr(rules), "bad": side, "version": version("onethinker-rewards")}
    with open_source(file) as source:
        check_side(side, source.file)
        identity = identity_of(source, **options)
        with open_output(out, source.file, identity, resume=resume, convert=Parting(rules, side)) as output:
            return stream(source, output, _engine(rules, workers), screen)


def _engine(rules: Rules, workers: int | None) -> Engine:
    from onethinker_rewards.cli.preparing import PrepareJob  # noqa: PLC0415 - needs pyarrow

    if workers is None or workers == 1:
        return alone(PrepareJob(rules))
    from onethinker_rewards.cli.crew import crew  # noqa: PLC0415 - costs an import that one process does not need

    return crew(PrepareJob(rules), workers)


def _check_names(out: str, side: str) -> None:
    if not is_parquet(out):
        raise Refused(f"{out}: verl reads Parquet; give a name that ends in .parquet")
    if Path(side).absolute() == Path(out).absolute():
        raise Refused(f"{side}: is the output too; write bad rows to another file")


def _check_packages(check: Check) -> None:
    needed = {"pyarrow": "pyarrow"} | ({"PIL": "pillow", "av": "av"} if check == "readable" else {})
    missing = [package for name, package in needed.items() if find_spec(name) is None]
    if missing:
        raise Refused(f"this needs {' and '.join(missing)}: pip install 'onethinker-rewards[prepare]'")


def _show(screen: Console, seen: Progress, out: str, side: str) -> None:
    from onethinker_rewards.cli.preparing import BAD, NO_TASK  # noqa: PLC0415 - needs pyarrow

    screen.print(f"{seen.rows - seen.broken:,} rows written to {out}", soft_wrap=True)
    good = {task: tally for task, tally in seen.tallies.items() if task != BAD}
    if BAD in seen.tallies:
        faults = ", ".join(f"{fault} {count:,}" for fault, count in seen.tallies[BAD].codes.most_common())
        screen.print(f"{seen.broken:,} bad rows written to {side}: {faults}", soft_wrap=True)
    if good:
        screen.print(summary_table(good, [*TASKS, NO_TASK], _SHOWN, codes=False))
