"""What a machine may lack."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from onethinker_rewards.trainer.config import machine, read_settings
from onethinker_rewards.trainer.config.machine import machine_faults
from tests.trainer.config.files import write_model, write_rows

Faults = Callable[..., list[str]]


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Faults:
    """List what a machine with 8 GPUs, vLLM, a model and files lacks for a run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(machine, "find_spec", lambda name: name)
    monkeypatch.setattr(machine, "reader_fault", lambda: None)
    write_rows(tmp_path / "rl.parquet", rows=128)
    write_rows(tmp_path / "sft.parquet", "sft", rows=32)
    write_model(tmp_path / "model")

    def listed(*changes: str, config: str = "h800-4x8") -> list[str]:
        return list(machine_faults(read_settings(config, ["model.path=./model", *changes])))

    return listed


@pytest.mark.parametrize("config", ["h800-4x8", "sft-h800-4x8", "cpu-smoke"])
def test_a_machine_that_has_all(faults: Faults, config: str) -> None:
    assert faults(config=config) == []


def test_too_few_gpus(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults("run.gpus_per_node=16") == ["run.gpus_per_node: 16 wanted, 8 here"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 7)
    assert faults() == ["run.gpus_per_node: 8 wanted, 7 here"]
    assert faults("run.gpus_per_node=16", "run.device=cpu") == []
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert faults("run.gpus_per_node=16") == []


def test_packages_that_workers_import(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    pictures = "qwen-vl-utils: not installed, and images and videos are read with it"
    assert faults(config="sft-h800-4x8") == [pictures]
    assert faults() == [
        pictures,
        "vllm: not installed, and responses are sampled with it",
        "TransferQueue: not installed, and verl's trainer hands rows on in it",
    ]


def test_files_that_are_not_there(faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "folder.parquet").mkdir()
    changes = ["data.train_files=[a.parquet, folder.parquet]", "data.validation_files=[a.parquet, ~nobody-there/b]"]
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

    monkeypatch.setattr(parquet, "ParquetFile", refuse)
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
    assert faults("data.train_files=a.parquet", "data.validation_files=rl.parquet") != []
    write_rows(tmp_path / "b.parquet", rows=1)
    assert faults("data.train_files=[a.parquet, b.parquet]") == []
    # Named twice it is read twice.
    assert faults("data.train_files=[a.parquet, a.parquet]") == []
    write_rows(tmp_path / "c.parquet", "sft", rows=31)
    assert faults("data.train_files=c.parquet", config="sft-h800-4x8") == [
        "data.train_files: 31 rows in all, and a step takes 32"
    ]


def test_too_few_rows_for_all_steps(faults: Faults) -> None:
    assert faults("run.steps=1") == faults("run.steps=3", "run.epochs=3") == []
    assert faults("run.steps=4", "run.epochs=3") == [
        "run.steps: 4 wanted, and 128 rows are 3 steps; raise run.epochs, which is 3"
    ]
    assert faults("run.steps=2", config="sft-h800-4x8") == [
        "run.steps: 2 wanted, and 32 rows are 1 steps; raise run.epochs, which is 1"
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"frames": 128, "pixels": 1_048_576}, []),
        ({"frames": 129}, ["rl.parquet: has videos of up to 129, and data.max_frames is 128; prepare it anew"]),
        (
            {"pixels": 1_048_577},
            ["rl.parquet: has images of up to 1048577, and data.max_image_pixels is 1048576; prepare it anew"],
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
    assert faults("model.path=./empty") == ["model.path: ./empty: no folder with a config.json"]
    assert faults("model.path=~nobody-there/a") == ["model.path: ~nobody-there/a: no folder with a config.json"]
    (tmp_path / "model" / "model.safetensors").unlink()
    assert faults() == ["model.path: ./model: no weights: none of *.safetensors, *.bin"]
    (tmp_path / "model" / "pytorch_model.bin").touch()
    (tmp_path / "model" / "tokenizer.json").unlink()
    assert faults() == ["model.path: ./model: no tokenizer: none of tokenizer.json, tokenizer.model, vocab.json"]
    assert faults("model.path=Qwen/Qwen3-VL-8B-Instruct") == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '"qwen3_vl"', '{"model": "qwen3_vl"}', "\ud800"])
def test_a_model_that_names_no_type(faults: Faults, tmp_path: Path, content: str) -> None:
    (tmp_path / "model" / "config.json").write_text(content, errors="surrogatepass")
    assert faults() == ["model.path: ./model: its config.json names no model_type"]


def test_video_files_need_a_reader(faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "reader_fault", lambda: "no reader")
    assert faults() == []
    write_rows(tmp_path / "films.parquet", frames=4)
    assert faults("data.train_files=[rl.parquet, films.parquet]") == ["films.parquet: no reader"]
    assert faults("data.validation_files=films.parquet") == ["films.parquet: no reader"]


def test_checkpoints_that_cannot_be_written(faults: Faults, tmp_path: Path) -> None:
    assert faults("run.output=a/b/c") == []
    assert faults("run.output=rl.parquet/out") == [f"run.output: {tmp_path}/rl.parquet/out: cannot be written"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_checkpoints_that_may_not_be_written(faults: Faults) -> None:
    assert len(faults("run.output=/usr/checkpoints")) == 1
