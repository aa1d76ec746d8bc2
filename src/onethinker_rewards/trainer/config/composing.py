"""verl's whole configuration, from its own files and our changes, checked by verl itself. Needs verl."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config.mapping import overrides_of
from onethinker_rewards.trainer.config.reading import Settings
from onethinker_rewards.trainer.config.rl import RlSettings
from onethinker_rewards.trainer.verl.defaults import verl_defaults

__all__ = ["as_yaml", "compose"]

# The sections whose dataclasses verl can build without the model at hand; the actor's is built by validate_config.
_RL_SECTIONS = ("algorithm", "actor_rollout_ref.rollout")
_SFT_SECTIONS = ("engine", "optim", "checkpoint")
# What verl's checks raise, or stumble over, on values that cannot be.
_RAISED = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
_KINDS = ((bool,), (int, float))


def compose(settings: Settings) -> Any:
    """Return verl's configuration as its own `DictConfig`, resolved and checked.

    Raises:
        ArgumentError: If verl lacks a key, or refuses a value.
        ModuleNotFoundError: Without verl.
    """
    is_rl = isinstance(settings, RlSettings)
    config = verl_defaults("ppo_trainer" if is_rl else "sft_trainer_engine")
    with _refusals():
        for name, value in overrides_of(settings).items():
            _change(config, name, value)
        _omegaconf().resolve(config)
        _check(config, _RL_SECTIONS if is_rl else _SFT_SECTIONS)
        if is_rl:
            _validate(config)
    return config


def as_yaml(config: Any) -> str:
    """Return a configuration as YAML, keys in verl's order."""
    return _omegaconf().to_yaml(config)


def _change(config: Any, name: str, value: Any) -> None:
    errors: Any = import_module("omegaconf.errors")
    added = name.startswith("+")
    try:
        if not added:
            _compare(name, _omegaconf().select(config, name), value)
        _omegaconf().update(config, name.removeprefix("+"), value, merge=True, force_add=added)
    except (errors.ConfigAttributeError, errors.ConfigKeyError):
        near = get_close_matches(name, list(_names(_omegaconf().to_container(config))), n=1)
        guess = f"did you mean verl.{near[0]}?" if near else f"verl.+{name} adds it all the same"
        raise ArgumentError(f"verl.{name}: verl has no such key; {guess}") from None


def _compare(name: str, default: Any, value: Any) -> None:
    """Refuse no number where verl has one, and no section for a section; verl may notice only in the run."""
    if isinstance(default, Mapping) and not isinstance(value, Mapping):
        raise ArgumentError(f"verl.{name}: is a section, and cannot be {value!r}")
    kinds = next((kinds for kinds in _KINDS if type(default) in kinds), None)
    is_interpolated = isinstance(value, str) and value.startswith("${")
    if kinds is not None and value is not None and not is_interpolated and type(value) not in kinds:
        raise ArgumentError(f"verl.{name}: verl's own is {default!r}, of another kind than {value!r}")


def _names(tree: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in tree.items():
        yield before + name
        if isinstance(value, Mapping):
            yield from _names(value, f"{before}{name}.")


def _check(config: Any, sections: tuple[str, ...]) -> None:
    verl: Any = import_module("verl.utils.config")
    for section in sections:
        verl.omega_conf_to_dataclass(_omegaconf().select(config, section))


def _validate(config: Any) -> None:
    verl: Any = import_module("verl.utils.config")
    uses_reference = bool(config.actor_rollout_ref.actor.use_kl_loss)
    with redirect_stdout(io.StringIO()):  # verl praises what it has checked
        verl.validate_config(config, use_reference_policy=uses_reference, use_critic=False)


@contextmanager
def _refusals() -> Generator[None]:
    """Say in one line what verl refuses: it raises whatever is at hand."""
    hydra: Any = import_module("hydra.errors")
    omegaconf: Any = import_module("omegaconf.errors")
    try:
        yield
    except ArgumentError:
        raise
    except (*_RAISED, hydra.HydraException, omegaconf.OmegaConfBaseException) as error:
        raise ArgumentError(f"verl refuses this: {' '.join(str(error.__cause__ or error).split())}") from None


def _omegaconf() -> Any:
    return import_module("omegaconf").OmegaConf
