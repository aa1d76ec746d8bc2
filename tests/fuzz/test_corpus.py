"""Every input that fuzzing kept is tried again."""

from __future__ import annotations

import pytest

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
