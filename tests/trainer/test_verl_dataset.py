"""verl 0.9.1 reads what prepare writes: with its own data sets, and with the library that looks at the pictures."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.adapters.rows import framework
from tests.cli.runs import run
from tests.trainer.examples import rl_rows, sft_rows, write_array
from tests.trainer.torchvision_stand_in import stand_in_for_torchvision

framework("verl", "datasets", "qwen_vl_utils", "torch", "pyarrow")

PATCH = 16
Opened = Callable[..., Any]
# As much of a processor as reading takes: the size of a patch.
PROCESSOR: Any = SimpleNamespace(image_processor=SimpleNamespace(patch_size=PATCH))


def prepared(drawn: Path, folder: Path, rows: list[dict[str, Any]], *options: str) -> Path:
    out = folder / "train.parquet"
    source = write_array(folder / "train.json", rows)
    done = run("prepare", source, "--out", out, "--media-root", drawn, "--check-media", "readable", *options)
    assert done.exit_code == 0, done.stderr
    return out


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opened:
    """Open a file as verl does for reinforcement learning."""
    import datasets
    from omegaconf import OmegaConf
    from verl.utils.dataset.rl_dataset import RLHFDataset

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    config = OmegaConf.create({"filter_overlong_prompts": False, "cache_dir": str(tmp_path / "verl")})
    return lambda *files: RLHFDataset(list(map(str, files)), tokenizer=None, config=config, processor=PROCESSOR)


def texts(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(one.get("text", f"<{one['type']}>") for one in content)


def test_verl_reads_every_row(drawn: Path, tmp_path: Path, read: Opened) -> None:
    rows = rl_rows()
    dataset = read(prepared(drawn, tmp_path, rows))
    assert len(dataset) == len(rows)
    for place, row in enumerate(rows):
        item = dataset[place]
        (message,) = item["raw_prompt"]
        assert re.sub(r"<\w+>|\s", "", row["problem"]) in re.sub(r"<(image|video)>|\s", "", texts(message))
        assert (item["index"], item["data_source"]) == (place + 1, row["data_source"])
        assert item["extra_info"]["task"] == item["ability"]
        assert item["reward_model"]["ground_truth"] in (row.get("answer") or row["solution"])


def test_files_of_one_kind_go_together(drawn: Path, tmp_path: Path, read: Opened) -> None:
    """Rows without any video have the types of rows with one."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    images = prepared(drawn, tmp_path / "a", [row for row in rl_rows() if row["data_type"] == "image"])
    videos = prepared(drawn, tmp_path / "b", [row for row in rl_rows() if row["data_type"] == "video"])
    assert len(read(images, videos)) == sum(row["data_type"] in ("image", "video") for row in rl_rows())


def test_a_file_named_twice_counts_twice(drawn: Path, tmp_path: Path, read: Opened) -> None:
    rows = rl_rows()
    file = prepared(drawn, tmp_path, rows)
    assert len(read(file, file)) == 2 * len(rows)


@pytest.mark.parametrize("frames", [False, True], ids=["files", "frames"])
def test_what_the_model_sees_keeps_to_the_limits(
    drawn: Path, tmp_path: Path, read: Opened, monkeypatch: pytest.MonkeyPatch, *, frames: bool
) -> None:
    stand_in_for_torchvision(monkeypatch)
    from verl.utils.dataset.rl_dataset import RLHFDataset

    rows = rl_rows() if not frames else [row | {"videos": ["frames"]} for row in rl_rows() if row.get("videos")]
    limits = [
        "--image-pixels",
        "4096",
        "--video-pixels",
        "5000",
        "--max-frames",
        "4",
        *(["--frames"] if frames else []),
    ]
    dataset = read(prepared(drawn, tmp_path, rows, *limits))
    seen = 0
    for place in range(len(dataset)):
        item = dataset[place]
        images, videos = asyncio.run(RLHFDataset.process_vision_info(item["raw_prompt"], PATCH, None))
        for image in images or []:
            assert image.width * image.height <= 4096
        for video, metadata in videos or []:
            assert len(video) <= 4
            assert video.shape[-1] * video.shape[-2] <= 5000
            assert metadata["fps"] in (8.0, 2.0, pytest.approx(2 / 3))
        seen += len(images or []) + len(videos or [])
    assert seen == sum(
        len(row.get("images", [])) + len(row.get("videos", [])) + ("path" in row) + ("additional_path" in row)
        for row in rows
    )


def test_verl_reads_what_to_fine_tune_on(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for_torchvision(monkeypatch)
    import transformers.models.qwen2_vl.modeling_qwen2_vl as qwen2_vl

    # A name that later versions of transformers lack; nothing here uses it.
    monkeypatch.setattr(qwen2_vl, "Qwen2VLCausalLMOutputWithPast", object, raising=False)
    from omegaconf import OmegaConf
    from verl.utils.dataset import multiturn_sft_dataset as sft

    monkeypatch.setattr(sft, "extract_system_prompt_and_generation", lambda *_, **__: ([], []))
    rows = sft_rows()
    out = prepared(drawn, tmp_path, rows, "--stage", "sft")
    dataset = sft.MultiTurnSFTDataset([str(out)], SimpleNamespace(), OmegaConf.create({}), processor=PROCESSOR)
    assert len(dataset) == len(rows)
    for place, row in enumerate(rows):
        built = dataset._build_messages(dataset.dataframe.iloc[place].to_dict())
        assert [message["role"] for message in built] == ["user", "assistant"]
        assert texts(built[1]).startswith("<think>")
        assert texts(built[1]).endswith("</answer>")
        kinds = [one["type"] for one in built[0]["content"]]
        assert kinds.count("image") == len(row.get("images", []))
        assert kinds.count("video") == len(row.get("videos", []))
