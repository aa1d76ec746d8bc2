"""Types of Arrow, and in which others the same values can be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onethinker_rewards.cli.files import Refused

try:
    import pyarrow as pa
except ImportError:
    raise Refused("Parquet needs pyarrow: pip install 'onethinker-rewards[parquet]'") from None

__all__ = ["has_empty_struct", "is_nanoseconds", "is_temporal", "pa", "plain_type", "text_type", "with_text_for"]

text_type: Any = pa.string()
_VIEWS: dict[Any, Any] = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}


def plain_type(kind: Any) -> Any:
    """Return the type in which all that is done here can be done: Arrow cannot pick rows of views.

    Nor can it join rows of dictionaries inside lists and objects.
    """
    if pa.types.is_dictionary(kind):
        return kind
    return _mapped(kind, lambda leaf: plain_type(leaf.value_type) if pa.types.is_dictionary(leaf) else _unviewed(leaf))


def with_text_for(kind: Any, chosen: Callable[[Any], bool]) -> Any:
    """Return a type with text in the place of some of the types inside it, or of itself."""
    return _mapped(kind, lambda leaf: text_type if chosen(leaf) else leaf)


def is_temporal(kind: Any) -> bool:
    """Tell whether values are dates, times or durations."""
    return pa.types.is_temporal(kind)


def is_nanoseconds(kind: Any) -> bool:
    """Tell whether values are finer than Python's: another package decides what they would be there."""
    return is_temporal(kind) and getattr(kind, "unit", None) == "ns"


def has_empty_struct(kind: Any) -> bool:
    """Tell whether a type has an object without any key in it: Parquet cannot hold that."""
    inside = [kind.field(place).type for place in range(kind.num_fields)]
    return (pa.types.is_struct(kind) and not inside) or any(map(has_empty_struct, inside))


def _unviewed(kind: Any) -> Any:
    return _VIEWS.get(kind, kind)


def _mapped(kind: Any, leaf: Callable[[Any], Any]) -> Any:
    """Return a type with something else in the place of its innermost types."""

    def inside(field: Any) -> Any:
        return field.with_type(_mapped(field.type, leaf))

    if pa.types.is_struct(kind):
        return pa.struct([inside(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(inside(kind.key_field), inside(kind.item_field), keys_sorted=kind.keys_sorted)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(inside(kind.value_field), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(inside(kind.value_field))
    return pa.list_(inside(kind.value_field)) if pa.types.is_list(kind) else leaf(kind)
