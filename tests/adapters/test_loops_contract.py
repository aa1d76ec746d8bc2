"""What holds for each of these adapters: the same names, and nothing imported before it is used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from onethinker_rewards.adapters import log_items

# The adapter, its framework's package, and the name that stands ready.
ADAPTERS = {
    "areal": ("areal", "reward_fn"),
    "nemo_gym": ("nemo_gym", None),  # the ready class is made of the framework's own: see its tests
    "nemo_rl": ("nemo_rl", None),  # likewise
    "openrlhf": ("openrlhf", "reward_func"),
    "skyrl": ("skyrl", None),  # likewise
    "slime": ("slime", "custom_rm"),
    "verifiers": ("verifiers", "onethinker"),
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_the_names_are_the_same_in_each(name: str) -> None:
    module = importlib.import_module(f"onethinker_rewards.adapters.{name}")
    assert module.log_items is log_items
    assert callable(module.make_reward)
    ready = ADAPTERS[name][1]
    assert ready is None or callable(getattr(module, ready))


@pytest.mark.parametrize("name", ["skyrl", "slime"])
def test_ema_grpo_is_named_alike(name: str) -> None:
    assert callable(importlib.import_module(f"onethinker_rewards.adapters.{name}").make_ema_grpo)


def test_an_import_imports_neither_framework_nor_torch() -> None:
    code = "\n".join(
        [
            "import sys",
            *(f"import onethinker_rewards.adapters.{name}" for name in ADAPTERS),
            f"heavy = {{'torch', 'ray', 'skyrl_gym', *{[package for package, _ in ADAPTERS.values()]}}}",
            "print(sorted(heavy & set(sys.modules)))",
        ]
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
