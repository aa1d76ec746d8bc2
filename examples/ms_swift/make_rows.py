"""Write pictures and rows for ms-swift: find a rectangle (a box), say which color is missing (a choice).

    python examples/ms_swift/make_rows.py --out rows

`rows/rows.jsonl` has `messages` and `images` for ms-swift, and for the reward `problem_type`, `data_type`, `solution`
and `options`. The prompts ask for boxes as the model family writes them; `plugin.py` has to name the same dialect.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from PIL import Image, ImageDraw

import onethinker_rewards as otr

COLORS = ["red", "green", "blue", "yellow"]
SIDE = 448


def make_row(number: int, folder: Path, dialect: str, chance: random.Random) -> dict[str, object]:
    """Draw three rectangles that do not touch, save the picture, and return a row that asks about it."""
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    *shown, missing = chance.sample(COLORS, len(COLORS))
    corners: dict[str, list[int]] = {}
    for column, color in enumerate(shown):
        left, top = column * 150 + chance.randrange(40), chance.randrange(240)
        corners[color] = [left, top, left + chance.randrange(50, 100), top + chance.randrange(50, 200)]
        ImageDraw.Draw(picture).rectangle(corners[color], fill=color)
    file = folder / f"{number:04}.png"
    picture.save(file)

    if number % 2:
        task, question, options = "multiple_choice", "<image>Which color is not in the picture?", COLORS
        solution = "ABCD"[COLORS.index(missing)]
    else:
        color = chance.choice(shown)
        task, question, options = "spatial_grounding", f"<image>Where is the {color} rectangle?", None
        solution = otr.to_thousandths(f'{{"boxes": {corners[color]}}}', width=SIDE, height=SIDE)
    text = otr.prompt(task, question, options, dialect=dialect)
    return {
        "messages": [{"role": "user", "content": text}],
        "images": [str(file.resolve())],
        "problem_type": task,
        "data_type": "image",
        "solution": solution,
        "options": options,
    }


def main() -> None:
    """Write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("rows"))
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--dialect", default="qwen3-vl", choices=[*otr.DIALECTS])
    given = parser.parse_args()

    given.out.mkdir(parents=True, exist_ok=True)
    chance = random.Random(0)
    rows = [make_row(number, given.out, given.dialect, chance) for number in range(given.rows)]
    (given.out / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} rows in {given.out / 'rows.jsonl'}")


if __name__ == "__main__":
    main()
