"""``hacks``: tricks, what they earn, and which of them pay under a reward function of the user's own."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from sysconfig import get_paths
from traceback import extract_tb
from types import TracebackType

import click
from rich.console import Console

import onethinker_rewards
from onethinker_rewards.cli.hack_reports import YOURS, Row, json_lines, junit, print_text, sarif, summary
from onethinker_rewards.cli.messages import CliError, error_text, say
from onethinker_rewards.cli.screen import PIPE_WIDTH, console
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.hacks import (
    FORMS,
    SCORED_RECIPES,
    EndpointError,
    Played,
    Scored,
    Signature,
    Trick,
    UserReward,
    Verdict,
    load_reward,
    play,
    read_tricks,
)
from onethinker_rewards.tasks import spec_of

__all__ = ["PAYING", "hacks"]

# Exit code: some tricks pay under the user's function.
PAYING = 1


@click.command
@click.argument("task", required=False)
@click.option(
    "--reward",
    metavar="NAME",
    help="Also test this reward: MODULE:FUNCTION, from the current directory or an installed module; "
    "FILE.py:FUNCTION; or an endpoint, http://HOST:PORT/PATH.",
)
@click.option(
    "--signature",
    type=click.Choice([signature.value for signature in Signature]),
    help="Signature of --reward.  [default: by the names of its parameters]",
)
@click.option("--timeout", type=click.FloatRange(min=0.0, min_open=True), default=60.0, show_default=True,
              metavar="SECONDS", help="Timeout of a request to an endpoint.")  # fmt: skip
@click.option("--recipe", type=click.Choice(SCORED_RECIPES), help="Show only this recipe.")
@click.option("--paying", is_flag=True, help="Show only tricks that pay under some reward, of all tasks or of TASK.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl", "junit", "sarif"]),
    default="text",
    show_default=True,
    help="junit and sarif are for --reward in continuous integration.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.pass_context
def hacks(
    ctx: click.Context,
    task: str | None,
    reward: str | None,
    signature: str | None,
    timeout: float,
    recipe: str | None,
    *,
    paying: bool,
    form: str,
    out: Path | None,
) -> None:
    """Count the tricks that pay, by task, or list those of one TASK.

    A trick is a response that tries to earn more than its content is worth. It is compared with an honest response: the
    right answer, a wrong one, one that says nothing, or the same content said plainly. It pays if it earns more.

    \b
    Verdicts:
      pays       it earns more than the honest response
      harmless   it earns no more
      no number  the reward of one of the two is None or NaN
      not tried  the reward rates no right answer above a wrong one

    \b
    The reward may have the signature of any of these:
      batch        (responses, references, tasks), three lists
      completions  (completions, **columns) as in TRL and ms-swift
      messages     the same with completions as lists of messages
      verl         compute_score(data_source, solution_str, ground_truth, ...)
      easyr1       compute_score(reward_inputs)
      openrlhf     reward_func(queries, prompts, labels)
      verifiers    a rubric, or one of its functions
      endpoint     POST {"responses": [], "references": [], "tasks": []} and
                   the reply {"rewards": []}; or OpenRLHF's payload, with
                   --signature openrlhf

    It gets our references as strings, named ground_truth, solution, answer or label, and is tried on the tasks whose
    references it can read. Its scale does not matter.

    Exit code: 0; with --reward 1 if a trick pays under it or has no number; 2 if the reward cannot be used.

    \b
    Examples:
      onethinker-rewards hacks tracking
      onethinker-rewards hacks --reward my_rewards:total
      onethinker-rewards hacks --reward my.py:total --format junit --out my.xml
    """  # noqa: D301 - click reads the backspaces
    if reward is None and (signature is not None or form in {"junit", "sarif"}):
        raise CliError(f"{'--signature' if signature else f'--format {form}'} needs --reward")
    rows, loaded = _rows(task, reward, signature, timeout, [recipe] if recipe else list(SCORED_RECIPES))
    shown = [row for row in rows if not paying or row.pays()]
    if form == "jsonl":
        _write(json_lines(shown), out)
    elif form == "junit" and loaded is not None:
        _write(junit(rows, loaded, root=Path.cwd()), out)
    elif form == "sarif" and loaded is not None:
        _write(sarif(rows, loaded, version=onethinker_rewards.__version__, root=Path.cwd()), out)
    else:
        listed = shown if task or paying else [row for row in rows if row.fails()]
        _write_text(rows, listed, out, hint=not (task or paying or reward))
    if loaded is not None and (form != "text" or out is not None):
        say(summary(YOURS, rows))
    ctx.exit(PAYING if any(row.fails() for row in rows) else 0)


def _rows(
    task: str | None, reward: str | None, signature: str | None, timeout: float, recipes: Sequence[str]
) -> tuple[list[Row], UserReward | None]:
    """Return the tricks with what they earn, first under the user's reward, and that reward."""
    tricks = _tricks(task)
    results: list[dict[str, Scored | None]] = [{name: getattr(trick, name) for name in recipes} for trick in tricks]
    if reward is None:
        return [Row(*row) for row in zip(tricks, results, strict=True)], None
    loaded, played = _played(reward, signature, timeout, tricks)
    own = [{YOURS: Scored(result.rewards.trick, result.rewards.honest, result.verdict)} for result in played]
    return [Row(trick, {**mine, **others}) for trick, mine, others in zip(tricks, own, results, strict=True)], loaded


