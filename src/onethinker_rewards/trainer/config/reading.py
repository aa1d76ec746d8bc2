"""From a YAML file and ``KEY=VALUE`` to our own keys and verl's, checked as far as that needs no verl."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config.preflight import Keys, check_values
from onethinker_rewards.trainer.verl.options import NAME, Options

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from yaml import MappingNode, SafeLoader

__all__ = ["RunConfig", "flatten", "read_config", "shipped", "text_of"]

# YAML 1.1 reads 2e-6 as a text: it wants a point.
_EXPONENT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a file and the command line say.

    Attributes:
        options: Our own keys.
        verl: verl's keys, dotted, some with the ``+`` of verl's command line.
    """

    options: Options
    verl: Keys


def shipped() -> dict[str, Traversable]:
    """Return the files of the configurations that ship with the package, by name."""
    files = (resources.files("onethinker_rewards.trainer") / "configs").iterdir()
    return {file.name.removesuffix(".yaml"): file for file in sorted(files, key=lambda file: file.name)}


def text_of(config: str) -> str:
    """Return the text of a YAML file, or of a configuration that ships with the package.

    Raises:
        ArgumentError: If there is no such file, or it is not UTF-8.
    """
    known = shipped()
    try:
        return (known.get(config) or Path(config)).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ArgumentError(f"{config}: not UTF-8") from None
    except OSError as error:
        raise ArgumentError(f"{config}: {error.strerror}; configurations that ship: {', '.join(known)}") from None
    except ValueError as error:  # a null byte
        raise ArgumentError(f"{config}: {error}") from None


def read_config(config: str, changes: Sequence[str] = ()) -> RunConfig:
    """Read a configuration.

    Args:
        config: A YAML file, or the name of a configuration that ships with the package.
        changes: ``key=value`` in place of what the file says; values are YAML.

    Raises:
        ArgumentError: If there is no such file, it is not YAML, a key of ours is unknown, or values do not fit.
    """
    text = text_of(config)
    pairs = [_split(change) for change in changes]
    tree = _parse(text, config)
    if not isinstance(tree, dict):
        raise ArgumentError(f"{config}: not a mapping of keys")
    try:
        keys = flatten(tree)
    except RecursionError:  # an alias inside its own anchor
        raise ArgumentError(f"{config}: nested too deeply") from None
    estimator = keys.get(f"{NAME}.estimator")
    if dict(pairs).get(f"{NAME}.estimator", estimator) != estimator:
        # Options in the file belong to the estimator in the file.
        keys = _without(keys, f"{NAME}.estimator_options")
    for key, value in pairs:
        keys = _without(keys, key) | flatten({key: value})
    verl = {key: value for key, value in keys.items() if key.lstrip("+").partition(".")[0] != NAME}
    try:
        options = Options.read(_section({key: value for key, value in keys.items() if key not in verl}))
        check_values(options, verl)
    except ArgumentError as error:
        raise ArgumentError(f"{config}: {error}") from None
    return RunConfig(options, verl)


def flatten(tree: Mapping[object, object], before: str = "") -> dict[str, object]:
    """Return a nested mapping with dotted keys; an empty mapping is a value."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{before}{key}.")
        else:
            flat[f"{before}{key}"] = value
    return flat


def _without(keys: Keys, key: str) -> dict[str, object]:
    """Return the keys but for one and all below it."""
    return {known: value for known, value in keys.items() if known != key and not known.startswith(f"{key}.")}


def _section(keys: Keys) -> Mapping[str, object]:
    """Return our own keys as a tree."""
    tree: dict[str, object] = {}
    for key, value in keys.items():
        *sections, last = key.lstrip("+").split(".")
        holder = tree
        for section in sections:
            inner = holder.get(section)
            # A key may be given below a null.
            inner = inner if isinstance(inner, dict) else {}
            holder[section] = inner
            holder = inner
        holder[last] = value
    section = tree.get(NAME) or {}
    if not isinstance(section, dict):
        raise ArgumentError(f"{NAME}: a section of keys, not {section!r}")
    return section


def _split(change: str) -> tuple[str, object]:
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise ArgumentError(f"{change}: not of the form KEY=VALUE")
    return key, _parse(text, change)


def _parse(text: str, name: str) -> object:
    import yaml

    try:
        return yaml.load(text, _loader())  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark, why = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise ArgumentError(f"{name}: not YAML{where}: {why or str(error).partition(chr(10))[0]}") from None
    except RecursionError:
        raise ArgumentError(f"{name}: nested too deeply") from None
    except ValueError as error:  # an impossible date
        raise ArgumentError(f"{name}: {error}") from None


@cache
def _loader() -> type[SafeLoader]:
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads 2e-6 as a number, and refuses a repeated key."""

        def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            seen: list[object] = []
            for name, _ in node.value:
                if name.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"repeated key {name.value}", name.start_mark)
                seen.append(name.value)
            return super().construct_mapping(node, deep)

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))
    return Loader
