"""verl's own configuration, as Hydra composes it of the files that come with verl."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["verl_defaults"]


def verl_defaults(name: str, overrides: Sequence[str] = ()) -> Any:
    """Return a configuration of verl's as its own `DictConfig`; imports Hydra, and not verl.

    Args:
        name: The file, such as ``ppo_trainer``.
        overrides: As on verl's command line, ``key=value``.

    Raises:
        ModuleNotFoundError: Without verl.
    """
    # Only the place of the package is wanted: importing verl takes seconds.
    spec = find_spec("verl")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("verl is not installed", name="verl")
    folder = Path(spec.submodule_search_locations[0]) / "trainer" / "config"
    hydra: Any = import_module("hydra")
    with _others_put_aside(), hydra.initialize_config_dir(str(folder), version_base=None):
        return hydra.compose(name, overrides=list(overrides))


@contextmanager
def _others_put_aside() -> Generator[None]:
    """Clear Hydra's one place for a configuration meanwhile: the package sam2 takes it when it is imported."""
    place: Any = import_module("hydra.core.global_hydra").GlobalHydra
    before = place.instance().hydra
    place.instance().clear()
    try:
        yield
    finally:
        place.instance().hydra = before
