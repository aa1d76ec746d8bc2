"""``demo``: the whole flow on examples, told so that a reader learns what is paid for."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import groupby
from statistics import fmean, pstdev
from textwrap import wrap
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from onethinker_rewards.cli.messages import CliError, counted, error_text
from onethinker_rewards.cli.prepare import check_packages
from onethinker_rewards.cli.rows import decode_row
from onethinker_rewards.cli.samples import RowReader, Sample
from onethinker_rewards.cli.score import COLUMNS, add_reward, score_samples
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Summary, summary_table
from onethinker_rewards.errors import UnknownTaskError
from onethinker_rewards.rewards import Recipe, Scorer
from onethinker_rewards.rewards.wording import codes_in_words, rewards_in_words, shorten_response, shorten_text
from onethinker_rewards.tasks import TASKS, task_name

__all__ = ["demo"]

_INTRO = (
    "onethinker_rewards compares what a model wrote with a reference:",
    "total = accuracy + format. Format is 1 for <think>…</think><answer>…</answer>",
    "alone, with an answer in its task's schema.",
)
_OUTRO = (
    "More: onethinker-rewards demo TASK, demo --all, or demo --html to see them drawn",
    "Your own file, JSON Lines with task, reference and response:",
    "    onethinker-rewards score answers.jsonl --out scored.jsonl",
    "In Python:",
    "    import onethinker_rewards as otr",
    "    batch = otr.score(responses, references, tasks)  # batch.total",
)
# Few enough for one screen: a letter, JSON with a time, JSON with a box; of each the first so many answers.
_FIRST_TASKS = ("multiple_choice", "temporal_grounding", "spatial_grounding")
_FIRST_ANSWERS = 3
_THINKING = re.compile("<think>.*</think> *")
_LENIENT = Recipe(name="lenient", rules="lenient")
_WIDEST, _NARROWEST = 80, 40
_NOTE_INDENT = 4
_LABEL_WIDTH = 14


@click.command
@click.argument("task", required=False)
@click.option("--all", "everything", is_flag=True, help="Show all examples of all tasks.")
@click.option(
    "--html", is_flag=False, flag_value="demo.html", metavar="[FILE]", help="Write a report instead.  [demo.html]"
)
def demo(task: str | None, html: str | None, *, everything: bool) -> None:
    """Score answers that ship with the package, and explain each reward.

    Without TASK it shows a few answers to three tasks, and the advantages that follow from their rewards.

    With --html it writes the report of all of them, or of those to TASK: one HTML file, to open in a browser.
    """
    if task is not None:
        try:
            task = task_name(task)
        except UnknownTaskError as error:
            raise click.UsageError(error.reasons[0]) from None
    if html is not None and not html.endswith(".html"):
        raise click.UsageError(f"--html {html}: the name of a report ends in .html; TASK goes before the option.")
    shown = [task] if task else list(TASKS) if everything or html else _FIRST_TASKS
    samples = [sample for sample in read_examples() if sample.task in shown]
    strict = score_samples(samples, Scorer("paper"))[0].to_rows()
    if html is not None:
        _write_report(html, samples, strict)
        return
    lenient = score_samples(samples, Scorer(_LENIENT))[0].to_rows()
    page = _Page(console())
    for line in _INTRO:
        page.say(line)
    is_short = task is None and not everything
    scored = list(zip(samples, strict, lenient, strict=True))
    for _, of_question in groupby(scored, key=lambda one: (one[0].task, one[0].reference)):
        group = list(of_question)
        _show_question(page, group[:_FIRST_ANSWERS] if is_short else group, short=is_short)
    if is_short:
        totals = [row["total"] for row in strict if row["task"] == _FIRST_TASKS[-1]]
        _show_advantages(page, totals[:_FIRST_ANSWERS])
    else:
        _show_summary(page, strict)
    page.say()
    for line in _OUTRO:
        page.screen.print(Text(line), soft_wrap=True)


def read_examples() -> list[Sample]:
    """Return some 60 answers to all tasks; each row also has a ``question`` and a ``note`` on what to see in it."""
    lines = files("onethinker_rewards.cli").joinpath("examples.jsonl").read_bytes().splitlines()
    samples = [RowReader().read(decode_row(line, number)) for number, line in enumerate(lines, start=1)]
    return [sample for sample in samples if isinstance(sample, Sample)]


def _write_report(out: str, samples: list[Sample], scored: list[dict[str, Any]]) -> None:
    check_packages(("jinja2", "PIL"), "report")
    from onethinker_rewards.report import render  # noqa: PLC0415 - needs the extra report

    rows = [{**sample.row.columns, **row} for sample, row in zip(samples, scored, strict=True)]
    try:
        made = render(rows, out, names=("Examples", ""))
    except OSError as error:
        raise CliError(f"{out}: {error_text(error)}") from None
    click.echo(f"{out}: {counted(made.shown, 'row')}; open it in a browser")


class _Page:
    """Prints wrapped lines; never wider than the terminal, or than a pipe is taken to be."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen
        self._width = max(_NARROWEST, min(screen.width, _WIDEST))

    def say(self, text: str = "", style: str = "", *, indent: int = 0, label: str = "") -> None:
        """Print one paragraph, hung behind its label."""
        hang = indent + (_LABEL_WIDTH if label else 0)
        first = " " * indent + label.ljust(hang - indent)
        lines = wrap(text, self._width, initial_indent=first, subsequent_indent=" " * hang) or [""]
        for line in lines:
            self.screen.print(Text(line, style=style), soft_wrap=True)


