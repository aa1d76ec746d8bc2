"""Between absolute pixels, which some models write, and thousandths of width and height, which are scored.

Qwen2.5-VL writes pixels of the image as it was resized for the model; Qwen2-VL and Qwen3-VL write thousandths.
"""

from __future__ import annotations

from typing import Any

import orjson

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.parsing.repairs import load_with_repairs, without_fence
from onethinker_rewards.parsing.tags import CLOSE_ANSWER, OPEN_ANSWER

__all__ = ["to_pixels", "to_thousandths"]

_COORDINATE_KEYS = frozenset({"boxes", "bbox_2d", "positive_points", "negative_points"})
_THOUSAND = 1000.0

# For x and for y: times what, over what. In this order a coordinate at the border stays at the border.
_Scale = tuple[tuple[float, float], tuple[float, float]]


def to_thousandths(text: str, width: float, height: float) -> str:
    """Rewrite the pixel coordinates in a response, answer or reference as thousandths of width and height.

    Args:
        text: A response with answer tags, or a bare JSON answer or reference. What is no JSON stays as it is, so
            that scoring names its fault.
        width: Width in pixels of the image as the model saw it.
        height: Its height in pixels.

    Raises:
        ArgumentError: If width or height is not positive.

    >>> to_thousandths('{"boxes": [64, 48, 320, 240]}', width=640, height=480)
    '{"boxes":[100.0,100.0,500.0,500.0]}'
    """
    _check_size(width, height)
    return _rewrite(text, ((_THOUSAND, width), (_THOUSAND, height)))


def to_pixels(text: str, width: float, height: float) -> str:
    """Rewrite thousandths of width and height as pixels; the inverse of `to_thousandths`.

    >>> to_pixels('{"boxes":[100.0,100.0,500.0,500.0]}', width=640, height=480)
    '{"boxes":[64.0,48.0,320.0,240.0]}'
    """
    _check_size(width, height)
    return _rewrite(text, ((width, _THOUSAND), (height, _THOUSAND)))


def _check_size(width: float, height: float) -> None:
    if not (width > 0 and height > 0):
        raise ArgumentError(f"width and height are positive, not {width} and {height}")


def _rewrite(text: str, scale: _Scale) -> str:
    start = text.rfind(OPEN_ANSWER)
    if start < 0:
        return _rewrite_answer(text, scale)
    start += len(OPEN_ANSWER)
    end = text.find(CLOSE_ANSWER, start)
    end = len(text) if end < 0 else end
    return text[:start] + _rewrite_answer(text[start:end], scale) + text[end:]


def _rewrite_answer(text: str, scale: _Scale) -> str:
    try:
        value, _ = load_with_repairs(without_fence(text.strip())[0], track=False)
    except orjson.JSONDecodeError:
        return text
    return orjson.dumps(_walk(value, scale)).decode() if isinstance(value, dict | list) else text


def _walk(value: Any, scale: _Scale) -> Any:
    """Scale what stands under a coordinate key, at any place that a schema or a near relative of it knows."""
    if isinstance(value, list):
        return [_walk(item, scale) if isinstance(item, dict) else item for item in value]
    return {key: _scaled(item, scale) if key in _COORDINATE_KEYS else item for key, item in value.items()}


def _scaled(value: Any, scale: _Scale) -> Any:
    if isinstance(value, dict):
        return {key: _scaled(item, scale) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if all(isinstance(item, int | float) and not isinstance(item, bool) for item in value):
        return [item * scale[place % 2][0] / scale[place % 2][1] for place, item in enumerate(value)]
    return [_scaled(item, scale) for item in value]
