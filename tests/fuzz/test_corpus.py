"""Every input that fuzzing kept is tried again."""

from __future__ import annotations

import json

import pytest

from tests.fuzz.mutate import mutate
from tests.fuzz.targets import CORPUS, TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_kept_inputs(target: str) -> None:
    kept = sorted((CORPUS / target).iterdir())
    assert len(kept) >= 100
    for path in kept:
        data = path.read_bytes()
        try:
            TARGETS[target](data)
        except Exception as error:
            error.add_note(f"{target}: {path.name}: {data!r}")
            raise


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff\xff", b"\x00\x00\xff\xed\xa0\x80"], ids=repr)
def test_short_inputs(target: str, data: bytes) -> None:
    TARGETS[target](data)


def test_every_input_has_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)


def test_changed_inputs_stay_json() -> None:
    data = b'\x00\x00<answer>{"time": [3, 8], "boxes": {"1": [0, 0, 9, 9]}}</answer>'
    changed = {mutate(data, seed) for seed in range(300)}
    assert len(changed) > 100
    for data in changed:
        assert data is not None
        assert isinstance(json.loads(data[10:-9]), dict)
    assert mutate(b"\x00\x00B", 1) is None
    assert mutate(b"{}", 1) is not None
    assert mutate(b"}{", 1) is None
