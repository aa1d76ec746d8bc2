# ruff: noqa: E501, T201, RUF001, RUF005
"""Responses of all tasks, sound and broken, and what each is worth: the same before and after the rebuild of the core.

``python -m tests.rebuild.corpus write`` stores the results of the library as it is; the test compares with them.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import onethinker_rewards as otr

RESULTS = Path(__file__).with_name("results.json.gz")
GOLDEN = Path(__file__).parent.parent / "golden" / "release_rewards.jsonl"
TRICKS = Path(otr.__file__).parent / "hacks" / "tricks.jsonl"
ROWS = 18_000
BATCH = 512


class Row(NamedTuple):
    task: str
    response: str
    reference: str
    options: list[str] | None = None


def release_recipe() -> Any:
    return otr.RECIPES["release"]


RECIPES: dict[str, Callable[[], Any]] = {
    "paper": lambda: otr.RECIPES["paper"],
    "release": release_recipe,
    "lenient": lambda: otr.Recipe(name="lenient", rules="lenient"),
    "prefilled": lambda: otr.Recipe(name="prefilled", think="prefilled", accuracy_weight=2.0),
    "none": lambda: otr.Recipe(name="none", think="none", rules="lenient"),
    "normalized": lambda: otr.Recipe(name="normalized", accuracy="normalized", format_weight=0.1),
    "tight": lambda: otr.Recipe(
        name="tight",
        limits=otr.Limits(response_characters=260, answer_characters=110, track_boxes=3, number_characters=5, depth=3),
    ),
    "tight-lenient": lambda: otr.Recipe(
        name="tight-lenient",
        rules="lenient",
        limits=otr.Limits(response_characters=400, answer_characters=160, track_boxes=2, number_characters=4, depth=4),
    ),
}
EVERY_ROW = ("paper", "release", "lenient")
IN_TURN = ("prefilled", "none", "normalized", "tight", "tight-lenient")


class Drawn:
    """Draws answers and what is done to them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def number(self, low: float, high: float) -> float | int:
        value = self.random.uniform(low, high)
        return self.random.choice([round(value), round(value, 1), round(value, 2), value])

    def box(self) -> list[Any]:
        left, right = sorted((self.number(0, 1000), self.number(0, 1000)))
        top, bottom = sorted((self.number(0, 1000), self.number(0, 1000)))
        return [left, top, right, bottom]

    def track(self) -> dict[str, Any]:
        first = self.random.choice([0, 1, 1, 1, 5, 120, 3600])
        box = self.box()
        boxes = {}
        for second in range(first, first + self.random.randint(1, 8)):
            box = [min(1000, max(0, value + self.random.randint(-20, 20))) for value in box]
            boxes[str(second)] = list(box)
        return boxes

    def points(self) -> list[Any]:
        return [[self.number(0, 1000), self.number(0, 1000)] for _ in range(3)]

    def value(self, task: str) -> Any:
        start = self.number(0, 60)
        match task:
            case "temporal_grounding":
                return {"time": [start, start + self.random.choice([0, self.number(0, 30)])]}
            case "spatial_grounding":
                return {"boxes": self.box()}
            case "tracking":
                return {"boxes": self.track()}
            case "spatio_temporal_grounding":
                return {"time": [start, start + self.number(0, 30)], "boxes": self.track()}
            case "image_segmentation":
                return {"boxes": self.box(), "positive_points": self.points(), "negative_points": self.points()}
            case _:
                points = {"positive_points": self.points(), "negative_points": self.points()}
                return {"time": start, "boxes": self.box(), **points}

    def near(self, value: Any) -> Any:
        """Move every number a little."""
        if isinstance(value, dict):
            return {key: self.near(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.near(inner) for inner in value]
        return value + self.random.choice([0, 0, self.random.randint(-9, 9), self.random.uniform(-2, 2)])

    def broken(self, value: Any) -> Any:
        """Break the structure in one way of many."""
        value = json.loads(json.dumps(value))
        key = self.random.choice(list(value))
        inner = value[key]
        ways: list[Callable[[], Any]] = [
            lambda: {name: one for name, one in value.items() if name != key},
            lambda: {**value, "label": "cat"},
            lambda: [value],
            lambda: [value, value],
            lambda: {**value, key: [inner]},
            lambda: {**value, key: str(inner)},
            lambda: {**value, key: None},
            lambda: {**value, key: True},
            lambda: {("bbox_2d" if name == "boxes" else name): one for name, one in value.items()},
            lambda: {**{("bbox_2d" if name == "boxes" else name): one for name, one in value.items()}, "label": "a"},
            lambda: value.get("boxes", inner),
            lambda: {**value, key: self.scaled(inner, -1)},
            lambda: {**value, key: self.scaled(inner, 3)},
            lambda: {**value, key: self.scaled(inner, 1e200)},
            lambda: {**value, key: self.reversed(inner)},
            lambda: {**value, key: self.shorter(inner)},
            lambda: {**value, key: self.longer(inner)},
            lambda: {**value, key: self.stringly(inner)},
            lambda: {**value, key: self.renamed(inner)},
            lambda: {**value, key: {}},
            lambda: {**value, key: []},
            lambda: {"answer": value},
        ]
        return self.random.choice(ways)()

    def scaled(self, value: Any, factor: float) -> Any:
        if isinstance(value, dict):
            return {key: self.scaled(inner, factor) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.scaled(inner, factor) for inner in value]
        return value * factor

    def reversed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.reversed(inner) for key, inner in value.items()}
        return value[::-1] if isinstance(value, list) else -value

    def shorter(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: (inner[:-1] if self.random.random() < 0.5 else inner) for key, inner in value.items()}
        return value[:-1] if isinstance(value, list) else value

    def longer(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {**value, str(len(value) + 50): self.box()}
        return [*value, value[-1]] if isinstance(value, list) else [value]

    def stringly(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.stringly(inner) for key, inner in value.items()}
        return [str(inner) for inner in value] if isinstance(value, list) else str(value)

    def renamed(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names = ["-0", "0", "00", "01", "1.0", "+1", " 1", "x", "1" * 10, "1" * 9, "१", ""]
        return {self.random.choice([key, *names]): inner for key, inner in value.items()}

    def written(self, value: Any) -> str:
        text = json.dumps(value, separators=self.random.choice([(", ", ": "), (",", ":")]))
        ways: list[Callable[[str], str]] = [
            lambda text: text.replace('"', "'"),
            lambda text: f"```json\n{text}\n```",
            lambda text: f"```{text}```",
            lambda text: f"```\n{text}",
            lambda text: text.replace("}", ",}", 1),
            lambda text: text.replace("]", ", ]", 1),
            lambda text: text[: self.random.randint(1, len(text))],
            lambda text: f"The answer is {text}",
            lambda text: text + "}",
            lambda text: text.replace("0", "0" * 7, 1),
            lambda text: text.replace(".", "." + "3" * 450, 1),
            lambda text: text.replace("1", "NaN", 1),
            lambda text: text.replace("1", "1e999", 1),
            lambda text: text.replace("1", "1_0", 1),
            lambda text: text.replace("1", "true", 1),
            lambda text: "\n  " + text + " \t",
            lambda text: text.replace('"', "\\u0022", 1),
            lambda text: text.replace('"-0"', '"\\u002d0"'),
            lambda text: text.replace("{", "{" + text[1:-1] + ", ", 1),
            lambda text: json.dumps(json.loads(text), indent=1),
        ]
        return self.random.choice(ways)(text) if self.random.random() < 0.3 else text

    def mutated(self, text: str) -> str:
        """Change, drop, double or swap a few characters."""
        for _ in range(self.random.randint(1, 3)):
            if not text:
                return text
            place = self.random.randrange(len(text))
            match self.random.randrange(4):
                case 0:
                    text = text[:place] + text[place + 1 :]
                case 1:
                    text = text[:place] + text[place] + text[place:]
                case 2:
                    text = (
                        text[:place]
                        + self.random.choice("0123456789.,-+eE[]{}\"' <>/\\\n\ud800é１")
                        + text[place + 1 :]
                    )
                case _:
                    text = text[:place] + text[place : place + 2][::-1] + text[place + 2 :]
        return text

    def tagged(self, answer: str) -> str:
        think = self.random.choice(["t", "", "a\nb", "It is <answer>B</answer>.", "a < b", "long " * 60, "é中文"])
        usual = f"<think>{think}</think>{self.random.choice(['', chr(10), chr(10) * 2])}<answer>{answer}</answer>"
        if self.random.random() < 0.7:
            return usual
        ways = [
            f"<answer>{answer}</answer>",
            answer,
            f"<think>{think}</think>{answer}",
            f"<think>{think}</think><answer>{answer}",
            f"<think>{think}<answer>{answer}</answer>",
            f"{think}</think><answer>{answer}</answer>",
            f"Sure. {usual}",
            f"{usual} That is all.",
            f"{usual}<|im_end|>",
            f"{usual}<|im_end|>\n<|endoftext|>",
            f"{usual}</s> x",
            f"{usual}<answer>{answer}</answer>",
            f"<think>{think}</think><answer>{answer}</answer></answer>",
            f"<think>{think}</think></answer><answer>{answer}</answer>",
            f"<think>{think}</think><answer><think>{answer}</answer>",
            f"<think>{think}</think><think>{think}</think><answer>{answer}</answer>",
            f"<think>{think}</think> and <answer>{answer}</answer>",
            f"< think >{think}</ think >< answer >{answer}</ answer >",
            f"<THINK>{think}</THINK><ANSWER>{answer}</ANSWER>",
            f"<think>{think}</think>\n\n\n<answer>\n{answer}\n</answer>\n",
            f"  <think>{think}</think>\t<answer> {answer} </answer>  ",
            f"<think></think><answer></answer>{answer}",
            f"<think>{think}</think><answer> </answer>",
        ]
        return self.random.choice(ways)


JSON_TASKS = (
    "temporal_grounding", "spatial_grounding", "tracking", "spatio_temporal_grounding", "image_segmentation",
    "video_segmentation",
)  # fmt: skip
LETTERS = (
    "A B C D a b (C) [D] {A} **B** _C_ $D$ \\boxed{A} \\text{B} A. B) C: D, E".split(" ")
    + [
        "A. dog",
        "B) cat",
        "The answer is C",
        "answer: D",
        "the correct option is: B",
        "A or B",
        "A. dog B. cat",
        "Apple",
    ]
    + ["dog", "a dog", "cat", "U.S. Navy", "", " ", "AB", "ａ", "Option A", "choice (B)", "((((((((((A))))))))))", "no"]
)
OPTIONS = (
    None, None, None, ["dog", "cat"], ["A. dog", "B. cat", "C. cow"], ["U.S. Navy", "cat", "dog", "no"], ["dog", "dog"],
    ["(A) a dog", "(B) cat"], [], ["x", "y", "z", "w", "v", "cat"],
)  # fmt: skip
NUMBERS = (
    "7 7.0 7.00 -7 +7 0.07e2 1,234 1,234.5 12,34 1_000 .5 5. 1e3 1e400 -1e400 nan inf 12% 12cm 1/2 7.005 7.004 7.015 "
    "6.995 6.994999 0 -0 0.0 1e-5000 3.14159265 3.14 ７ 0x10 1e5 100000 00012 1.2.3 --1 1e 2.675 2.68 2.67 "
    "123456789012 9999999999999999999999 0.1 0.2 0.30000000000000004"
).split() + ["7 ", " 7", "7 apples", "seven", "", "1 234", "```\n7\n```", "```7```", "9" * 401, "1" * 50 + ".5"]
TEXTS = (
    "a cat", "A cat.", "the cat sat on the mat", "The cats sat on mats", "a cat a cat", "a cat, a cat, a cat", "猫",
    "一只猫坐着", "一只狗", "ein Hund läuft", "", " ", "x", "yes", "no", "running dogs run", "12 dogs", "??", "¿qué?",
    "The quick brown fox jumps over the lazy dog", "Platform 9, trains to the coast", "platform 9 trains to the coast",
    "line one\nline two", "ﬁne print", "नमस्ते दुनिया", "สวัสดี", "word " * 40, "a" * 300, "\ud800 lone", "yyyyyyyyy",
    "```\na cat\n```", "<b>bold</b>", "İstanbul", "K elvin",
)  # fmt: skip
MATHS = (
    "1/2", "0.5", "\\frac{1}{2}", "\\frac12", "$\\frac{1}{2}$", "2\\pi", "2pi", "6.283185307", "x=4", "4", "x = 4", "3 cm", "3",
    "30 mm", "50%", "0.50", "(1,2)", "[1,2]", "(1, 2]", "\\{1,2\\}", "1,2", "2,1", "1 or 2", "\\sqrt{2}", "1.41421356", "x^2+1",
    "1+x^2", "(x+1)^2", "x^2+2x+1", "x<3", "3>x", "x \\le 3", "(-\\infty, 3)", "\\boxed{7}", "7", "\\boxed{7} or 8", "not 7",
    "7.0", "seven", "", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1 & 2 \\\\ 3 & 5\\end{pmatrix}", "e^{i\\pi}",
    "-1", "\\sin x", "sin(x)", "10^{40}+1", "10^{40}", "9^{9^{9}}", "\\frac{1}{0}", "1 2", "a b", "ab", "5!", "120", "\\log 100", "2",
    "\\text{no solution}", "\\emptyset", "x \\in \\mathbb{R}", "\\mathbb{R}", "f(x)=x", "y=2x+1", "2x-y+1=0", "90^\\circ",
    "\\pi/2", "16\\pi or 4\\pi", "1:2", "2:4", "0.\\overline{3}", "1/3", "\\pm 2", "2,-2", "12,000", "12000", "the answer is 4",
)  # fmt: skip


def text_rows(drawn: Drawn, task: str) -> Row:
    choose = drawn.random.choice
    match task:
        case "multiple_choice":
            options = choose(OPTIONS)
            answer, reference = (
                choose(LETTERS),
                choose(["A", "B", "C", "D", "(A)", "A. dog", "dog", "a dog", "cat", "E"]),
            )
        case "numerical" | "regression":
            options = None
            answer, reference = choose(NUMBERS), choose(NUMBERS[:10] + NUMBERS[16:20] + NUMBERS[20:])
            if drawn.random.random() < 0.5:
                wanted = drawn.number(-50, 50)
                reference, answer = str(wanted), str(drawn.near(wanted))
        case "math":
            options = None
            answer, reference = choose(MATHS), choose(MATHS)
            reference = answer if drawn.random.random() < 0.2 else reference
        case _:
            options = None
            answer, reference = choose(TEXTS), choose(TEXTS)
            answer = reference if drawn.random.random() < 0.2 else answer
            answer = drawn.mutated(answer) if drawn.random.random() < 0.3 else answer
    reference = choose([reference, reference, reference, f"<answer>{reference}</answer>", f" {reference}\n"])
    return Row(task, drawn.tagged(answer), reference, options)


def json_row(drawn: Drawn, task: str) -> Row:
    wanted = drawn.value(task)
    reference = json.dumps(wanted)
    if drawn.random.random() < 0.1:
        reference = drawn.written(drawn.broken(wanted))
    answer = drawn.near(wanted) if drawn.random.random() < 0.7 else drawn.value(task)
    if drawn.random.random() < 0.4:
        answer = drawn.broken(answer)
    response = drawn.tagged(drawn.written(answer))
    return Row(task, response, f"<answer>{reference}</answer>" if drawn.random.random() < 0.2 else reference)


def rows() -> list[Row]:
    """Return the same rows each time: drawn ones, the golden ones of the release, and tricks."""
    drawn = Drawn(15)
    texts = ("multiple_choice", "numerical", "regression", "math", "ocr", "open_ended")
    found = []
    for number in range(ROWS):
        task = (*JSON_TASKS, *texts)[number % 12]
        if task == "math" and number > ROWS // 2:
            task = "multiple_choice"
        row = json_row(drawn, task) if task in JSON_TASKS else text_rows(drawn, task)
        if drawn.random.random() < 0.25:
            row = row._replace(response=drawn.mutated(row.response))
        found.append(row)
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.append(Row(otr.task_name(row["problem_type"], row["data_type"]), row["response"], row["ground_truth"]))
    for line in TRICKS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.append(Row(row["task"], row["response"], row["reference"]))
    drawn.random.shuffle(found)
    return found


def batches() -> Iterator[tuple[str, list[Row]]]:
    everything = rows()
    for number, start in enumerate(range(0, len(everything), BATCH)):
        for name in (*EVERY_ROW, IN_TURN[number % len(IN_TURN)]):
            yield name, everything[start : start + BATCH]


def scored(name: str, some: list[Row]) -> list[list[Any]]:
    """Return what is compared of each row."""
    recipe = RECIPES[name]()
    columns: dict[str, Any] = {"recipe": recipe, "options": [row.options for row in some]}
    args = [row.response for row in some], [row.reference for row in some], [row.task for row in some]
    batch = otr.score(*args, **columns, on_bad_reference="skip")
    normalized = getattr(batch, "normalized", getattr(batch, "normalised", None))
    assert normalized is not None
    numbers = (batch.total, batch.accuracy, batch.format, batch.structure, normalized)
    found = []
    for row in range(len(some)):
        parts = {part: values[row].item() for part, values in batch.parts.items() if not math.isnan(values[row])}
        codes = batch.failure[row] and str(batch.failure[row]), batch.format_fault[row] and str(batch.format_fault[row])
        found.append(
            [*(none(values[row].item()) for values in numbers), parts, *codes, list(map(str, batch.repairs[row]))]
        )
    return found


def none(value: float) -> float | None:
    return None if math.isnan(value) else value


def refused(name: str, some: list[Row]) -> str:
    """Return the error of a batch whose references are not all readable."""
    args = [row.response for row in some], [row.reference for row in some], [row.task for row in some]
    try:
        otr.score(*args, recipe=RECIPES[name](), options=[row.options for row in some])
    except otr.BadReferenceError as error:
        return f"{error.rows} {error.reasons}"
    return ""


def results() -> Iterator[tuple[str, list[Row], list[list[Any]], str]]:
    for number, (name, some) in enumerate(batches()):
        error = refused(name, some[: BATCH // 8]) if number % 8 < 4 else ""
        yield name, some, scored(name, some), error


if __name__ == "__main__":
    assert sys.argv[1:] == ["write"]
    found = [[name, batch, error] for name, _, batch, error in results()]
    RESULTS.write_bytes(gzip.compress(json.dumps(found).encode(), mtime=0))
    print(sum(len(batch) for _, batch, _ in found), "results", RESULTS.stat().st_size, "bytes")
