"""Converts between absolute pixels, which some models write, and thousandths of width and height, which are scored.

Qwen2.5-VL writes pixels of the image as it was resized for the model; Qwen2-VL and Qwen3-VL write thousandths.
"""

from __future__ import annotations

import math
import re

from onethinker_rewards.answers.tags import CLOSE_ANSWER, OPEN_ANSWER
from onethinker_rewards.errors import ArgumentError

_THOUSAND = 1000.0

# A factor and a divisor for x and for y, applied in this order: a coordinate at the border stays at the border.
_Scale = tuple[tuple[float, float], tuple[float, float]]

# Tokens rather than decoded JSON: scoring has to see every fault, and an answer that lenient rules repair is converted
# too. A string that is never closed ends with the text, which keeps this linear.
_TOKEN = re.compile(
    r"""
    (?P<key>     ["'] (?: boxes | bbox_2d | positive_points | negative_points ) ["'] \s* : )
  | (?P<string>  " (?: [^"\\] | \\. )*+ "? | ' (?: [^'\\] | \\. )*+ '? )
  | (?P<open>    [\[{] )
  | (?P<close>   [\]}] )
  | (?P<comma>   , )
  | (?P<number>  (?<![\w.]) -? [0-9]+ (?: \.[0-9]+ )? (?: [eE][+-]?[0-9]+ )? (?![\w.]) )
    """,
    re.VERBOSE | re.DOTALL,
)


def to_thousandths(text: str, width: float, height: float) -> str:
    """Rewrite the pixel coordinates in a response, answer or reference as thousandths of width and height.

    Nothing but numbers under a coordinate key is touched, so that scoring still sees every fault of the answer.

    Args:
        text: A response with answer tags, or a bare JSON answer or reference.
        width: Width in pixels of the image as the model saw it.
        height: Its height in pixels.

    Raises:
        ArgumentError: If width or height is not positive and finite.

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
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise ArgumentError(f"width and height are positive and finite, not {width} and {height}")


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
    # How many brackets are open in the value of a coordinate key; None outside such a value.
    depth: int | None = None
    axis = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if depth is None:
            depth = 0 if kind == "key" else None
            continue
        depth += (kind == "open") - (kind == "close")
        # x and y take turns in the innermost list.
        axis = 0 if kind == "open" else axis + (kind == "comma")
        if depth <= 0:
            depth = None
        elif kind == "number":
            pieces += text[done : token.start()], _scaled(token[0], *scale[axis % 2])
            done = token.end()
    return "".join((*pieces, text[done:]))


def _scaled(number: str, factor: float, divisor: float) -> str:
    value = float(number) * factor / divisor
    # A number that overflows is far outside the image in either unit.
    return repr(value) if math.isfinite(value) else number
