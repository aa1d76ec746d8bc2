"""The rules of reading in other words: regular expressions over the whole text, slow and plain."""

from __future__ import annotations

import re
from typing import Any

END_TOKENS = (
    "<|im_end|>", "<|endoftext|>", "</s>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|eot|>", "<|eom|>",
    "<end_of_turn>", "<eos>", "<pad>", "<\uff5cend\u2581of\u2581sentence\uff5c>", "<|EOT|>", "<|end|>", "<|return|>",
    "<eoa>",
)  # fmt: skip
TAGS = re.compile(r"</?(?:think|answer)>")
_THINKING = r"(?:(?!</?think>).)*"
_ANSWER = r"<answer>(?!\s*</answer>)(?:(?!</?(?:think|answer)>).)*</answer>"
FORMATS = {
    "required": re.compile(rf"\s*<think>{_THINKING}</think>\s*{_ANSWER}", re.DOTALL),
    "prefilled": re.compile(rf"{_THINKING}</think>\s*{_ANSWER}", re.DOTALL),
    "none": re.compile(rf"\s*{_ANSWER}", re.DOTALL),
}


def without_end(response: str) -> str:
    """Take white space and end tokens off the end, one at a time."""
    while True:
        text = response.rstrip()
        for token in END_TOKENS:
            text = text.removesuffix(token)
        if text == response:
            return text
        response = text


def only_answer(response: str) -> tuple[str | None, str | None]:
    """Return the answer, or the code of why there is none."""
    tail = without_end(response).rpartition("</think>")[2]
    tags = TAGS.findall(tail)
    counted = [tag for tag in tags if "answer" in tag]
    if "<answer>" not in counted:
        return None, "missing_answer"
    if counted not in (["<answer>", "</answer>"], ["<answer>"]):
        return None, "several_answers"
    content = tail.partition("<answer>")[2].partition("</answer>")[0].strip()
    if counted == ["<answer>"]:
        return content, "unclosed_answer"
    if "<think>" in content:
        return None, "tag_in_answer"
    return (content, None) if content else (None, "empty_answer")


def in_format(response: str, think: str) -> bool:
    return FORMATS[think].fullmatch(without_end(response)) is not None


# The released code: what it substitutes, searches and matches.


def release_answer(response: str) -> tuple[str, bool]:
    """Return what is compared, and whether the format is right."""
    text = re.sub(r"\s*(<|>|/)\s*", r"\1", response)
    found = re.search(r"<answer>\s*(.*?)\s*</answer>", text, re.DOTALL)
    tagged = found[1].strip() if found else ""
    whole = re.search(r"\A\s*<think>.*?</think>\s*<answer>.*?</answer>\s*\Z", text, re.DOTALL)
    return tagged or text.strip(), whole is not None


def scaled(value: Any, x: float, y: float, *, inside: bool = False) -> Any:
    """Scale the lists of numbers under a coordinate key of decoded JSON."""
    keys = {"boxes", "box", "point", "points", "corners", "positive_points", "negative_points"}
    if isinstance(value, dict):
        return {key: scaled(item, x, y, inside=inside or key in keys) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    return [
        item * (y if index % 2 else x)
        if inside and isinstance(item, int | float) and not isinstance(item, bool)
        else scaled(item, x, y, inside=inside)
        for index, item in enumerate(value)
    ]


def text_of_runs(lengths: list[int]) -> str:
    """Return COCO's compressed counts of runs, a number at a time; `oracles_masks.runs_of_text` reads them."""
    text = ""
    for index, length in enumerate(lengths):
        number = length - lengths[index - 2] if index > 2 else length
        is_last = False
        while not is_last:
            digits, number = number & 31, number >> 5
            is_last = number == (-1 if digits & 16 else 0)
            text += chr(48 + digits + (0 if is_last else 32))
    return text


def is_enclosed(text: str) -> bool:
    """Say whether the bracket that opens ``text`` is closed by its last character, and not before."""
    depths, depth = [], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        depths.append(depth)
    return text[:1] == "(" and 0 in depths and depths.index(0) == len(text) - 1
