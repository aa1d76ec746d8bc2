"""The rewards of a step of training, beside a rollout of a minute: 128 prompts of all tasks, 8 responses to each.

What is measured is what a response goes through in the trainer: verl's call of the reward manager, one for each of
1,024 responses, at once, with tokens to decode. verl's base class is stood in for, and its way between processes is not
in it; the trainer logs both together as `onethinker/reward_seconds`. Rows are new in each round. The first, in which
packages are imported and worker processes start, is not measured.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

from benchmarks import bench_math, bench_words
from benchmarks.harness import Row
from benchmarks.rollouts import JSON_TASKS, make_rows

PROMPTS, EACH = 128, 8
ROLLOUT_S = 60.0
MOST = 0.02
ROUNDS = 5
VOCABULARY = 4000
END = "<|im_end|>"
BASE = "verl.experimental.reward_loop.reward_manager.base"
WRITTEN = (*JSON_TASKS, "multiple_choice", "numerical", "regression")


@dataclass
class Trajectory:
    """As much of verl's protocol as a reward manager looks at; it is its own only row."""

    batch: dict[str, Any]
    non_tensor_batch: dict[str, Any]

    def __getitem__(self, _: Any) -> Trajectory:
        return self


def step(tasks: tuple[str, ...], seed: int) -> Iterator[tuple[str, str, str]]:
    """Yield response, reference and task of each row of a step."""
    rng = random.Random(seed)
    made = [task for task in tasks if task in WRITTEN]
    groups = {task: PROMPTS // len(tasks) + (index < PROMPTS % len(tasks)) for index, task in enumerate(tasks)}
    for task in made:
        yield from zip(*make_rows((task,), groups[task] * EACH, seed=rng.randrange(10**9)), strict=True)
    for task in set(tasks) - set(made):
        for answer, reference in list(_texts(task, rng))[: groups[task] * EACH]:
            think = " ".join(rng.choices("the car moves then stops near left corner".split(), k=300))
            yield f"<think>{think}</think>\n<answer>{answer}</answer>", reference, task


def _texts(task: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    if task == "math":
        return iter(bench_math.rollouts(PROMPTS, rng))
    return zip(*bench_words.texts({"ocr": 18, "open_ended": 60}[task], rng), strict=True)


@cache
def tokenizer() -> Any:
    """Return a tokenizer of byte pairs learned from a step, as quick to decode with as a model's."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        (response for response, *_ in step((*WRITTEN, "math", "ocr", "open_ended"), 0)),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END)


def trajectories(tasks: tuple[str, ...], seed: int) -> list[Trajectory]:
    """Return a step's rows as verl hands them to the manager."""
    import torch

    made = []
    for number, (response, reference, task) in enumerate(step(tasks, seed)):
        tokens = torch.tensor(tokenizer().encode(response + END))
        columns = {
            "data_source": "onethinker",
            "reward_model": {"style": "rule", "ground_truth": reference},
            "extra_info": {"task": task, "index": number, "options": []},
        }
        made.append(Trajectory({"responses": tokens, "attention_mask": torch.ones_like(tokens)}, columns))
    return made


def manager() -> Any:
    """Return our reward manager on a stand-in for verl's base class."""
    module = ModuleType(BASE)
    vars(module)["RewardManagerBase"] = type("RewardManagerBase", (), {"__init__": lambda *_: None})
    sys.modules[BASE] = module
    from onethinker_rewards.adapters.verl import make_reward_manager

    reward = SimpleNamespace(custom_reward_function={}, get=lambda _: None)
    return make_reward_manager()(SimpleNamespace(reward=reward), tokenizer(), None)


def seconds(scorer: Any, rows: list[Trajectory]) -> float:
    """Return how long the rewards of a step take when all responses are done at once."""

    async def score() -> list[Any]:
        return await asyncio.gather(*(scorer.run_single(row) for row in rows))

    begun = time.perf_counter()
    scored = asyncio.run(score())
    taken = time.perf_counter() - begun
    assert len(scored) == PROMPTS * EACH
    assert {row["reward_extra_info"]["scored_as"] for row in scored} == {
        row.non_tensor_batch["extra_info"]["task"] for row in rows
    }
    return taken


def run() -> list[Row]:
    """Measure the best of some steps, and that without mathematics."""
    scorer, every = manager(), (*WRITTEN, "math", "ocr", "open_ended")
    seconds(scorer, trajectories(every, 1))
    later = min(seconds(scorer, trajectories(every, 2 + round_)) for round_ in range(ROUNDS))
    plain = tuple(task for task in every if task != "math")
    without = min(seconds(scorer, trajectories(plain, 2 + round_)) for round_ in range(ROUNDS))
    measured = {"a step": later, "a step without mathematics": without}
    return [
        Row(
            f"1,024 responses, {name}",
            taken,
            f"a rollout of {ROLLOUT_S:.0f} s",
            ROLLOUT_S,
            note=f"{taken / ROLLOUT_S:.2%} of it, at most {MOST:.0%}",
        )
        for name, taken in measured.items()
    ]