def _show_question(page: _Page, answers: list[tuple[Sample, dict[str, Any], dict[str, Any]]], *, short: bool) -> None:
    sample = answers[0][0]
    spec = TASKS[sample.task]
    page.say()
    page.say(f"{spec.name}: accuracy from 0 to {spec.maximum:g}", "bold cyan")
    options = "".join(f"  {letter}. {text}" for letter, text in zip("ABCDEF", sample.options or [], strict=False))
    page.say(f"{sample.row.columns['question']}{options}", indent=2, label="question")
    page.say(shorten_text(sample.references[0]), indent=2, label="reference")
    if not short:
        page.say(spec.instruction, indent=2, label="how to answer")
    for number, (one, row, lenient) in enumerate(answers, start=1):
        if not short:
            page.say()
        page.say(f"{number}. {one.row.columns['note']}", "bold", indent=2)
        if short:
            said = _THINKING.sub("", " ".join(one.response.split()))
            page.say(f"{row['total']:.2f} = {row['accuracy']:.2f} + {row['format']:.2f}  {said}", _color(row), indent=5)
            continue
        page.say(shorten_response(one.response), indent=_NOTE_INDENT)
        page.say(rewards_in_words(row), _color(row), indent=_NOTE_INDENT)
        for label, text in codes_in_words(row, lenient):
            page.say(text, indent=_NOTE_INDENT, label=f"{label} ")


def _show_advantages(page: _Page, totals: list[float]) -> None:
    """Show what a trainer makes of the rewards of one group: EMA-GRPO's advantages at its first step."""
    mean, sigma = fmean(totals), pstdev(totals)
    page.say()
    page.say("From rewards to advantages: (reward - mean of the group) / σ of the task", "bold cyan")
    for name, values in (("reward", totals), ("advantage", [(total - mean) / sigma for total in totals])):
        page.say(f"{name:10}" + "".join(f"{value:8.2f}" for value in values), indent=2)
    page.say("EmaGrpo of onethinker_rewards.advantage keeps σ as a moving average by task.", indent=2)


def _color(row: dict[str, Any]) -> str:
    if row["failure"] is not None or row["total"] == 0:
        return "red"
    return "green" if row["normalized"] > 0.75 and row["format"] == 1 else "yellow"


def _show_summary(page: _Page, rows: list[dict[str, Any]]) -> None:
    summary = Summary()
    for row in rows:
        add_reward(summary, row)
    page.say()
    page.screen.print(summary_table(summary.tallies, list(TASKS), COLUMNS), width=min(page.screen.width, _WIDEST))
