"""Runs of ms-swift's own `rlhf_main` on the tiny model, in a process of their own; what they leave is for the test.

python -m tests.adapters.swift_run FOLDER
python -m tests.adapters.swift_run FOLDER dialects
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.adapters.tiny_chat import data_rows, save_tiny, stay_offline
from tests.answers.dialect_cases import DIALECTS, dialect_settings, native_rows

STEPS = 6
SETTINGS = {
    "rlhf_type": "grpo",
    "model_type": "llama",
    "template": "dummy",
    "tuner_type": "full",
    "torch_dtype": "float32",
    "load_from_cache_file": "false",
    "split_dataset_ratio": "0",
    "dataset_num_proc": "1",
    "dataloader_num_workers": "0",
    "reward_funcs": "onethinker_ema",
    "scale_rewards": "none",
    "num_generations": "4",
    "max_completion_length": "1",
    "per_device_train_batch_size": "8",
    "gradient_accumulation_steps": "2",
    "gradient_checkpointing": "false",
    "max_steps": str(STEPS),
    "save_steps": "100",
    "logging_steps": "1",
    "learning_rate": "1e-2",
    "beta": "0",
    "log_completions": "true",
    "report_to": "none",
    "add_version": "false",
}


def run(folder: Path, name: str, callbacks: list[str], rows: str = "rows", **settings: str) -> None:
    """Run ms-swift's command with the plugin of the package."""
    from swift.pipelines import rlhf_main

    from onethinker_rewards.adapters.swift import PLUGIN

    paths = {
        "model": str(folder / "model"),
        "dataset": str(folder / f"{rows}.jsonl"),
        "output_dir": str(folder / name),
        "external_plugins": str(PLUGIN),
    }
    arguments = [word for key, value in {**SETTINGS, **paths, **settings}.items() for word in (f"--{key}", value)]
    rlhf_main([*arguments, "--callbacks", *callbacks])


def error_of(*arguments: Any, **settings: Any) -> str:
    try:
        run(*arguments, **settings)
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def prepare(folder: Path) -> None:
    """Write model and data; register a callback that cuts a run short; stay offline."""
    import swift.trainers.mixin
    from swift.callbacks import callbacks_map
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            control.should_save = control.should_training_stop = state.global_step == 3

    callbacks_map["stop"] = lambda args, trainer: Stop()
    # It asks a hub whether there is a newer version of the model.
    swift.trainers.mixin.check_local_model_is_latest = lambda *args, **kwargs: None
    save_tiny(folder / "model")
    rows = [{**row, "messages": row.pop("prompt")} for row in data_rows(chat=True, times=3)]
    write(folder / "rows.jsonl", rows)
    write(
        folder / "bad.jsonl",
        [{**row, "solution": "B or C"} if "tracking" in row["problem_type"] else row for row in rows],
    )


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def main(folder: Path) -> None:
    stay_offline()
    prepare(folder)
    ours = ["onethinker_ema"]
    run(folder, "whole", ours)
    run(folder, "parts", [*ours, "stop"])
    run(folder, "parts", ours, resume_from_checkpoint=str(folder / "parts" / "checkpoint-3"))
    run(folder, "plain", ["onethinker"], reward_funcs="onethinker", scale_rewards="group", max_steps="1")
    evaluation = {"eval_strategy": "steps", "eval_steps": "1", "per_device_eval_batch_size": "96", "max_steps": "2"}
    run(folder, "evaluated", ours, val_dataset=str(folder / "rows.jsonl"), **evaluation)
    errors = {
        "bad_reference": error_of(folder, "bad", ours, rows="bad"),
        "divided": error_of(folder, "bad", ours, scale_rewards="group"),
        "no_callback": error_of(folder, "bad", ["stop"]),
    }
    import trl

    (folder / "errors.json").write_text(json.dumps({**errors, "trl": trl.__file__}), encoding="utf-8")


def dialects(folder: Path) -> None:
    """Run one step for each dialect and kind of references, in which the model writes native answers."""
    stay_offline()
    prepare(folder)
    from onethinker_rewards.adapters.swift import register

    # A step has as many prompts as it has responses, four to a question.
    once = {"per_device_train_batch_size": "128", "gradient_accumulation_steps": "1", "max_steps": "1"}
    for dialect in DIALECTS:
        for native in (False, True):
            name, rows = f"{dialect} {native}", native_rows(dialect, native=native)
            asked, answers = (
                [f"question {number}" for number in range(len(rows))],
                [row.pop("response") for row in rows],
            )
            save_tiny(folder / name / "model", asked, answers)
            data = [
                {"messages": [{"role": "user", "content": question}], **row}
                for question, row in zip(asked, rows, strict=True)
            ]
            write(folder / f"{name}.jsonl", data * 32)
            register("native", **dialect_settings(dialect, native=native))
            model = str(folder / name / "model")
            run(folder, name, ["native"], rows=name, model=model, reward_funcs="native", scale_rewards="group", **once)


if __name__ == "__main__":
    (dialects if "dialects" in sys.argv else main)(Path(sys.argv[1]))
