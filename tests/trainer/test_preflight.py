"""Values that do not fit together, and what a machine may lack."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer import preflight
from onethinker_rewards.trainer.config import read_config
from onethinker_rewards.trainer.preflight import machine_faults, reader_fault
from tests.trainer.files import write_model, write_rows

Faults = Callable[..., list[str]]
MODEL = ("actor_rollout_ref.model.path", "model.path")


WRONG = {
    "data.train_batch_size=129": "data.train_batch_size 129 is not a multiple of ppo_mini_batch_size 32",
    "trainer.nnodes=3": "a mini-batch of 32 prompts has 256 responses: not a multiple of 24 GPUs",
    "actor_rollout_ref.rollout.tensor_model_parallel_size=3": "size 3 does not divide the 8 GPUs of a node",
    "actor_rollout_ref.actor.ppo_max_token_len_per_gpu=20479": "gpu 20479 is less than one row of 20480 tokens",
    "actor_rollout_ref.rollout.n=1": "actor_rollout_ref.rollout.n: a group has at least 2 responses, not 1",
    "trainer.nnodes=0": "trainer.nnodes: at least 1, not 0",
    "trainer.test_freq=5": "trainer.test_freq needs data.val_files",
    "data.train_files=[]": "data.train_files: names no file",
    "algorithm.adv_estimator=grpo": "onethinker in one needs it in both; the formula is onethinker.estimator",
    "trainer.v1.trainer_mode=sync": "onethinker in one needs it in both; the formula is onethinker.estimator",
    "algorithm.filter_groups.enable=false": "is verl's filter, and follows from onethinker.filter, which is ours",
}
SFT_WRONG = {
    "data.train_batch_size=33": "data.train_batch_size 33 is not a multiple of 32 GPUs",
    "data.max_token_len_per_gpu=16383": "data.max_token_len_per_gpu 16383 is less than one row of 16384 tokens",
    "trainer.test_freq=5": "trainer.test_freq needs data.val_files",
}


@pytest.mark.parametrize(
    ("config", "change", "said"),
    [("h800-4x8", *wrong) for wrong in WRONG.items()] + [("sft-h800-4x8", *wrong) for wrong in SFT_WRONG.items()],
)
def test_values_that_do_not_fit_together(config: str, change: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{config}: .*{said}$"):
        read_config(config, [change])


def test_what_is_not_known_yet_is_not_checked(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("data: {train_batch_size: 33}\ntrainer.nnodes: ${data.train_batch_size}\n")
    run = read_config(str(tmp_path / "run.yaml"))
    assert list(machine_faults(run.options, {})) == list(machine_faults(run.options, run.verl))


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Faults:
    """List what a machine with 8 GPUs, vLLM, a model and files lacks for a run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(preflight, "find_spec", lambda name: name)
    monkeypatch.setattr(preflight, "reader_fault", lambda: None)
    write_rows(tmp_path / "rl.parquet", rows=128)
    write_rows(tmp_path / "sft.parquet", "sft", rows=32)
    write_model(tmp_path / "model")

    def listed(*changes: str, config: str = "h800-4x8") -> list[str]:
        run = read_config(config, [f"{MODEL[config.startswith('sft')]}=./model", *changes])
        return list(machine_faults(run.options, run.verl))

    return listed


@pytest.mark.parametrize("config", ["h800-4x8", "sft-h800-4x8", "cpu-smoke"])
def test_a_machine_that_has_all(faults: Faults, config: str) -> None:
    assert faults(config=config) == []


