"""Keeps the weights that vLLM multiplies with where the trainer can write new ones.

On a CPU vLLM packs each linear layer's weight anew and drops the parameter; the next step's weights find no place.
"""

from __future__ import annotations

import os
from typing import Any


def register() -> None:
    """Replace the packing by torch's own linear layer; vLLM calls this in each of its processes."""
    if os.environ.get("VERL_PLATFORM") != "cpu":
        return
    import torch
    from vllm.model_executor.layers import utils

    def keep(layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    utils.dispatch_cpu_unquantized_gemm = keep
