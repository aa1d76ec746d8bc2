"""A task of your own: schema, formula, prompt, reward, JSON Schema, and the same table on the command line.

    pip install onethinker-rewards
    python examples/own_task.py
    PYTHONPATH=examples onethinker-rewards score rows.jsonl --table own_task:TABLE

The task is reading a clock: an answer is `{"hour": 3, "minute": 40}`, and its accuracy falls evenly from 1 to 0 over
half an hour of difference, around the dial. Printed are the prompt, the rewards of five answers with their codes, what
is wrong with each invalid answer, and the schema for guided decoding.
"""

from __future__ import annotations

import json

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

import onethinker_rewards as otr
from onethinker_rewards.answers import ModelColumns


class Clock(BaseModel):
    """What a clock with hands shows."""

    # A number in quotes and a key that does not belong are faults; an answer does not change once it is read.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    hour: int = Field(ge=1, le=12)
    minute: int = Field(ge=0, le=59)


def minutes(column: ModelColumns) -> np.ndarray:
    """Return the minutes since twelve o'clock ``[N]``, 0 to 719."""
    return np.array([model.hour % 12 * 60 + model.minute for model in column.models])


def accuracy(predicted: ModelColumns, reference: ModelColumns, context: otr.Context) -> otr.Scores:
    """Return R_acc = max(0, 1 − d / tolerance) ``[N]``, where d is the shorter way around the dial in minutes."""
    difference = np.abs(minutes(predicted) - minutes(reference))
    shorter = np.minimum(difference, 720 - difference)
    closeness = np.maximum(0.0, 1.0 - shorter / context.constants["tolerance"])
    return otr.Scores(closeness, {"closeness": closeness})


CLOCK = otr.TaskSpec(
    name="clock",
    schema=Clock,
    accuracy=accuracy,
    parts=("closeness",),
    constants={"tolerance": 30.0},
    instruction="Give the time that the clock shows as a JSON object with the hour, 1 to 12, and the minute.",
    example='{"hour": 3, "minute": 40}',
)
# All tasks of the package, and this one.
TABLE = {**otr.TASKS, "clock": CLOCK}

ANSWERS = [
    '{"hour": 11, "minute": 55}',  # right
    '{"hour": 12, "minute": 10}',  # a quarter of an hour off
    '{"hour": 5, "minute": 55}',  # the hands mixed up
    '{"hour": 23, "minute": 55}',  # no hour of a dial
    '{"hour": 11, "minute": "55"}',  # a number in quotes
]
REFERENCE = {"hour": 11, "minute": 55}


def main() -> None:
    """Ask, score, explain."""
    print(otr.prompt("clock", "<image>What time is it?", table=TABLE))
    responses = [f"<think>The long hand is near twelve.</think><answer>{answer}</answer>" for answer in ANSWERS]
    batch = otr.score(responses, [REFERENCE] * len(responses), "clock", table=TABLE)
    print("\ntotal  closeness  failure       answer")
    for answer, row in zip(ANSWERS, batch, strict=True):
        print(f"{row['total']:5.2f}  {row['part/closeness'] or 0:9.2f}  {row['failure'] or '':12}  {answer}")
    print("\n" + "\n".join(fault["message"] for fault in otr.validate(responses, "clock", table=TABLE).rows))

    # A recipe changes the constant; everything else stays.
    exact = otr.Recipe(name="exact", constants={"tolerance": 1.0})
    totals = otr.score(responses, [REFERENCE] * len(responses), "clock", table=TABLE, recipe=exact).total
    print("\nto the minute:", totals.tolist())
    print("\n" + json.dumps(otr.json_schema("clock", table=TABLE)["properties"]))


if __name__ == "__main__":
    main()
