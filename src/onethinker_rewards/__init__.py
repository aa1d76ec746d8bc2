"""Verifiable rewards for multimodal reasoning models, and the EMA-GRPO advantage.

>>> import onethinker_rewards as otr
>>> response = '<think>The dog enters at 3 s.</think><answer>{"time": [3, 8]}</answer>'
>>> batch = otr.score([response], ['{"time": [3, 13]}'], "temporal_grounding")
>>> batch.accuracy.tolist(), batch.format.tolist(), batch.total.tolist()
([0.5], [1.0], [1.5])

A name is imported when it is first used, and so are the modules `adapters`, `advantage`, `evaluation`, `hacks`,
`judges` and `testing`. Only `advantage` needs torch.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

# The command line begins with this import, which takes a moment: a Ctrl-C in it ends the program without a traceback.
_PROGRAM = os.path.basename(next(iter(sys.argv), ""))  # noqa: PTH119 - before anything that takes long
if _PROGRAM in ("-m", "onethinker-rewards") and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(128 + number))  # pragma: no cover - in a program

if TYPE_CHECKING:
    from onethinker_rewards import metrics
    from onethinker_rewards.answers import DIALECTS, Dialect, Limits, Parsed, to_pixels, to_thousandths
    from onethinker_rewards.codes import FailureCode, FaultDetail, PenaltyCode, RepairCode
    from onethinker_rewards.errors import (
        ArgumentError,
        BadImageError,
        BadReferenceError,
        JudgeError,
        OneThinkerRewardsError,
        UnknownTaskError,
    )
    from onethinker_rewards.rewards import (
        RECIPES,
        AnyOf,
        CosineLength,
        Recipe,
        Repetition,
        RewardBatch,
        Scorer,
        SoftOverlong,
        explain,
        parse,
        parse_answer,
        parse_reference,
        score,
        validate,
        with_masks,
    )
    from onethinker_rewards.tasks import (
        TASKS,
        Clip,
        Context,
        Scores,
        TaskSpec,
        answer_pattern,
        json_schema,
        prompt,
        response_grammar,
        task_name,
    )

__all__ = [
    "DIALECTS", "RECIPES", "TASKS", "AnyOf", "ArgumentError", "BadImageError", "BadReferenceError", "Clip", "Context",
    "CosineLength", "Dialect", "FailureCode", "FaultDetail", "JudgeError", "Limits", "OneThinkerRewardsError",
    "Parsed", "PenaltyCode", "Recipe", "RepairCode", "Repetition", "RewardBatch", "Scorer", "Scores",
    "SoftOverlong", "TaskSpec", "UnknownTaskError", "answer_pattern", "explain", "json_schema", "metrics", "parse",
    "parse_answer", "parse_reference", "prompt", "response_grammar", "score", "task_name", "to_pixels",
    "to_thousandths", "validate", "with_masks",
]  # fmt: skip

__version__ = "0.1.0"

_MODULES = ("adapters", "advantage", "evaluation", "hacks", "judges", "testing")
# Where the names come from. NumPy, pydantic and the schemas take long to load: `--help` needs none of them.
_NAMES = {
    "answers": "DIALECTS Dialect Limits Parsed to_pixels to_thousandths",
    "codes": "FailureCode FaultDetail PenaltyCode RepairCode",
    "errors": "ArgumentError BadImageError BadReferenceError JudgeError OneThinkerRewardsError UnknownTaskError",
    "rewards": "RECIPES AnyOf CosineLength Recipe Repetition RewardBatch Scorer SoftOverlong explain parse "
    "parse_answer parse_reference score validate with_masks",
    "tasks": "TASKS Clip Context Scores TaskSpec answer_pattern json_schema prompt response_grammar task_name",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import a public name, or a module, when it is first used."""
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    elif name in (*_MODULES, *_NAMES, "metrics"):
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES, "__version__"])
