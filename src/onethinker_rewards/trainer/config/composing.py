"""verl's whole configuration: its own files, what we derive, what is given; checked by verl itself. Needs verl."""

# pyright: reportMissingImports=false

from __future__ import annotations

import io
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config.preflight import (
    MODEL,
    Keys,
    absolute,
    check_values,
    files_of,
    integer,
    is_folder,
)
from onethinker_rewards.trainer.config.reading import RunConfig, flatten
from onethinker_rewards.trainer.verl.options import NAME, Options, guess, option_names
from onethinker_rewards.trainer.verl.run import OUR_PARTS, verl_defaults

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["as_keys", "as_yaml", "compose", "derived_overrides"]

# The sections whose dataclasses verl can build without the model at hand; validate_config builds the actor's.
_SECTIONS = {"rl": ("algorithm", "actor_rollout_ref.rollout"), "sft": ("engine", "optim", "checkpoint")}
_FILES = {"rl": "ppo_trainer", "sft": "sft_trainer_engine"}
# What verl's checks raise, or stumble over, if a value is impossible.
_RAISED = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
_MANAGER = "reward.reward_manager.module.path"


def derived_overrides(options: Options, given: Keys) -> dict[str, object]:
    """Return the keys of verl's that follow from others; a given key wins over a derived one, except for paths."""
    derived = _rl(options, given) if options.stage == "rl" else _sft()
    files = {key: [absolute(name) for name in files_of(given, key)] for key in ("data.train_files", "data.val_files")}
    paths: dict[str, object] = {key: names for key, names in files.items() if names}
    model, output = given.get(MODEL[options.stage]), given.get("trainer.default_local_dir")
    if isinstance(model, str) and is_folder(model):
        paths[MODEL[options.stage]] = absolute(model)
    if isinstance(output, str):
        paths["trainer.default_local_dir"] = absolute(output)
    names = {key.lstrip("+") for key in given}
    return {key: value for key, value in derived.items() if key.lstrip("+") not in names} | paths


def _rl(options: Options, given: Keys) -> dict[str, object]:
    derived: dict[str, object] = {
        **OUR_PARTS,
        "trainer.use_v1": True,
        "trainer.val_before_train": False,
        "actor_rollout_ref.rollout.name": "vllm",
        # verl wants a name here even for a reward model that is off.
        "reward.reward_model.rollout.name": "vllm",
        f"+{NAME}": options.model_dump(),
    }
    if given.get(_MANAGER, OUR_PARTS[_MANAGER]) == OUR_PARTS[_MANAGER]:
        # What verl is told of rewards goes before what another manager was made with.
        derived["+reward.reward_kwargs.recipe"] = options.recipe
    prompt, response = integer(given, "data.max_prompt_length"), integer(given, "data.max_response_length")
    if prompt and response:
        derived["actor_rollout_ref.rollout.max_model_len"] = prompt + response
    if not given.get("data.val_files"):
        # verl reads some file to validate on, even if it never does.
        derived["data.val_files"] = [absolute(name) for name in files_of(given, "data.train_files")]
    return derived


def _sft() -> dict[str, object]:
    return {
        # The chat template gives a conversation other tokens than its turns one by one.
        "data.ignore_input_ids_mismatch": True,
        # verl's data set numbers the frames of a video as Qwen2-VL does, and stops at Qwen3-VL's second.
        "data.custom_cls.path": "pkg://onethinker_rewards.trainer.verl.sft",
        "data.custom_cls.name": "FineTuningDataset",
    }


def compose(run: RunConfig) -> DictConfig:
    """Return verl's configuration, resolved and checked.

    Raises:
        ArgumentError: If verl lacks a key, or refuses a value.
        ModuleNotFoundError: Without verl.
    """
    from omegaconf import OmegaConf

    stage = run.options.stage
    defaults = verl_defaults(_FILES[stage])
    keys = {**run.verl, **derived_overrides(run.options, run.verl)}
    with _one_line(run.verl, defaults):
        for key, value in run.verl.items():
            _check_kind(key, OmegaConf.select(defaults, key.lstrip("+"), throw_on_missing=False), value)
        config = verl_defaults(_FILES[stage], [f"{key}={_hydra(value)}" for key, value in keys.items()])
        OmegaConf.resolve(config)
        check_values(run.options, as_keys(config))
        _check(config, _SECTIONS[stage])
        if stage == "rl":
            _validate(config)
    return config


def as_yaml(config: DictConfig) -> str:
    """Return a configuration as YAML, keys in verl's order."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(config)


def as_keys(config: DictConfig) -> Keys:
    """Return a configuration with dotted keys."""
    from omegaconf import OmegaConf

    tree: Any = OmegaConf.to_container(config)
    return flatten(tree)


def _hydra(value: object) -> str:
    """Return a value as Hydra's command line takes it."""
    from hydra.core.override_parser.types import Quote, QuotedString

    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_hydra(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_hydra, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return QuotedString(str(value), Quote.single).with_quotes()


def _check_kind(key: str, default: object, value: object) -> None:
    """Refuse a value of another kind than verl's own where that is a number or a section: verl may notice late."""
    if isinstance(default, Mapping) and not isinstance(value, Mapping):
        raise ArgumentError(f"{key}: is a section, and cannot be {value!r}")
    is_interpolated = isinstance(value, str) and value.startswith("${")
    kinds = (bool,) if isinstance(default, bool) else (int, float) if isinstance(default, int | float) else ()
    if kinds and value is not None and not is_interpolated and type(value) not in kinds:
        raise ArgumentError(f"{key}: verl's default is {default!r}, and {value!r} is of another kind")


def _check(config: DictConfig, sections: tuple[str, ...]) -> None:
    from omegaconf import OmegaConf
    from verl.utils.config import omega_conf_to_dataclass

    for section in sections:
        omega_conf_to_dataclass(OmegaConf.select(config, section))


def _validate(config: DictConfig) -> None:
    from verl.utils.config import validate_config

    uses_reference = bool(config.actor_rollout_ref.actor.use_kl_loss)
    with redirect_stdout(io.StringIO()):  # verl says so when all is well
        validate_config(config, use_reference_policy=uses_reference, use_critic=False)


@contextmanager
def _one_line(given: Keys, defaults: DictConfig) -> Generator[None]:
    """Say in one line what Hydra or verl refuses; they raise many types."""
    from hydra.errors import HydraException
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

    try:
        yield
    except ArgumentError:
        raise
    except (*_RAISED, HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__
        if isinstance(cause, ConfigAttributeError | ConfigKeyError):
            # The part that is missing may be a section of the key that is given.
            missing = str(cause.full_key)
            key = next((key for key in given if f"{key}.".startswith(f"{missing}.")), missing)
            others = [name for name in given if name != key]
            near = guess(key, others) or guess(key, [*as_keys(defaults), *option_names()])
            hint = f"did you mean {near}?" if near else f"+{key} adds it all the same"
            raise ArgumentError(f"{key}: verl has no such key; {hint}") from None
        raise ArgumentError(f"verl refuses this: {' '.join(str(cause or error).split())}") from None
