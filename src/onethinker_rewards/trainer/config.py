"""From a YAML file and ``KEY=VALUE`` to our own keys and verl's, and on to verl's whole configuration.

`read_config` needs no verl. `compose` lets verl's own files and checks complete the configuration.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import io
import re
from collections.abc import Hashable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onethinker_rewards.answers.dialects import ONETHINKER
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer import preflight
from onethinker_rewards.trainer.options import NAME, Options, guess, option_names
from onethinker_rewards.trainer.preflight import Keys

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from omegaconf import DictConfig
    from yaml import MappingNode, SafeLoader

# YAML 1.1 reads 2e-6 as a text: it wants a point.
_EXPONENT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+\Z")

_VERLS_FILES = {"rl": "ppo_trainer", "sft": "sft_trainer_engine"}
# The sections whose dataclasses verl can build without the model at hand; validate_config builds the actor's.
_SECTIONS = {"rl": ("algorithm", "actor_rollout_ref.rollout"), "sft": ("engine", "optim", "checkpoint")}
# What verl's checks raise, or stumble over, if a value is impossible.
_RAISED = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
_MANAGER, _OUR_MANAGER = "reward.reward_manager.module.path", "pkg://onethinker_rewards.adapters.verl"
_RL_OVERRIDES: Keys = {
    "trainer.use_v1": True,
    preflight.TRAINER_MODE: NAME,
    preflight.ADV_ESTIMATOR: NAME,
    "reward.reward_manager.source": "importlib",
    "reward.reward_manager.name": "RewardManager",
    _MANAGER: _OUR_MANAGER,
    "trainer.val_before_train": False,
    "actor_rollout_ref.rollout.name": "vllm",
    # verl wants a name here even for a reward model that is off.
    "reward.reward_model.rollout.name": "vllm",
    # Our single turn passes videos to vLLM as it expects them; verl's workers find it by this file.
    "actor_rollout_ref.rollout.agent.default_agent_loop": NAME,
    "actor_rollout_ref.rollout.agent.agent_loop_config_path": str(Path(__file__).parent / "verl" / "rollout.yaml"),
}
_SFT_OVERRIDES: Keys = {
    # The chat template gives a conversation other tokens than its turns one by one.
    "data.ignore_input_ids_mismatch": True,
    # verl's data set numbers the frames of a video as Qwen2-VL does, and stops at Qwen3-VL's second.
    "data.custom_cls.path": "pkg://onethinker_rewards.trainer.verl.sft",
    "data.custom_cls.name": "FineTuningDataset",
}


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a file and the command line say: our keys, and verl's, some with the ``+`` of verl's command line."""

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


def read_config(config: str, changes: Sequence[str] = ()) -> RunConfig:
    """Read a YAML file, or a configuration that ships with the package, with ``key=value`` in place of what it says.

    Raises:
        ArgumentError: If there is no such file, it is not YAML, a key of ours is unknown, or values do not fit.
    """
    keys = _keys(text_of(config), config)
    changed = [_change(change) for change in changes]
    estimator = f"{NAME}.estimator"
    chosen = {key: value for _, new in changed for key, value in new.items()}.get(estimator, keys.get(estimator))
    if chosen != keys.get(estimator):
        # Options in the file belong to the estimator in the file.
        keys = _without(keys, f"{NAME}.estimator_options")
    for key, new in changed:
        keys = _without(keys, key) | new
    ours = {key: value for key, value in keys.items() if key.lstrip("+").partition(".")[0] == NAME}
    verl = {key: value for key, value in keys.items() if key not in ours}
    try:
        options = Options.read(_nested(ours).get(NAME))
        preflight.check_values(options, verl)
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


def _nested(keys: Keys) -> dict[str, object]:
    """Return dotted keys as a tree; a key may be given below a null."""
    tree: dict[str, Any] = {}
    for key, value in keys.items():
        *sections, last = key.lstrip("+").split(".")
        node = tree
        for section in sections:
            if not isinstance(node.get(section), dict):
                node[section] = {}
            node = node[section]
        node[last] = value
    return tree


def _change(change: str) -> tuple[str, dict[str, object]]:
    """Return the key that a change gives, and the keys that it then has."""
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise ArgumentError(f"{change}: not of the form KEY=VALUE")
    return key, _keys(text, change, key)


def _keys(text: str, name: str, key: str | None = None) -> dict[str, object]:
    """Return the keys in a text of YAML, dotted; with a key, the text is its value."""
    import yaml

    try:
        tree: Any = yaml.load(text, _loader())  # noqa: S506 - a SafeLoader
        tree = tree if key is None else {key: tree}
        keys = flatten(tree) if isinstance(tree, dict) else None
    except yaml.YAMLError as error:
        mark, why = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise ArgumentError(f"{name}: not YAML{where}: {why or str(error).partition(chr(10))[0]}") from None
    except RecursionError:  # or an alias inside its own anchor
        raise ArgumentError(f"{name}: nested too deeply") from None
    except ValueError as error:  # an impossible date
        raise ArgumentError(f"{name}: {error}") from None
    if keys is None:
        raise ArgumentError(f"{name}: not a mapping of keys")
    return keys


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


