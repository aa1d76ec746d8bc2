"""Converts between absolute pixels, which some models write, and thousandths of width and height, which are scored.

Qwen2.5-VL writes pixels of the image as it was resized for the model, whose size `resized` computes; Qwen2-VL and
Qwen3-VL write thousandths.
"""

from __future__ import annotations

import math
import re
from numbers import Real

from onethinker_rewards.answers.limits import DEFAULT_LIMITS, has_long_number
from onethinker_rewards.answers.tags import CLOSE_ANSWER, OPEN_ANSWER
from onethinker_rewards.errors import ArgumentError

_THOUSAND = 1000.0
_TURNED_BOX = 5

# A factor and a divisor for x and for y, applied in this order: a coordinate at the border stays at the border.
_Scale = tuple[tuple[float, float], tuple[float, float]]

# Tokens rather than decoded JSON: scoring has to see every fault, and an answer that lenient rules repair is converted
# too. A string that is never closed ends with the text, which keeps this linear.
_TOKEN = re.compile(
    r"""
    (?P<key>     ["'] (?: boxes | bbox_2d | bbox | box | point | points | point_2d | corners
                        | positive_points | negative_points ) ["'] \s* : )
  | (?P<string>  " (?: [^"\\] | \\. )*+ "? | ' (?: [^'\\] | \\. )*+ '? )
  | (?P<open>    [\[{] )
  | (?P<close>   [\]}] )
  | (?P<comma>   , )
  | (?P<number>  (?<![\w.+-]) -? (?: 0 | [1-9][0-9]* ) (?: \.[0-9]+ )? (?: [eE][+-]?[0-9]+ )? (?![\w.]) )
    """,
    re.VERBOSE | re.DOTALL,
)


def to_thousandths(text: str, width: float, height: float) -> str:
    """Rewrite the pixel coordinates in a response, answer or reference as thousandths of width and height.

    Nothing but numbers under a coordinate key is touched, so that scoring still sees every fault of the answer: what is
    no number in JSON stays, such as ``064``, and so does one with more digits than `Limits` allow. So does a turned box
    of five numbers, which is read in pixels.

    Args:
        text: A response with answer tags, or a bare JSON answer or reference.
        width: Width in pixels of the image as the model saw it.
        height: Its height in pixels.

    Raises:
        ArgumentError: If width or height is not a number that is positive and finite.

    >>> to_thousandths('{"boxes": [64, 48, 320, 240]}', width=640, height=480)
    '{"boxes": [100.0, 100.0, 500.0, 500.0]}'
    """
    _check_size(width, height)
    return _rewrite(text, ((_THOUSAND, width), (_THOUSAND, height)))


def to_pixels(text: str, width: float, height: float) -> str:
    """Rewrite thousandths of width and height as pixels.

    It is the inverse of `to_thousandths`, and has the same arguments and errors.

    >>> to_pixels('{"boxes": [100.0, 100.0, 500.0, 500.0]}', width=640, height=480)
    '{"boxes": [64.0, 48.0, 320.0, 240.0]}'
    """
    _check_size(width, height)
    return _rewrite(text, ((width, _THOUSAND), (height, _THOUSAND)))


def _check_size(width: float, height: float) -> None:
    if not all(isinstance(side, Real) and 0 < side < math.inf for side in (width, height)):
        raise ArgumentError(f"width and height are positive and finite, not {width!r} and {height!r}")


def _rewrite(text: str, scale: _Scale) -> str:
    start = text.rfind(OPEN_ANSWER)
    if start < 0:
        return _rewrite_answer(text, scale)
    start += len(OPEN_ANSWER)
    end = text.find(CLOSE_ANSWER, start)
    end = len(text) if end < 0 else end
    return text[:start] + _rewrite_answer(text[start:end], scale) + text[end:]


def _rewrite_answer(text: str, scale: _Scale) -> str:
    pieces: list[str] = []
    done = 0
    # The numbers of the value of a coordinate key, and how many of its brackets are open; None outside such a value.
    numbers: list[tuple[re.Match[str], int]] = []
    depth: int | None = None
    axis = 0
    for token in [*_TOKEN.finditer(text), None]:
        kind = None if token is None else token.lastgroup
        if depth is None:
            depth = 0 if kind == "key" else None
            continue
        depth += (kind == "open") - (kind == "close")
        # x and y take turns in the innermost list.
        axis = 0 if kind == "open" else axis + (kind == "comma")
        if token is not None and kind == "number" and depth > 0:
            numbers.append((token, axis))
        elif token is None or depth <= 0:
            for number, index in numbers if not _is_turned_box(numbers) else []:
                pieces += text[done : number.start()], _scaled(number[0], *scale[index % 2])
                done = number.end()
            numbers, depth = [], None
    return "".join((*pieces, text[done:]))


def _is_turned_box(numbers: list[tuple[re.Match[str], int]]) -> bool:
    """Return whether numbers are center, width, height and degrees, which are read in pixels."""
    return [index for _, index in numbers] == [*range(_TURNED_BOX)]


def _scaled(number: str, factor: float, divisor: float) -> str:
    if has_long_number(number, DEFAULT_LIMITS.number_characters):
        return number
    value = float(number) * factor / divisor
    # A number that overflows is far outside the image in either unit.
    return repr(value) if math.isfinite(value) else number


def resized(
    width: int,
    height: int,
    *,
    min_pixels: int = 56 * 56,
    max_pixels: int = 12_845_056,
    factor: int = 28,
) -> tuple[int, int]:
    """Return the size to which Qwen2.5-VL's processor resizes an image, in whose pixels the model then writes.

    ::

        sides are rounded to multiples of factor; where their product is not within min_pixels…max_pixels, both are
        first scaled by √(limit / (width · height)), rounding down to stay below the largest, up to reach the least

    Args:
        width: Width of the file in pixels.
        height: Its height.
        min_pixels: The processor's setting of that name; by default that of Qwen2.5-VL's checkpoints.
        max_pixels: The same.
        factor: The side of a merged patch: 28 in Qwen2.5-VL.

    Raises:
        ArgumentError: If a side is not positive, or one is more than 200 times the other, which the processor refuses.

    Source: ``smart_resize`` of Qwen2-VL's image processor in transformers, and ``preprocessor_config.json`` of
    Qwen2.5-VL.

    >>> resized(1920, 1080), resized(640, 480)
    ((1932, 1092), (644, 476))
    """
    if not (width > 0 and height > 0) or max(width, height) / min(width, height) > 200:
        raise ArgumentError(f"width and height are positive, one at most 200 times the other, not {width} and {height}")
    across, down = (max(factor, round(side / factor) * factor) for side in (width, height))
    if across * down > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        across, down = (max(factor, math.floor(side / shrink / factor) * factor) for side in (width, height))
    elif across * down < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        across, down = (math.ceil(side * grow / factor) * factor for side in (width, height))
    return across, down
