"""``demo``: the whole flow on examples, told so that a reader learns what is paid for."""

from __future__ import annotations

from importlib.resources import files
from itertools import groupby
from textwrap import wrap
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from onethinker_rewards.cli.rows import decode_row
from onethinker_rewards.cli.samples import RowReader, Sample
from onethinker_rewards.cli.score import COLUMNS, add_reward, score_samples
from onethinker_rewards.cli.screen import PIPE_WIDTH, console
from onethinker_rewards.cli.summary import Summary, summary_table
from onethinker_rewards.rewards import Recipe, Scorer
from onethinker_rewards.rewards.wording import codes_in_words, rewards_in_words, shorten_response, shorten_text
from onethinker_rewards.tasks import TASKS

__all__ = ["demo"]

_INTRO = (
    "onethinker_rewards compares what a model wrote with a reference: total = accuracy + format.",
    "Format is 1 for <think>…</think><answer>…</answer> alone, with an answer in its task's schema.",
)
_OUTRO = (
    "The same with your own file, a JSON object a line with task, reference and response:",
    "    onethinker-rewards score answers.jsonl --out scored.jsonl",
    "And in Python:",
    "    import onethinker_rewards as otr",
    "    batch = otr.score(responses, references, tasks)  # batch.total, batch.failure, batch.to_rows()",
)
_LENIENT = Recipe(name="lenient", rules="lenient")
_NARROWEST = 40
_NOTE_INDENT = 4
_LABEL_WIDTH = 19


@click.command(short_help="See what the library does, on examples that ship with it.")
def demo() -> None:
    """Score some 40 answers that ship with the package, and say of each why it got what it got."""
    samples = read_examples()
    strict = score_samples(samples, Scorer("paper"))[0].to_rows()
    lenient = score_samples(samples, Scorer(_LENIENT))[0].to_rows()
    page = _Page(console())
    for line in _INTRO:
        page.say(line)
    scored = list(zip(samples, strict, lenient, strict=True))
    for _, group in groupby(scored, key=lambda one: (one[0].task, one[0].reference)):
        _show_question(page, list(group))
    _show_summary(page, strict)


def read_examples() -> list[Sample]:
    """Return some 40 answers to all tasks; each row also has a ``question`` and a ``note`` on what to see in it."""
    lines = files("onethinker_rewards.cli").joinpath("examples.jsonl").read_bytes().splitlines()
    samples = [RowReader().read(decode_row(line, number)) for number, line in enumerate(lines, start=1)]
    return [sample for sample in samples if isinstance(sample, Sample)]


class _Page:
    """Prints wrapped lines; never wider than the terminal, or than a pipe is taken to be."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen
        self._width = max(_NARROWEST, min(screen.width, PIPE_WIDTH))

    def say(self, text: str = "", style: str = "", *, indent: int = 0, label: str = "") -> None:
        """Print one paragraph, hung behind its label."""
        hang = indent + (_LABEL_WIDTH if label else 0)
        first = " " * indent + label.ljust(hang - indent)
        lines = wrap(text, self._width, initial_indent=first, subsequent_indent=" " * hang) or [""]
        for line in lines:
            self.screen.print(Text(line, style=style), soft_wrap=True)


def _show_question(page: _Page, answers: list[tuple[Sample, dict[str, Any], dict[str, Any]]]) -> None:
    sample = answers[0][0]
    spec = TASKS[sample.task]
    page.say()
    page.say(f"{spec.name}: accuracy from 0 to {spec.maximum:g}", "bold cyan")
    options = "".join(f"  {letter}. {text}" for letter, text in zip("ABCDEF", sample.options or [], strict=False))
    page.say(f"{sample.row.columns['question']}{options}", indent=2, label="question")
    page.say(shorten_text(sample.references[0]), indent=2, label="reference")
    page.say(spec.instruction, indent=2, label="how to answer")
    for number, (one, row, lenient) in enumerate(answers, start=1):
        page.say()
        page.say(f"{number}. {one.row.columns['note']}", "bold", indent=2)
        page.say(shorten_response(one.response), "dim", indent=_NOTE_INDENT)
        page.say(rewards_in_words(row), _colour(row), indent=_NOTE_INDENT)
        for label, text in codes_in_words(row, lenient):
            page.say(text, indent=_NOTE_INDENT, label=label)


def _colour(row: dict[str, Any]) -> str:
    if row["failure"] is not None or row["total"] == 0:
        return "red"
    return "green" if row["normalized"] > 0.75 and row["format"] == 1 else "yellow"


def _show_summary(page: _Page, rows: list[dict[str, Any]]) -> None:
    summary = Summary()
    for row in rows:
        add_reward(summary, row)
    page.say()
    page.screen.print(summary_table(summary.tallies, list(TASKS), COLUMNS))
    page.say()
    for line in _OUTRO:
        page.screen.print(Text(line), soft_wrap=True)