def derived_overrides(options: Options, given: Keys) -> dict[str, object]:
    """Return the keys of verl's that follow from others; a given key wins over a derived one, except for paths."""
    derived = _SFT_OVERRIDES if options.stage == "sft" else {**_RL_OVERRIDES, **_rl_overrides(options, given)}
    names = {key.lstrip("+") for key in given}
    overrides = {key: value for key, value in derived.items() if key.lstrip("+") not in names}
    for key in ("data.train_files", "data.val_files"):
        if files := preflight.files_of(given, key):
            overrides[key] = [preflight.absolute(name) for name in files]
    model, output = preflight.MODEL[options.stage], "trainer.default_local_dir"
    for key, path in ((model, given.get(model)), (output, given.get(output))):
        if isinstance(path, str) and (key == output or preflight.is_folder(path)):
            overrides[key] = preflight.absolute(path)
    return overrides


def _rl_overrides(options: Options, given: Keys) -> dict[str, object]:
    derived: dict[str, object] = {f"+{NAME}": options.model_dump()}
    if options.filter is not None:
        # verl then fetches one prompt at a time, as refilling needs. The metric is the accuracy in [0, 1].
        derived |= {preflight.FILTER_GROUPS: True, "algorithm.filter_groups.metric": "normalized"}
    if given.get(_MANAGER, _OUR_MANAGER) == _OUR_MANAGER:
        # What verl is told of rewards would override the settings of another manager.
        derived["+reward.reward_kwargs.recipe"] = options.recipe
        for key in ("dialect", "reference_dialect"):
            if (dialect := getattr(options, key)) != ONETHINKER.name:
                derived[f"+reward.reward_kwargs.{key}"] = dialect
        if options.judge is not None:
            derived["+reward.reward_kwargs.judge"] = dict(options.judge)
    lengths = [preflight.integer(given, f"data.max_{part}_length") for part in ("prompt", "response")]
    if all(lengths):
        derived["actor_rollout_ref.rollout.max_model_len"] = sum(length or 0 for length in lengths)
    if not given.get("data.val_files"):
        # verl reads some file to validate on, even if it never does.
        files = preflight.files_of(given, "data.train_files")
        derived["data.val_files"] = [preflight.absolute(name) for name in files]
    return derived


def compose(run: RunConfig) -> DictConfig:
    """Return verl's configuration, resolved and checked.

    Raises:
        ArgumentError: If verl lacks a key, or refuses a value.
        ModuleNotFoundError: Without verl.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

    defaults = _verls_config(run.options.stage)
    try:
        return _composed(run, defaults)
    except ArgumentError:
        raise
    # Hydra and verl raise many types.
    except (*_RAISED, HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__
        if isinstance(cause, ConfigAttributeError | ConfigKeyError):
            raise ArgumentError(_unknown_key(str(cause.full_key), run.verl, defaults)) from None
        raise ArgumentError(f"verl refuses this: {' '.join(str(cause or error).split())}") from None


def _composed(run: RunConfig, defaults: DictConfig) -> DictConfig:
    from omegaconf import OmegaConf
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    stage = run.options.stage
    for key, value in run.verl.items():
        _check_kind(key, OmegaConf.select(defaults, key.lstrip("+"), throw_on_missing=False), value)
    overrides = {**run.verl, **derived_overrides(run.options, run.verl)}
    config = _verls_config(stage, [f"{key}={_hydra(value)}" for key, value in overrides.items()])
    OmegaConf.resolve(config)
    preflight.check_values(run.options, as_keys(config))
    for section in _SECTIONS[stage]:
        omega_conf_to_dataclass(OmegaConf.select(config, section))
    if stage == "rl":
        uses_reference = config.actor_rollout_ref.actor.use_kl_loss or config.algorithm.use_kl_in_reward
        with redirect_stdout(io.StringIO()):  # verl says so when all is well
            validate_config(config, use_reference_policy=bool(uses_reference), use_critic=False)
    return config


def as_keys(config: DictConfig) -> Keys:
    """Return a configuration with dotted keys."""
    from omegaconf import OmegaConf

    tree: Any = OmegaConf.to_container(config)
    return flatten(tree)


def _verls_config(stage: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Return verl's configuration with overrides, as on verl's command line; imports Hydra, and not verl."""
    # Only verl's folder is wanted: importing verl takes seconds.
    spec = find_spec("verl")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("verl is not installed", name="verl")
    folder = Path(spec.submodule_search_locations[0]) / "trainer" / "config"
    import hydra
    from hydra.core.global_hydra import GlobalHydra

    # Hydra has one global configuration, which the package sam2 sets when it is imported.
    others = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(folder), version_base=None):
            return hydra.compose(_VERLS_FILES[stage], overrides=list(overrides))
    finally:
        GlobalHydra.instance().hydra = others


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


def _unknown_key(missing: str, given: Keys, defaults: DictConfig) -> str:
    # The part that is missing may be a section of the key that is given.
    key = next((key for key in given if f"{key}.".startswith(f"{missing}.")), missing)
    others = [name for name in given if name != key]
    near = guess(key, others) or guess(key, [*as_keys(defaults), *option_names()])
    hint = f"did you mean {near}?" if near else f"+{key} adds it all the same"
    return f"{key}: verl has no such key; {hint}"
