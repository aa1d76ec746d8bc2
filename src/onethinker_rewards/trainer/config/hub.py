"""Whether a model that is named, and lies in no folder, is on Hugging Face: workers would find out one by one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from onethinker_rewards.trainer.config.reading import Settings

__all__ = ["hub_faults"]

_SECONDS = 5.0


def hub_faults(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the model's name; asks Hugging Face only for what is not in its cache here."""
    name = settings.model.path
    # verl copies what has a scheme, such as hdfs://, by itself.
    if settings.model.is_folder or "://" in name:
        return
    if Path(name).is_dir():
        yield f"model.path: {name}: a folder starts with / or . or ~: write ./{name}"
        return
    why = _missing(name)
    if why is not None:
        yield f"model.path: {name}: {why}"


def _missing(name: str) -> str | None:
    hub: Any = import_module("huggingface_hub")
    errors: Any = import_module("huggingface_hub.errors")
    try:
        if not _is_cached(hub, errors, name):
            hub.HfApi().model_info(name, timeout=_SECONDS)
    except errors.HFValidationError:
        return "no folder, and no name on Hugging Face could be so"
    except errors.OfflineModeIsEnabled:
        return "not in the cache of Hugging Face here, and HF_HUB_OFFLINE forbids to ask for it"
    except errors.GatedRepoError:
        return "Hugging Face wants you to accept its terms and to log in first"
    except errors.RepositoryNotFoundError:
        return "no folder, and not on Hugging Face, or not for you: a folder starts with / or . or ~"
    # The packages that it is asked through have errors of their own.
    except (OSError, errors.HTTPError) as error:
        said = str(error).partition("\n")[0] or type(error).__name__
        return f"not in the cache here, and Hugging Face cannot be asked for it: {said}"
    return None


def _is_cached(hub: Any, errors: Any, name: str) -> bool:
    try:
        hub.hf_hub_download(name, "config.json", local_files_only=True)
    except errors.LocalEntryNotFoundError:
        return False
    return True
