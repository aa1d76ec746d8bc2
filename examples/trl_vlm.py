"""Train a vision-language model with TRL's GRPOTrainer: pictures, prompts that ask for the format, EMA-GRPO.

    pip install 'onethinker-rewards[trl]' pillow torchvision
    python examples/trl_vlm.py
    python examples/trl_vlm.py --model Qwen/Qwen2.5-VL-3B-Instruct --dialect qwen2.5-vl

Two tasks, on pictures that the script draws: find a rectangle (a box), and say which color is missing (a choice). The
prompts ask for boxes as the model family writes them, and the reward reads them like that: `--dialect` goes to both.
Printed are, at each step, TRL's own numbers and for each task `onethinker/<task>/total`, `…/format`, `…/failure/<code>`
and `…/sigma`. A format that stays at 0 says by its code what is missing.

A model of this size needs a GPU; `--device cpu --dtype float32` is for trying it out with a tiny one, as our tests do.
`--dtype` is that of the weights and of the optimizer's moments. With your own data replace `make_rows`: a row has the
`prompt`, `image`, `problem_type`, `solution` and `options`.
"""

from __future__ import annotations

import argparse
import random
from typing import Any

from datasets import Dataset
from PIL import Image, ImageDraw
from trl import GRPOConfig, GRPOTrainer

import onethinker_rewards as otr
from onethinker_rewards.adapters.trl import make_reward

COLORS = ["red", "green", "blue", "yellow"]
# A multiple of 28 and of 32: processors of Qwen's models leave such a picture as it is, so pixels are pixels of it.
SIDE = 448


def draw(chance: random.Random) -> tuple[Image.Image, dict[str, list[int]], str]:
    """Return a picture of three rectangles that do not touch, the corners of each in pixels, and the missing color."""
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    *shown, missing = chance.sample(COLORS, len(COLORS))
    corners: dict[str, list[int]] = {}
    for column, color in enumerate(shown):
        left, top = column * 150 + chance.randrange(40), chance.randrange(240)
        corners[color] = [left, top, left + chance.randrange(50, 100), top + chance.randrange(50, 200)]
        ImageDraw.Draw(picture).rectangle(corners[color], fill=color)
    return picture, corners, missing


def make_rows(count: int, dialect: str, seed: int) -> list[dict[str, Any]]:
    """Return rows for TRL; references are in thousandths of width and height, whatever the model writes."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        picture, corners, missing = draw(chance)
        if number % 2:
            task, question, options = "multiple_choice", "Which color is not in the picture?", COLORS
            solution = "ABCD"[COLORS.index(missing)]
        else:
            color = chance.choice([*corners])
            task, question, options = "spatial_grounding", f"Where is the {color} rectangle?", None
            solution = otr.to_thousandths(f'{{"boxes": {corners[color]}}}', width=SIDE, height=SIDE)
        text = otr.prompt(task, question, options, dialect=dialect)
        rows.append(
            {
                "prompt": [{"role": "user", "content": text}],  # TRL puts the image in front of it
                "image": picture,
                "problem_type": task,
                "solution": solution,
                "options": options,
                "size": [SIDE, SIDE],  # read for a dialect in pixels alone
            }
        )
    return rows


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="Qwen/Qwen3-VL-2B-Instruct", help="a name on Hugging Face, or a folder")
    parser.add_argument("--dialect", default="qwen3-vl", choices=[*otr.DIALECTS], help="how it writes boxes")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=16, help="responses a step")
    parser.add_argument("--rollouts", type=int, default=8, help="responses to each prompt")
    parser.add_argument("--length", type=int, default=512, help="most tokens of a response")
    parser.add_argument("--out", default="trl_vlm")
    given = parser.parse_args()

    reward = make_reward(ema=True, dialect=given.dialect)
    trainer = GRPOTrainer(
        given.model,
        reward_funcs=reward,
        args=GRPOConfig(
            output_dir=given.out,
            scale_rewards="none",  # the reward is divided by the σ of its task already
            max_steps=given.steps,
            per_device_train_batch_size=given.batch,
            num_generations=given.rollouts,
            max_completion_length=given.length,
            learning_rate=1e-6,
            use_cpu=given.device == "cpu",
            bf16=given.dtype == "bfloat16",
            model_init_kwargs={"dtype": given.dtype},
            logging_steps=1,
            report_to="none",
        ),
        train_dataset=Dataset.from_list(make_rows(given.steps * given.batch // given.rollouts, given.dialect, seed=0)),
        callbacks=[reward.callback()],  # keeps σ in the checkpoints
    )
    trainer.train()


if __name__ == "__main__":
    main()
