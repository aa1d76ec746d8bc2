"""A CPU as one of verl's platforms, registered with its own table of platforms.

verl loads this in each of its processes, and takes it where ``VERL_PLATFORM=cpu``. Ray calls the one processor a GPU.
"""

from __future__ import annotations

import os
import types
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import torch
from verl.plugin.platform import PlatformBase, PlatformRegistry

_NOTHING = (
    "empty_cache",
    "ipc_collect",
    "set_per_process_memory_fraction",
    "reset_peak_memory_stats",
    "manual_seed",
    "manual_seed_all",
    "synchronize",
    "set_device",
)
_ZERO = ("memory_allocated", "memory_reserved", "max_memory_allocated", "max_memory_reserved")
_KEPT = ("VLLM_CPU_KVCACHE_SPACE", "VLLM_CPU_OMP_THREADS_BIND", "OMP_NUM_THREADS")


def _device_module() -> types.ModuleType:
    """Return ``torch.cpu`` with what only accelerators have; FSDP looks at the module's name."""
    module = types.ModuleType("torch.cpu")
    vars(module).update({name: value for name, value in vars(torch.cpu).items() if not name.startswith("__")})
    answers: dict[str, Any] = dict.fromkeys(_NOTHING) | dict.fromkeys(_ZERO, 0)
    answers |= {"mem_get_info": (0, 0), "get_device_name": "cpu", "current_device": "cpu", "device_count": 1}
    answers |= {"is_available": True}
    for name, answer in answers.items():
        setattr(module, name, lambda *_, answer=answer, **__: answer)
    module.get_rng_state = lambda *_, **__: torch.get_rng_state()
    module.set_rng_state = lambda state, *_, **__: torch.set_rng_state(state)
    return module


@PlatformRegistry.register(platform="cpu")
class CpuPlatform(PlatformBase):
    """One CPU."""

    device_name = "cpu"
    vendor_name = "cpu"
    device_module = _device_module()

    def is_available(self) -> bool:
        return True

    def is_platform_available(self, use_smi_check: bool = False) -> bool:
        return False  # never found, only asked for

    def current_device(self) -> str:
        return "cpu"  # goes to Tensor.to

    def device_count(self) -> int:
        return 1

    def set_device(self, device_index: Any) -> None:
        pass

    def synchronize(self, device_index: Any = None) -> None:
        pass

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def manual_seed_all(self, seed: int) -> None:
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings: Any) -> None:
        pass

    def empty_cache(self) -> None:
        pass

    def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextmanager
    def nvtx_range(self, msg: str) -> Iterator[None]:
        yield

    def profiler_start(self) -> None:
        pass

    def profiler_stop(self) -> None:
        pass

    def ray_resource_name(self) -> str:
        return "GPU"  # the one name that Ray knows the ids of

    def ray_noset_envvars(self) -> list[str]:
        return ["RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"]

    def is_ipc_supported(self) -> bool:
        return False  # weights go through shared memory

    def cudart(self) -> None:
        return None

    def rollout_env_vars(self) -> dict[str, str]:
        return {name: os.environ[name] for name in _KEPT if name in os.environ}


def _mend() -> None:
    """Mend two places of verl that take an accelerator for granted."""
    from verl.utils import distributed

    # "cpu:gloo,<device>:<backend>" names the CPU twice.
    distributed.initialize_global_process_group_ray = partial(
        distributed.initialize_global_process_group_ray, backend="cpu:gloo"
    )
    distributed.initialize_global_process_group = _join
    # The reference policy is kept in pinned memory, whatever the device.
    torch.Tensor.pin_memory = lambda self, *_, **__: self


def _join(timeout_second: int = 36000) -> tuple[int, ...]:
    torch.distributed.init_process_group("cpu:gloo", timeout=timedelta(seconds=timeout_second))
    return tuple(int(os.environ[name]) for name in ("LOCAL_RANK", "RANK", "WORLD_SIZE"))


if os.environ.get("VERL_PLATFORM") == "cpu":
    _mend()
