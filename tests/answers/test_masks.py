"""Masks out of run lengths, PNG files and arrays: cases by hand, round trips, pycocotools, hostile input."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onethinker_rewards.answers.masks import MOST_PIXELS, encode_mask, read_mask, read_masks, read_runs
from onethinker_rewards.errors import ArgumentError
from tests import oracles_masks as oracle
from tests.answers.oracles import text_of_runs

PEERS = Path(__file__).parents[2] / ".venv" / "peers"

# Two rows, three columns; down the columns: off, on | on, on | off, off.
STEP = np.array([[False, True, False], [True, True, False]])

RUNS = [
    pytest.param([2, 3], [1, 3, 2], STEP, id="list"),
    pytest.param([2, 3], (1, 3, 2), STEP, id="tuple"),
    pytest.param([2, 3], np.array([1, 3, 2], dtype=np.uint8), STEP, id="array"),
    pytest.param([2, 3], "132", STEP, id="text"),
    pytest.param([2, 3], b"132", STEP, id="bytes"),
    pytest.param([2, 3], [0, 2, 4], [[1, 0, 0], [1, 0, 0]], id="begins on"),
    pytest.param([2, 3], [1, 1, 0, 2, 2], STEP, id="a run of nothing"),
    # 1, 1, 0, then 2 is one more than the run before last, and 2 is two more than 0.
    pytest.param([2, 3], "11012", STEP, id="differences"),
    # 2, 3, 2, then 1 as -2 and 1 as -1.
    pytest.param([3, 3], "232NO", [[0, 1, 0], [0, 1, 1], [1, 0, 0]], id="negative differences"),
    pytest.param([1, 20], "`04", [[0] * 16 + [1] * 4], id="sixteen has two characters"),
    pytest.param([1, 600], "P`0h2", [[0] * 512 + [1] * 88], id="three characters"),
    pytest.param([2, 0], [], np.zeros((2, 0)), id="no width"),
    pytest.param([0, 2], "0", np.zeros((0, 2)), id="no height"),
    pytest.param(np.array([2, 3]), "6", np.zeros((2, 3)), id="size as an array"),
]


@pytest.mark.parametrize(("size", "counts", "expected"), RUNS)
def test_runs(size: Any, counts: Any, expected: Any) -> None:
    mask = read_mask({"size": size, "counts": counts})
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, np.array(expected, dtype=bool))


BAD_RUNS = [
    pytest.param({}, "size must be", id="nothing"),
    pytest.param({"size": [2, 3]}, "counts must be", id="no counts"),
    pytest.param({"counts": "132"}, "size must be", id="no size"),
    pytest.param({"size": "23", "counts": "132"}, "size must be", id="size as text"),
    pytest.param({"size": [2], "counts": "2"}, "size must be", id="one side"),
    pytest.param({"size": [2, 3, 1], "counts": "6"}, "size must be", id="three sides"),
    pytest.param({"size": [2.0, 3.0], "counts": "6"}, "size must be", id="sides with a point"),
    pytest.param({"size": [2, float("nan")], "counts": "6"}, "size must be", id="NaN for a side"),
    pytest.param({"size": [-2, -3], "counts": "6"}, "sides from 0", id="negative sides"),
    pytest.param({"size": [10**9, 10**9], "counts": "0"}, "sides from 0", id="more than memory"),
    pytest.param({"size": [10**30, 1], "counts": "0"}, "sides from 0", id="more than a word"),
    pytest.param({"size": [8192, 8193], "counts": "0"}, "67,108,864", id="one column too many"),
    pytest.param({"size": [2, 3], "counts": [1, 3, 1]}, "hold 5 pixels, and size 2 by 3 has 6", id="too few"),
    pytest.param({"size": [2, 3], "counts": [1, 3, 3]}, "hold 7 pixels", id="too many"),
    pytest.param({"size": [2, 3], "counts": ""}, "hold 0 pixels", id="empty text"),
    pytest.param({"size": [2, 3], "counts": []}, "hold 0 pixels", id="empty list"),
    pytest.param({"size": [2, 3], "counts": [-1, 7]}, "negative", id="negative run"),
    pytest.param({"size": [2, 3], "counts": "O7"}, "negative", id="negative run in text"),
    pytest.param({"size": [2, 3], "counts": [MOST_PIXELS + 1]}, "whole numbers up to", id="run over the limit"),
    pytest.param({"size": [2, 3], "counts": [2**63 + 5, 1]}, "whole numbers up to", id="more than a signed word"),
    pytest.param({"size": [2, 3], "counts": [10**30]}, "whole numbers up to", id="more than any word"),
    pytest.param({"size": [2, 3], "counts": [1.0, 3.0, 2.0]}, "list of whole numbers", id="floats"),
    pytest.param({"size": [2, 3], "counts": [1, float("nan")]}, "list of whole numbers", id="NaN"),
    pytest.param({"size": [2, 3], "counts": ["1", "3"]}, "list of whole numbers", id="texts"),
    pytest.param({"size": [2, 3], "counts": [None]}, "list of whole numbers", id="nothing in a list"),
    pytest.param({"size": [2, 3], "counts": [[1], [3, 2]]}, "list of whole numbers", id="ragged"),
    pytest.param({"size": [2, 3], "counts": [[1, 3, 2]]}, "list of whole numbers", id="nested"),
    pytest.param({"size": [2, 3], "counts": 6}, "list of whole numbers", id="a number"),
    pytest.param({"size": [2, 3], "counts": "1 2"}, "a character", id="space"),
    pytest.param({"size": [2, 3], "counts": "1p2"}, "a character", id="p is past the last"),
    pytest.param({"size": [2, 3], "counts": "1/2"}, "a character", id="a slash is before the first"),
    pytest.param({"size": [2, 3], "counts": "1é2"}, "a character", id="no ASCII"),
    pytest.param({"size": [2, 3], "counts": "\ud800"}, "a character", id="half a surrogate"),
    pytest.param({"size": [2, 3], "counts": b"\x00"}, "a character", id="null byte"),
    pytest.param({"size": [2, 3], "counts": "13P"}, "break off", id="breaks off"),
    pytest.param({"size": [2, 3], "counts": "ooo"}, "break off", id="never ends"),
    pytest.param({"size": [2, 3], "counts": "ooooooooooooo0"}, "no mask has room", id="shifted out of a word"),
    pytest.param({"size": [2, 3], "counts": "PPPPPP1"}, "no mask has room", id="seven characters"),
    pytest.param({"size": [2, 3], "counts": "ooooo?"}, "longer than a mask", id="six characters"),
]


@pytest.mark.parametrize(("mask", "message"), BAD_RUNS)
def test_bad_runs_are_one_clear_line(mask: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as caught:
        read_mask(mask)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


shapes = st.tuples(st.integers(0, 12), st.integers(0, 12))
drawings = shapes.flatmap(lambda shape: arrays(np.bool_, shape))


@given(mask=drawings)
def test_runs_are_the_textbook(mask: np.ndarray) -> None:
    """What is written holds the runs that counting gives, and reads back the same by hand and here."""
    encoded = encode_mask(mask)
    assert json.loads(json.dumps(encoded)) == encoded
    assert oracle.runs_of_text(encoded["counts"]) == oracle.runs(mask)
    np.testing.assert_array_equal(read_mask(encoded), mask)
    np.testing.assert_array_equal(read_mask({"size": [*mask.shape], "counts": oracle.runs(mask)}), mask)


@given(lengths=st.lists(st.integers(0, 2**22), max_size=12))
@example(lengths=[0, 2**26])
@example(lengths=[2**25, 2**25, 0, 0])
def test_long_runs_are_the_textbook(lengths: list[int]) -> None:
    """Numbers of every number of characters that a mask can need."""
    text = text_of_runs(lengths)
    assert oracle.runs_of_text(text) == lengths
    for counts in (text, lengths):
        read = read_runs([{"size": [1, sum(lengths)], "counts": counts}, {"size": [1, 1], "counts": "1"}])
        pairs = read.pairs[: read.starts[1]].ravel()
        assert pairs[: len(lengths)].tolist() == lengths
        assert not pairs[len(lengths) :].any()


@given(mask=drawings, height=st.sampled_from([1, 30, 800]))
@settings(max_examples=settings().max_examples // 4)
def test_what_is_written_is_the_textbook(mask: np.ndarray, height: int) -> None:
    tall = np.repeat(mask, height, axis=0)
    assert encode_mask(tall)["counts"] == text_of_runs(oracle.runs(tall))


@pytest.mark.parametrize("bits", [4, 9, 14, 19, 24])
@pytest.mark.parametrize("step", [-1, 0, 1])
def test_runs_of_one_more_character(bits: int, step: int) -> None:
    """Runs and differences of runs on both sides of each length of a number."""
    long = 2**bits + step
    lengths = [long, 1, 1, long, 0, 1] if bits < 24 else [long, 1]
    text = text_of_runs(lengths)
    mask = read_mask({"size": [1, sum(lengths)], "counts": text})
    np.testing.assert_array_equal(mask, read_mask({"size": [1, sum(lengths)], "counts": lengths}))
    # A run of nothing is never written: the runs around it are one.
    if bits < 24:
        text = text_of_runs([long, 1, 1, long + 1])
    assert encode_mask(mask)["counts"] == text


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        pytest.param([[0] * 15 + [1]], "?1", id="fifteen fits"),
        pytest.param([[0] * 16 + [1]], "`01", id="sixteen does not"),
        pytest.param([[0] * 20 + [1] * 20 + [0] * 4 + [1] * 4], "d0d04@", id="minus sixteen fits"),
        pytest.param([[0] * 20 + [1] * 20 + [0] * 4 + [1] * 3], "d0d04_O", id="minus seventeen does not"),
    ],
)
def test_numbers_take_no_more_characters_than_they_need(mask: list[list[int]], text: str) -> None:
    assert encode_mask(np.array(mask))["counts"] == text
    np.testing.assert_array_equal(read_mask({"size": [1, len(mask[0])], "counts": text}), np.array(mask, dtype=bool))


@given(
    masks=st.lists(drawings, max_size=6), kinds=st.just([True] * 6) | st.lists(st.booleans(), min_size=6, max_size=6)
)
def test_a_batch_equals_its_masks(masks: list[np.ndarray], kinds: list[bool]) -> None:
    encoded = [
        encode_mask(mask) if kind else {"size": mask.shape, "counts": oracle.runs(mask)}
        for mask, kind in zip(masks, kinds, strict=False)
    ]
    runs = read_runs(encoded)
    for row, mask in enumerate(masks):
        np.testing.assert_array_equal(runs.paint(row), mask)


def read_or_none(mask: Any) -> np.ndarray | None:
    """Return a mask, None where there is one clear line; anything else fails the test."""
    with contextlib.suppress(ArgumentError):
        return read_mask(mask)
    return None


@given(text=st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=30), side=st.integers(0, 2**14))
def test_any_text_is_a_mask_or_a_clear_error(text: str, side: int) -> None:
    mask = read_or_none({"size": [1, side], "counts": text})
    assert mask is None or (mask.shape == (1, side) and sum(oracle.runs_of_text(text)) == side)


def test_the_faulty_mask_of_a_batch_is_named() -> None:
    sound, bad = {"size": [2, 3], "counts": "132"}, {"size": [2, 3], "counts": "13"}
    with pytest.raises(ArgumentError, match=r"^mask 1: counts hold 4 pixels"):
        read_runs([sound, bad, sound])
    with pytest.raises(ArgumentError, match=r"^mask 2: counts hold 4 pixels"):
        read_masks([STEP, STEP.tolist(), bad])
    # A number must not go on in the next text.
    with pytest.raises(ArgumentError, match=r"^mask 0: counts break off"):
        read_runs([{"size": [1, 16], "counts": "P"}, {"size": [1, 0], "counts": "1"}])


def png(pixels: np.ndarray, mode: str | None = None, **options: Any) -> bytes:
    from PIL import Image

    image = Image.fromarray(pixels)
    file = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(file, options.pop("format", "PNG"), **options)
    return file.getvalue()


def palette_png(indices: np.ndarray) -> bytes:
    """Return a PNG whose color 0 is white: what is off by its index and bright to look at."""
    from PIL import Image

    image = Image.fromarray(indices.astype(np.uint8), mode=None)
    image.putpalette([255, 255, 255, 0, 0, 0, 9, 9, 9])
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


GRAY = STEP.astype(np.uint8)
COLORS = np.stack([np.zeros_like(GRAY), GRAY, np.zeros_like(GRAY)], axis=2)
OPAQUE = np.full_like(GRAY, 255)
PNGS = [
    pytest.param(lambda: png(GRAY * 255), id="black and white"),
    pytest.param(lambda: png(GRAY), id="one is on"),
    pytest.param(lambda: png(STEP), id="one bit"),
    pytest.param(lambda: png(GRAY.astype(np.uint16) * 256), id="sixteen bits"),
    pytest.param(lambda: png(COLORS), id="one color of three"),
    pytest.param(lambda: png(np.dstack([COLORS, OPAQUE])), id="opaque black is off"),
    pytest.param(lambda: png(np.dstack([GRAY, OPAQUE]), "LA"), id="opaque black in gray is off"),
    pytest.param(lambda: palette_png(GRAY * 2), id="a palette by its index"),
]


@pytest.mark.parametrize("file", PNGS)
def test_png(file: Any, tmp_path: Path) -> None:
    data = file()
    path = tmp_path / "mask.png"
    path.write_bytes(data)
    for mask in (data, bytearray(data), str(path), path):
        read = read_mask(mask)
        assert read.dtype == np.bool_
        np.testing.assert_array_equal(read, STEP)


def test_bad_files_are_one_clear_line(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (40, 50), dtype=np.uint8)
    data = png(noise)
    bad = {
        "a mask's bytes must be a PNG": [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", png(noise, format="JPEG")],
        "8193 by 8192 is larger than 67,108,864": [data[:16] + b"\0\0\x20\0\0\0\x20\x01" + data[24:]],
        "65536 by 65536 is larger": [data[:16] + b"\0\x01\0\0" * 2 + data[24:]],
        "cannot be read": [data[:60], data[:24], data[:12] + b"JUNK" + data[16:], data[:-60]],
        "no such file|No such file": [str(tmp_path / "none.png"), tmp_path / "none.png"],
        "Is a directory": [tmp_path],
        "null": ["a\0b.png"],
    }
    for message, masks in bad.items():
        for mask in masks:
            with pytest.raises(ArgumentError, match=message) as caught:
                read_mask(mask)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("side", [31, 9_600, 30_000, 2**31 - 1])
def test_a_second_header_is_not_believed(side: int, strict: bool) -> None:
    """Its size was not looked at before; Pillow takes the last one, and only warns of many pixels."""
    data = png(np.eye(30, dtype=np.uint8))
    header = b"IHDR" + struct.pack(">II", side, side) + data[24:29]
    second = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    with warnings.catch_warnings():
        warnings.simplefilter("error" if strict else "ignore")
        with pytest.raises(ArgumentError, match="a mask's PNG cannot be read"):
            read_mask(data[:33] + second + data[33:])


@given(index=st.integers(0, 200), value=st.integers(0, 255), end=st.integers(0, 300))
def test_a_broken_png_is_a_mask_or_a_clear_error(index: int, value: int, end: int) -> None:
    data = bytearray(png(np.eye(9, dtype=np.uint8)))
    data[index % len(data)] = value
    mask = read_or_none(bytes(data[: end or None]))
    assert mask is None or mask.dtype == np.bool_


def test_a_png_without_pillow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = png(GRAY)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'onethinker-rewards\[masks\]'"):
        read_mask(data)


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(STEP, id="booleans"),
        pytest.param(STEP.astype(np.int64) * -7, id="whole numbers"),
        pytest.param(STEP.tolist(), id="lists"),
        pytest.param(np.asfortranarray(STEP), id="down the columns"),
    ],
)
def test_arrays(mask: Any) -> None:
    read = read_mask(mask)
    np.testing.assert_array_equal(read, STEP)
    assert not np.shares_memory(read, mask)


def test_tensors() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    np.testing.assert_array_equal(read_mask(torch.asarray(STEP)), STEP)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        pytest.param(STEP * 0.5, "must be boolean", id="probabilities"),
        pytest.param(np.array([[np.nan]]), "must be boolean", id="NaN"),
        pytest.param(np.array([["x"]]), "must be boolean", id="texts"),
        pytest.param(None, "must be boolean", id="nothing"),
        pytest.param(STEP[None], "shape", id="three dimensions"),
        pytest.param(STEP[0], "shape", id="one dimension"),
        pytest.param(7, "shape", id="a number"),
        pytest.param([[1, 2], [3]], "array", id="ragged"),
    ],
)
def test_bad_arrays_are_one_clear_line(mask: Any, message: str) -> None:
    for read in (read_mask, encode_mask):
        with pytest.raises(ArgumentError, match=message):
            read(mask)


def pycocotools() -> Any:
    if not (PEERS / "pycocotools").exists():
        pytest.skip("pycocotools is not installed: make test installs it")
    sys.path.append(str(PEERS))
    try:
        from pycocotools import mask
    finally:
        sys.path.remove(str(PEERS))
    return mask


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_agrees() -> None:
    """Both write the same text, and read each other's, compressed or not."""
    coco = pycocotools()
    rng = np.random.default_rng(0)
    for share in (0.0, 0.003, 0.1, 0.5, 0.97, 1.0):
        for _ in range(20):
            height, width = rng.integers(1, 300, 2)
            mask = np.kron(rng.random((height // 9 + 1, width // 9 + 1)) < share, np.ones((9, 9), dtype=bool))
            mask = mask[:height, :width]
            theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
            ours = encode_mask(mask)
            assert ours == {"size": theirs["size"], "counts": theirs["counts"].decode()}
            np.testing.assert_array_equal(read_mask(theirs), mask)
            np.testing.assert_array_equal(coco.decode(ours), mask)
            listed = {"size": [int(height), int(width)], "counts": oracle.runs(mask)}
            np.testing.assert_array_equal(coco.decode(coco.frPyObjects(listed, height, width)), read_mask(listed))
