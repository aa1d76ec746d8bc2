"""Single functions out of verl and TRL, read from their sources: importing either would drag in a training stack."""

from __future__ import annotations
import __future__

import ast
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

PEERS = Path(sys.prefix) / "peers"
CORE = "verl/trainer/ppo/core_algos.py"


def tree(path: str) -> ast.Module:
    source = PEERS / path
    if not source.exists():
        pytest.skip(f"{path} is not there: make .venv/.peers")
    return ast.parse(source.read_text(encoding="utf-8"))


def run(statements: list[ast.stmt], scope: dict[str, Any]) -> dict[str, Any]:
    module = ast.Module(statements, type_ignores=[])
    # Annotations name types of packages that are not installed: they are not evaluated.
    exec(compile(module, "<peer>", "exec", flags=__future__.annotations.compiler_flag), scope)
    return scope


def functions(path: str, names: Iterable[str], **scope: Any) -> dict[str, Any]:
    """Return the scope after the named functions were defined, without their decorators."""
    found = [node for node in tree(path).body if isinstance(node, ast.FunctionDef) and node.name in set(names)]
    for node in found:
        node.decorator_list = []
    assert {node.name for node in found} == set(names)
    return run(list(found), scope)


def verl() -> dict[str, Callable[..., Any]]:
    """Return verl's estimators and loss functions by name."""
    masked = functions(
        "verl/utils/torch_functional.py", ("masked_sum", "masked_mean", "masked_var", "masked_whiten"), torch=torch
    )
    grouped = functions(
        "verl/utils/groupwise.py",
        ("_resolve_device", "_to_1d_numpy_object_array", "as_torch_index", "group_mean_std"),
        torch=torch,
        np=np,
        os=os,
        get_device_name=lambda: "cuda" if torch.cuda.is_available() else "cpu",
    )
    names = [
        "compute_grpo_outcome_advantage",
        "compute_grpo_vectorized_outcome_advantage",
        "compute_gdpo_outcome_advantage",
        "compute_reinforce_plus_plus_baseline_outcome_advantage",
        "compute_rloo_outcome_advantage",
        "compute_opo_outcome_advantage",
        "agg_loss",
        "compute_policy_loss",
        "kl_penalty",
        "kl_penalty_forward",
    ]
    scope = {"torch": torch, "np": np, "defaultdict": defaultdict, "verl_F": SimpleNamespace(**masked)}
    return functions(CORE, names, **scope, **{name: grouped[name] for name in ("as_torch_index", "group_mean_std")})


def trl_advantages(parts: torch.Tensor, group_size: int, scale: str, aggregation: str = "sum_then_normalize"):
    """Run the statement of TRL's GRPO trainer that turns ``[N, P]`` rewards into advantages."""
    nanstd = functions("trl/trainer/utils.py", ("nanstd",), torch=torch)["nanstd"]
    branch = next(
        node
        for node in ast.walk(tree("trl/trainer/grpo_trainer.py"))
        if isinstance(node, ast.If) and "multi_objective_aggregation" in ast.unparse(node.test)
    )
    trainer = SimpleNamespace(
        multi_objective_aggregation=aggregation,
        scale_rewards=scale,
        reward_weights=torch.ones(parts.shape[1], dtype=parts.dtype),
        reward_funcs=[None] * parts.shape[1],
    )
    scope = {
        "torch": torch,
        "nanstd": nanstd,
        "self": trainer,
        "rewards_per_func": parts,
        "num_generations": group_size,
        "unscorable_mask": torch.isnan(parts).all(dim=1),
        "device": parts.device,
    }
    return torch.nan_to_num(run([branch], scope)["advantages"], nan=0.0)


def trl_rloo(rewards: torch.Tensor, group_size: int):
    """Run the statements of TRL's RLOO trainer that turn ``[N]`` rewards into advantages."""
    wanted = ("scorable_counts", "grouped_sum", "baselines")
    statements: list[ast.stmt] = []
    for node in ast.walk(tree("trl/trainer/rloo_trainer.py")):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) in wanted[:2]:
            statements.append(node)
        if (
            isinstance(node, ast.If)
            and "baselines" in ast.unparse(node)
            and "num_generations > 1" in ast.unparse(node.test)
        ):
            statements.append(node)
    statements.sort(key=lambda node: node.lineno)
    scope = {
        "torch": torch,
        "rewards": rewards,
        "grouped_rewards": rewards.view(-1, group_size),
        "num_generations": group_size,
    }
    return torch.nan_to_num(run(statements, scope)["advantages"], nan=0.0)
