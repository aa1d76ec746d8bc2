"""verl's own configuration, as Hydra composes it from verl's files."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["verl_defaults"]


def verl_defaults(name: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Return a configuration of verl's; imports Hydra, and not verl.

    Args:
        name: The file, such as ``ppo_trainer``.
        overrides: As on verl's command line, ``key=value``.

    Raises:
        ModuleNotFoundError: Without verl.
    """
    # Only verl's folder is wanted: importing verl takes seconds.
    spec = find_spec("verl")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("verl is not installed", name="verl")
    folder = Path(spec.submodule_search_locations[0]) / "trainer" / "config"
    import hydra

    with _other_configuration_put_aside(), hydra.initialize_config_dir(str(folder), version_base=None):
        return hydra.compose(name, overrides=list(overrides))


@contextmanager
def _other_configuration_put_aside() -> Generator[None]:
    """Clear Hydra's one global configuration meanwhile: the package sam2 sets it when it is imported."""
    from hydra.core.global_hydra import GlobalHydra

    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = before
