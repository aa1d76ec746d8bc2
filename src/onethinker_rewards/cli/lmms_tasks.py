"""``lmms-tasks``: where the tasks for lmms-eval are."""

from __future__ import annotations

import click

from onethinker_rewards.adapters.lmms_tasks import FOLDER, task_names

__all__ = ["lmms_tasks"]


@click.command("lmms-tasks")
@click.option("--path", is_flag=True, help="Print only the folder, for --include_path.")
def lmms_tasks(*, path: bool) -> None:
    """Print the names of the tasks for lmms-eval, one per line, or their folder.

    Example: python -m lmms_eval --include_path "$(onethinker-rewards lmms-tasks --path)" --tasks …
    """
    click.echo(FOLDER if path else "\n".join(task_names()))
