"""``serve``: the reward over HTTP."""

from __future__ import annotations

import ipaddress
import logging
import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onethinker_rewards.adapters import RowScorer
from onethinker_rewards.cli.judging import judge_options, load_judge
from onethinker_rewards.cli.messages import CliError, error_text, one_line_errors, say
from onethinker_rewards.cli.options import dialect_options, file_option, number_option, recipe_option
from onethinker_rewards.cli.samples import RowReader, load_recipe

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from onethinker_rewards.server import ServerSettings

_PACKAGES = {"starlette": "starlette", "uvicorn": "uvicorn", "prometheus_client": "prometheus-client"}
# A token has to fit into a path as it is, and must not be guessed.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,}")


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8400,
    show_default=True,
    help="Port to listen on; 0 chooses a free one.",
)
@recipe_option("Default recipe of requests; module:RECIPE is your own.")
@dialect_options
@judge_options
@click.option("--table", metavar="MODULE:TABLE", help="Your own tasks, instead of ours.")
@file_option("--token-file", "Tokens, one per line; a request must send one of them.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Number of processes."
)
@number_option("--max-in-flight", click.IntRange(min=1), 1024, "Concurrent requests per process; more get 429.")
@number_option("--deadline", click.FloatRange(min=0, min_open=True), 60.0, "Seconds to score a request, then 504.")
@number_option("--body-limit", click.IntRange(min=1), 16 * 2**20, "Maximum bytes of a body; larger ones get 413.")
@number_option("--body-deadline", click.FloatRange(min=0, min_open=True), 10.0, "Seconds to receive a body, then 408.")
@number_option(
    "--drain", click.FloatRange(min=0), 1.0, "Seconds after SIGTERM during which requests are still accepted."
)
@click.option("--log-requests", is_flag=True, help="Log every request, not only failed ones.")
def serve(
    host: str, port: int, recipe: str, dialect: str | None, reference_dialect: str | None, judge: str | None,
    table: str | None, token_file: str | None, workers: int, **bounds: Any,
) -> None:  # fmt: skip
    """Score rows over HTTP, for trainers that ask a server for the reward.

    POST /score takes rows; /get_reward is for OpenRLHF, /reward for slime and miles, /verify for NeMo-Gym. GET /health,
    /ready, /metrics and /schema/TASK.

    Without --token-file it listens only on this machine. Clients send a token as `Authorization: Bearer TOKEN`, or, if
    they cannot set headers, in front of the path, as in /t/TOKEN/score.

    With --judge open-ended answers get the score of a model behind another server; only their rows wait for it.

    After SIGTERM, /ready fails, and the server answers all accepted requests before it exits.

    Example: onethinker-rewards serve --port 8400 --recipe paper

    Exit code: 0 after SIGTERM, 2 if it cannot start.
    """
    lacking = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if lacking:
        raise CliError(f"serve needs {', '.join(lacking)}: pip install 'onethinker-rewards[serve]'")
    tokens = () if token_file is None else _tokens(token_file)
    if not tokens and not _is_local(host):
        raise click.UsageError(f"--host {host} can be reached from other machines: give a --token-file too.")
    from onethinker_rewards import server  # noqa: PLC0415 - an extra

    settings = server.ServerSettings(tokens=tokens, **bounds)
    # Several processes must not each take all cores for mathematics.
    make_app = AppMaker(recipe, dialect, reference_dialect, judge, table, settings, 1 if workers > 1 else None)
    make_app.check()
    try:
        listener = server.bind(host, port)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = error_text(error) if isinstance(error, OSError | ValueError) else str(error)
        raise CliError(f"cannot listen on {host}, port {port}: {reason}") from None
    address = f"[{host}]" if ":" in host else host
    say(f"Serving on http://{address}:{listener.getsockname()[1]}, recipe {recipe}. Ctrl-C ends it.")
    server.serve(make_app, listener, settings, workers)


@dataclass(frozen=True, slots=True)
class AppMaker:
    """Makes the application; it can be pickled, so that each process makes its own."""

    recipe: str
    dialect: str | None
    reference_dialect: str | None
    judge: str | None
    table: str | None
    settings: ServerSettings
    math_workers: int | None

    def check(self) -> None:
        """Raise a CliError if the recipe, a dialect, the judge or the table cannot be loaded."""
        load_recipe(self.recipe, self.dialect, self.reference_dialect)
        RowReader(table=self.table).tasks()
        if self.judge is not None:
            load_judge(self.judge)

    def __call__(self) -> ASGIApp:
        """Return the application, and let it log to standard error."""
        from onethinker_rewards.server import create_app  # noqa: PLC0415 - an extra

        logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger("onethinker_rewards").setLevel(logging.INFO)
        recipe = load_recipe(self.recipe, self.dialect, self.reference_dialect)
        tasks = RowReader(table=self.table).tasks()
        judge = None if self.judge is None else load_judge(self.judge)
        return create_app(RowScorer(recipe, table=tasks, judge=judge, workers=self.math_workers), self.settings)


def _tokens(path: str) -> tuple[str, ...]:
    with one_line_errors(path):
        lines = Path(path).read_text(encoding="utf-8").split()
    if not lines:
        raise CliError(f"{path}: no token")
    for number, token in enumerate(lines, 1):
        if not _TOKEN.fullmatch(token):
            raise CliError(f"{path}: token {number} is not of 16 or more letters, digits and . _ ~ -")
    return tuple(lines)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