def test_too_few_gpus(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults("trainer.n_gpus_per_node=16") == ["trainer.n_gpus_per_node: 16 wanted, 8 here"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 7)
    assert faults() == ["trainer.n_gpus_per_node: 8 wanted, 7 here"]
    assert faults("trainer.n_gpus_per_node=16", "trainer.device=cpu") == []
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert faults("trainer.n_gpus_per_node=16") == []


def test_packages_that_workers_import(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    others = ("torch", "pyarrow", "qwen_vl_utils", "vllm", "transfer_queue")
    monkeypatch.setattr(preflight, "find_spec", lambda name: name if name in others[:2] else None)
    pictures = "qwen-vl-utils: not installed; it reads images and videos"
    assert faults(config="sft-h800-4x8") == [pictures]
    assert faults() == [
        pictures,
        "vllm: not installed; it generates the responses",
        "TransferQueue: not installed; verl's trainer passes rows on with it",
    ]


def test_files_that_are_not_there(faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "folder.parquet").mkdir()
    changes = ["data.train_files=[a.parquet, folder.parquet]", "data.val_files=[a.parquet, ~nobody-there/b]"]
    assert faults(*changes) == [
        "a.parquet: no such file",
        "folder.parquet: no such file",
        "~nobody-there/b: no such file",
    ]


def test_a_file_that_is_no_parquet(faults: Faults, tmp_path: Path) -> None:
    for number, content in enumerate([b"", b"PAR1", b"not at all parquet " * 9]):
        (tmp_path / f"{number}.parquet").write_bytes(content)
        assert faults(f"data.train_files={number}.parquet") == [f"{number}.parquet: not a Parquet file"]


def test_a_file_that_may_not_be_read(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(parquet, "read_metadata", refuse)
    assert faults() == ["rl.parquet: Permission denied"]


def test_a_file_of_the_other_stage(faults: Faults) -> None:
    assert faults("data.train_files=sft.parquet") == [
        "sft.parquet: has no column prompt; write it with prepare --stage rl"
    ]
    assert faults("data.train_files=rl.parquet", config="sft-h800-4x8") == [
        "rl.parquet: has no column messages; write it with prepare --stage sft"
    ]


def test_too_few_rows_for_a_step(faults: Faults, tmp_path: Path) -> None:
    write_rows(tmp_path / "a.parquet", rows=127)
    assert faults("data.train_files=a.parquet") == ["data.train_files: 127 rows in all, and a step takes 128"]
    assert faults("data.train_files=a.parquet", "data.val_files=rl.parquet") != []
    write_rows(tmp_path / "b.parquet", rows=1)
    assert faults("data.train_files=[a.parquet, b.parquet]") == []
    # Named twice it is read twice.
    assert faults("data.train_files=[a.parquet, a.parquet]") == []
    write_rows(tmp_path / "c.parquet", "sft", rows=31)
    assert faults("data.train_files=c.parquet", config="sft-h800-4x8") == [
        "data.train_files: 31 rows in all, and a step takes 32"
    ]


def test_a_step_of_unknown_size_is_not_counted(faults: Faults) -> None:
    assert faults("data.train_batch_size=${data.seed}") == []


def test_too_few_rows_for_all_steps(faults: Faults) -> None:
    assert (
        faults("trainer.total_training_steps=1")
        == faults("trainer.total_training_steps=3", "trainer.total_epochs=3")
        == []
    )
    assert faults("trainer.total_training_steps=4", "trainer.total_epochs=3") == [
        "trainer.total_training_steps: 4 wanted, and 128 rows are 3 steps; raise trainer.total_epochs, which is 3"
    ]
    assert faults("trainer.total_training_steps=2", config="sft-h800-4x8") == [
        "trainer.total_training_steps: 2 wanted, and 32 rows are 1 steps; raise trainer.total_epochs, which is 1"
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"frames": 128, "pixels": 1_048_576}, []),
        ({"frames": 129}, ["rl.parquet: has videos of up to 129, and onethinker.max_frames is 128; prepare it anew"]),
        (
            {"pixels": 1_048_577},
            ["rl.parquet: has images of up to 1048577, and onethinker.max_image_pixels is 1048576; prepare it anew"],
        ),
    ],
    ids=["at the limits", "frames", "pixels"],
)
def test_media_over_the_limits(faults: Faults, tmp_path: Path, content: dict[str, Any], said: list[str]) -> None:
    write_rows(tmp_path / "rl.parquet", rows=128, **content)
    assert faults() == said


def test_any_row_group_may_be_over_the_limit(faults: Faults, tmp_path: Path) -> None:
    tables = [
        parquet.read_table(write_rows(tmp_path / "part.parquet", frames=frames, rows=64)) for frames in (64, 256, 32)
    ]
    parquet.write_table(pa.concat_tables(tables), tmp_path / "rl.parquet", row_group_size=64)
    assert len(faults()) == 1


def test_a_file_without_statistics_is_taken(faults: Faults, tmp_path: Path) -> None:
    table = parquet.read_table(write_rows(tmp_path / "part.parquet", frames=256, rows=128))
    parquet.write_table(table, tmp_path / "rl.parquet", write_statistics=False)
    assert faults() == []


