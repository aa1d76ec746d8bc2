"""From a file and ``key=value`` to checked settings; what is wrong is one line that names file and key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config.rl import RlSettings
from onethinker_rewards.trainer.config.section import keys_of
from onethinker_rewards.trainer.config.sft import SftSettings

__all__ = ["Settings", "read_settings", "shipped"]

Settings = RlSettings | SftSettings

_STAGES: Mapping[str, type[RlSettings | SftSettings]] = {"rl": RlSettings, "sft": SftSettings}
# YAML 1.1 takes 2e-6 for a text: it wants a point.
_EXPONENT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+\Z")
_LONGEST = 60


def shipped() -> dict[str, Any]:
    """Return the configurations that come with the package, by name."""
    folder = resources.files("onethinker_rewards.trainer.config") / "shipped"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return {file.name.removesuffix(".yaml"): file for file in found}


def read_settings(config: str, changes: Sequence[str] = ()) -> Settings:
    """Read a configuration.

    Args:
        config: A YAML file, or the name of a configuration that comes with the package.
        changes: ``section.key=value`` in place of what the file says; values are YAML. ``verl.`` in front of any key
            of verl's changes that.

    Raises:
        ArgumentError: If there is no such file, or a key or value in it is wrong.
    """
    tree = _parsed(_text_of(config), config)
    if not isinstance(tree, dict):
        raise ArgumentError(f"{config}: not a mapping of sections")
    for change in changes:
        _apply(tree, change)
    stage = tree.setdefault("stage", "rl")
    if not isinstance(stage, str) or stage not in _STAGES:
        raise ArgumentError(f"{config}: stage: is rl or sft, not {stage!r}")
    try:
        return _STAGES[stage].model_validate(tree)
    except ValidationError as error:
        raise ArgumentError(f"{config}: {'; '.join(_said(error, _STAGES[stage]))}") from None


def _text_of(config: str) -> str:
    known = shipped()
    if config in known:
        return known[config].read_text(encoding="utf-8")
    try:
        return Path(config).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ArgumentError(f"{config}: not UTF-8") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ArgumentError(f"{config}: {why}; configurations that come along: {', '.join(known)}") from None


def _parsed(text: str, name: str) -> Any:
    import yaml  # noqa: PLC0415 - an extra

    try:
        return yaml.load(text, _loader())  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        why = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise ArgumentError(f"{name}: not YAML{where}: {why}") from None
    except RecursionError:
        raise ArgumentError(f"{name}: nested too deeply") from None
    except ValueError as error:  # a date or a number that there is not
        raise ArgumentError(f"{name}: {error}") from None


@cache
def _loader() -> Any:
    import yaml  # noqa: PLC0415 - an extra

    class Loader(yaml.SafeLoader):
        """Reads 2e-6 as a number, and refuses a key that stands twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen: list[Any] = []
            for name, _ in node.value:
                if name.value in seen:
                    why = f"{name.value} stands there twice"
                    raise yaml.constructor.ConstructorError(None, None, why, name.start_mark)
                seen.append(name.value)
            return super().construct_mapping(node, deep)

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))
    return Loader


def _apply(tree: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise ArgumentError(f"{change}: not of the form key=value")
    value = _parsed(text, change)
    section, dot, name = key.partition(".")
    if not dot:
        tree[section] = value
        return
    holder = tree.setdefault(section, {})
    if not isinstance(holder, dict):
        raise ArgumentError(f"{change}: {section} is no section")
    holder[name] = value


def _said(error: ValidationError, settings: type[RlSettings | SftSettings]) -> Iterator[str]:
    for found in error.errors(include_url=False, include_context=False):
        place = ".".join(str(part) for part in found["loc"])
        if found["type"] == "extra_forbidden":
            yield f"{place}: no such key{_guess(place, settings)}"
        else:
            shown = repr(found["input"])
            shown = shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"
            said = found["msg"].removeprefix("Value error, ")
            yield f"{place}: {said}, not {shown}" if place else said


def _guess(place: str, settings: type[RlSettings | SftSettings]) -> str:
    """Return the nearest key there is: of the same name in another section, or of nearly the same."""
    known = [*(name for name, *_ in keys_of(settings)), *settings.model_fields]
    last = place.rpartition(".")[2]
    near = [name for name in known if name.endswith("." + last)] or get_close_matches(place, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
