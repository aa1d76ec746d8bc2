"""Values in a schema of the user's own, made from its JSON Schema.

pydantic has no plugin for hypothesis since version 2, and what hypothesis infers from annotations leaves out patterns
and root models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel, ValidationError

_Definitions = Mapping[str, SearchStrategy[Any]]
_MOST = 3


def model_values(schema: type[BaseModel]) -> SearchStrategy[Any]:
    """Return JSON values that a model accepts: those that its JSON Schema describes, less those that it refuses.

    hypothesis gives up where the model refuses nearly all of them, because a validator asks for what JSON Schema cannot
    say.

    >>> from hypothesis import find
    >>> from onethinker_rewards.answers import PointTrack
    >>> find(model_values(PointTrack), lambda value: any(value["points"].values()))
    {'points': {'0': [0.0, 0.0]}}
    """
    described = schema.model_json_schema()
    definitions: dict[str, SearchStrategy[Any]] = {}

    def defined(definition: Any) -> SearchStrategy[Any]:
        # Deferred, because a definition may refer to a later one, and to itself.
        return st.deferred(lambda: _described(definition, definitions))

    definitions.update({name: defined(definition) for name, definition in described.get("$defs", {}).items()})
    return _described(described, definitions).filter(partial(_accepts, schema))


def _accepts(schema: type[BaseModel], value: Any) -> bool:
    try:
        schema.model_validate_json(json.dumps(value))
    except ValidationError:
        return False
    return True


def _described(schema: Any, definitions: _Definitions) -> SearchStrategy[Any]:
    """Return values that a JSON Schema describes, as far as pydantic writes them."""
    if not isinstance(schema, dict):
        return _anything()
    if "$ref" in schema:
        return definitions[schema["$ref"].removeprefix("#/$defs/")]
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return st.one_of([_described(option, definitions) for option in options])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    simple = {"null": st.none(), "boolean": st.booleans(), None: _anything()}
    match schema.get("type"):
        case "integer" | "number":
            return _numbers(schema)
        case "string":
            return _texts(schema)
        case "array":
            return _arrays(schema, definitions)
        case "object":
            return _objects(schema, definitions)
        case other:
            return simple[other]


def _anything() -> SearchStrategy[Any]:
    return st.none() | st.booleans() | st.integers() | st.text(max_size=_MOST)


def _numbers(schema: Mapping[str, Any]) -> SearchStrategy[Any]:
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    low, high = schema.get("minimum", above), schema.get("maximum", below)
    if schema["type"] == "integer":
        # Larger ones are read as floats. Of an open interval, the model refuses the bounds.
        return st.integers(-(2**63) if low is None else low, 2**63 if high is None else high)
    return st.floats(
        low,
        high,
        allow_nan=False,
        allow_infinity=False,
        exclude_min=above is not None,
        exclude_max=below is not None,
    )


def _texts(schema: Mapping[str, Any]) -> SearchStrategy[str]:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength")
    if "pattern" in schema:
        return st.from_regex(schema["pattern"])
    return st.text(min_size=shortest, max_size=shortest + 2 * _MOST if longest is None else longest)


def _arrays(schema: Mapping[str, Any], definitions: _Definitions) -> SearchStrategy[list[Any]]:
    first = [_described(item, definitions) for item in schema.get("prefixItems", ())]
    if first:
        return st.tuples(*first).map(list)
    shortest, longest = schema.get("minItems", 0), schema.get("maxItems")
    return st.lists(
        _described(schema.get("items"), definitions),
        min_size=shortest,
        max_size=shortest + _MOST if longest is None else longest,
        unique_by=repr if schema.get("uniqueItems") else None,
    )


def _objects(schema: Mapping[str, Any], definitions: _Definitions) -> SearchStrategy[dict[str, Any]]:
    properties = {name: _described(value, definitions) for name, value in schema.get("properties", {}).items()}
    if properties:
        optional = {name: values for name, values in properties.items() if name not in schema.get("required", ())}
        required = {name: values for name, values in properties.items() if name not in optional}
        return st.fixed_dictionaries(required, optional=optional)
    keys = _texts(schema.get("propertyNames", {}))
    values = schema.get("additionalProperties")
    if "patternProperties" in schema:
        pattern, values = next(iter(schema["patternProperties"].items()))
        keys = st.from_regex(pattern)
    fewest, most = schema.get("minProperties", 0), schema.get("maxProperties")
    return st.dictionaries(
        keys, _described(values, definitions), min_size=fewest, max_size=fewest + _MOST if most is None else most
    )