def _tricks(task: str | None) -> list[Trick]:
    if task is None:
        return list(read_tricks())
    try:
        name = spec_of(task).name
    except UnknownTaskError as error:
        raise CliError(error.reasons[0]) from None
    tricks = [trick for trick in read_tricks() if trick.task == name]
    if not tricks:
        raise CliError(f"there are no tricks for {name}")
    return tricks


def _played(
    reward: str, signature: str | None, timeout: float, tricks: Sequence[Trick]
) -> tuple[UserReward, list[Played]]:
    # What the function prints must not be among our rows.
    with _Foreign(reward), redirect_stdout(sys.stderr):
        loaded = load_reward(reward, signature, timeout=timeout)
        if signature is None:
            say(f"{reward} is called as {loaded.signature}: {FORMS[loaded.signature]}")
        played = play(loaded, tricks)
    if all(result.verdict is Verdict.NOT_TRIED for result in played):
        raise CliError(
            f"--reward {reward}: gives no right answer more than a wrong one, so nothing could be tried; it was called "
            f"as {loaded.signature}, --signature names another way"
        )
    return loaded, played


class _Foreign:
    """Says in one line what code that is not ours raised, and where."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ArgumentError | EndpointError):
            raise CliError(f"--reward {self._name}: {error}") from None
        # An exit of theirs, too: it would look like one of ours, and nothing would have been tried.
        if isinstance(error, Exception | SystemExit):
            file, line = _place(error, trace)
            what = " ".join(f"{type(error).__name__}: {error}".split())
            raise CliError(f"--reward {self._name}: {what} ({file}, line {line})") from None


def _place(error: BaseException, trace: TracebackType | None) -> tuple[str, int | None]:
    """Return file and line of the last call in the user's code, or of the last call if there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    paths = get_paths()
    others = ("<", paths["stdlib"], paths["purelib"], paths["platlib"], str(Path(onethinker_rewards.__file__).parent))
    frames = extract_tb(trace)
    own = [frame for frame in frames if not frame.filename.startswith(others)]
    last = (own or frames)[-1]
    return last.filename, last.lineno


def _write_text(rows: Sequence[Row], listed: Sequence[Row], out: Path | None, *, hint: bool) -> None:
    if out is None:
        print_text(console(), rows, listed, hint=hint)
        return
    target = io.StringIO()
    print_text(Console(file=target, width=PIPE_WIDTH, highlight=False, markup=False), rows, listed, hint=hint)
    _write(target.getvalue(), out)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise CliError(f"--out {out}: {error_text(error)}") from None