def test_a_model_that_is_not_there(faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert faults(f"{MODEL[0]}=./empty") == ["actor_rollout_ref.model.path: ./empty: not a folder with a config.json"]
    assert faults(f"{MODEL[0]}=~nobody-there/a") == [
        "actor_rollout_ref.model.path: ~nobody-there/a: not a folder with a config.json"
    ]
    (tmp_path / "model" / "model.safetensors").unlink()
    assert faults() == [f"{MODEL[0]}: ./model: no weights: none of *.safetensors, *.bin"]
    (tmp_path / "model" / "pytorch_model.bin").touch()
    (tmp_path / "model" / "tokenizer.json").unlink()
    assert faults() == [
        "actor_rollout_ref.model.path: ./model: no tokenizer: none of tokenizer.json, tokenizer.model, vocab.json"
    ]
    assert faults(f"{MODEL[0]}=Qwen/Qwen3-VL-8B-Instruct") == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '"qwen3_vl"', '{"model": "qwen3_vl"}', "\ud800"])
def test_a_model_that_names_no_type(faults: Faults, tmp_path: Path, content: str) -> None:
    (tmp_path / "model" / "config.json").write_text(content, errors="surrogatepass")
    assert faults() == [f"{MODEL[0]}: ./model: its config.json names no model_type"]


def test_video_files_need_a_reader(faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "reader_fault", lambda: "no reader")
    assert faults() == []
    write_rows(tmp_path / "films.parquet", frames=4)
    assert faults("data.train_files=[rl.parquet, films.parquet]") == ["films.parquet: no reader"]
    assert faults("data.val_files=films.parquet") == ["films.parquet: no reader"]


def test_checkpoints_that_cannot_be_written(faults: Faults, tmp_path: Path) -> None:
    assert faults("trainer.default_local_dir=a/b/c") == []
    assert faults("trainer.default_local_dir=rl.parquet/out") == [
        f"trainer.default_local_dir: {tmp_path}/rl.parquet/out: cannot be written"
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_checkpoints_that_may_not_be_written(faults: Faults) -> None:
    assert len(faults("trainer.default_local_dir=/usr/checkpoints")) == 1


def test_without_pyarrow_files_are_looked_for_alone(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "find_spec", lambda name: None if name == "pyarrow" else name)
    assert faults("data.train_files=[sft.parquet, a.parquet]") == ["a.parquet: no such file"]
    assert faults("data.train_files=sft.parquet") == []


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stand in for packages that are installed, each with what importing it raises."""
    monkeypatch.delenv("FORCE_QWENVL_VIDEO_READER", raising=False)

    def of(**packages: Exception | None) -> list[str]:
        loaded: list[str] = []

        def load(name: str) -> None:
            loaded.append(name)
            error = packages[name.partition(".")[0]]
            if error is not None:
                raise error

        monkeypatch.setattr(preflight, "find_spec", lambda name: name if name in packages else None)
        monkeypatch.setattr(preflight, "import_module", load)
        return loaded

    return of


@pytest.mark.parametrize(
    ("packages", "loaded"),
    [
        ({"torchcodec": None}, ["torchcodec.decoders"]),
        ({"decord": None}, ["decord"]),
        ({"decord": ImportError("never asked"), "torchcodec": None}, ["torchcodec.decoders"]),
    ],
    ids=["torchcodec", "decord", "both"],
)
def test_a_reader_is_there(installed: Any, packages: Any, loaded: list[str]) -> None:
    asked = installed(**packages)
    assert reader_fault() is None
    assert asked == loaded


def test_no_reader(installed: Any) -> None:
    installed()
    assert reader_fault() == (
        "video files are read with torchcodec or decord, and neither is installed; or prepare frames"
    )


@pytest.mark.parametrize("kind", [ImportError, OSError, RuntimeError])
def test_a_reader_that_cannot_be_loaded(installed: Any, kind: type[Exception]) -> None:
    said = (
        "video files are read with torchcodec, which is installed but cannot be loaded: Could not load libtorchcodec."
    )
    broken = kind("Could not load libtorchcodec.\nLikely causes: FFmpeg")
    installed(torchcodec=broken)
    assert reader_fault() == said
    # qwen-vl-utils does not go on to the next one by itself.
    installed(torchcodec=broken, decord=None)
    assert reader_fault() == f"{said}; FORCE_QWENVL_VIDEO_READER=decord takes that instead"


def test_what_is_chosen_is_not_looked_at(installed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    monkeypatch.setenv("FORCE_QWENVL_VIDEO_READER", "torchvision")
    assert reader_fault() is None
