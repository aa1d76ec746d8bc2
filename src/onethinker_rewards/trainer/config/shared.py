"""Keys that both stages have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from onethinker_rewards.trainer.config.section import OWN, RELEASE, VERL, Section, key

__all__ = ["Model", "Run", "Text", "Texts", "require", "require_validation"]

Text = Annotated[str, Field(min_length=1)]


def require(holds: bool, why: str) -> None:
    """Raise what pydantic reports as the configuration's fault, unless this holds."""
    if not holds:
        raise ValueError(why)


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


# One text, or a list of them.
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


class Model(Section):
    """The model, and how it lies in memory."""

    path: Text = key(
        "Qwen/Qwen3-VL-8B-Instruct", RELEASE, "A folder, which starts with `/`, `.` or `~`, or a name on Hugging Face."
    )
    attention: Text | None = key(None, VERL, "Implementation of attention; null is verl's choice.")
    remove_padding: bool = key(True, RELEASE, "Pack sequences without padding.")
    gradient_checkpointing: bool = key(True, RELEASE, "Compute activations again instead of keeping them.")
    offload: bool = key(False, RELEASE, "Keep weights and optimiser states in main memory between uses.")

    @property
    def is_folder(self) -> bool:
        """Whether the path is a folder and no name on the hub."""
        return self.path.startswith(("/", ".", "~"))


class Run(Section):
    """Machines, length of the run, what is kept."""

    nodes: int = key(4, RELEASE, "Machines.", ge=1)
    gpus_per_node: int = key(8, RELEASE, "GPUs of each; processes, where device is cpu.", ge=1)
    device: Literal["cuda", "cpu"] = key("cuda", OWN, "cpu is for trying things out.")
    epochs: int = key(1, RELEASE, "Times through the data.", ge=1)
    steps: int | None = key(None, RELEASE, "Stop after so many steps; null goes to the end of the epochs.", ge=1)
    save_every: int | None = key(
        100, RELEASE, "Steps between checkpoints, and one at the end; null: none, of fine-tuning the last.", ge=1
    )
    keep: int | None = key(None, RELEASE, "Checkpoints to keep, the latest; null keeps all.", ge=1)
    validate_every: int | None = key(None, RELEASE, "Steps between validations; null never validates.", ge=1)
    output: Text = key("checkpoints/onethinker", OWN, "Folder of the checkpoints.")
    resume: bool = key(True, RELEASE, "Go on from the last checkpoint in `output`, where there is one.")
    project: Text = key("onethinker", OWN, "Project's name in the log.")
    name: Text = key("rl", OWN, "This run's name in the log.")
    loggers: Texts = key(("console", "tensorboard"), OWN, "verl's loggers; TensorBoard's files go to `output`/curves.")
    seed: int = key(1, RELEASE, "Order of the data.", ge=0)

    @property
    def gpus(self) -> int:
        """GPUs of all nodes."""
        return self.nodes * self.gpus_per_node


def require_validation(run: Run, files: tuple[str, ...]) -> None:
    """Raise unless there is something to validate on where that is wanted."""
    require(run.validate_every is None or len(files) > 0, "run.validate_every needs data.validation_files")
