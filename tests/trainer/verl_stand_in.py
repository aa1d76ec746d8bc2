"""The little of verl that a configuration is composed with, for environments without it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from onethinker_rewards.trainer.config import derived_overrides, read_config

# Refuses a run named 13, and one section only where it is built.
_CHECKS = """
print("stand-in imported")

def omega_conf_to_dataclass(config):
    if config.get("lr") == 13.0 or config.get("n") == 13:
        raise ValueError("no such\\n  number")

def validate_config(config, use_reference_policy, use_critic):
    assert config.trainer.experiment_name != 13, "run 13"
    assert not use_critic
    assert use_reference_policy == config.actor_rollout_ref.actor.use_kl_loss
    print("all is well")
"""


def stand_in_for_verl(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Put a package named verl where imports find it: with the keys of our configurations, and checks."""
    package = folder / "verl"
    configs = package / "trainer" / "config"
    utils = package / "utils"
    for made in (configs, utils):
        made.mkdir(parents=True)
    for name, config in (("ppo_trainer", "h800-4x8"), ("sft_trainer_engine", "sft-h800-4x8")):
        (configs / f"{name}.yaml").write_text(yaml.safe_dump(_tree(config)), encoding="utf-8")
    for file, text in (("__init__.py", ""), ("utils/__init__.py", ""), ("utils/config.py", _CHECKS)):
        (package / file).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    for module in [name for name in sys.modules if name.partition(".")[0] == "verl"]:
        monkeypatch.delitem(sys.modules, module)
    # What the test imports goes when it ends.
    for module in ("verl", "verl.utils", "verl.utils.config"):
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.delitem(sys.modules, module)


def _tree(config: str) -> dict[str, Any]:
    """Return a section for each key that a configuration gives, or that is derived."""
    run = read_config(config)
    tree: dict[str, Any] = {"checkpoint": {}, "algorithm": {}}
    for key, value in {**run.verl, **derived_overrides(run.options, run.verl)}.items():
        if not key.startswith("+"):
            holder = tree
            *sections, name = key.split(".")
            for section in sections:
                holder = holder.setdefault(section, {})
            holder[name] = value
    # As in verl's own file: only a filter of ours turns it on.
    tree["algorithm"].setdefault("filter_groups", {})["enable"] = False
    return tree
