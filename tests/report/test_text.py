"""Model text for a page: nothing hides, the fault is marked, long text is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.report.text import Piece, pieces, response_text, shown, visible


def test_nothing_hides() -> None:
    assert visible("a\x00b\u202ec\ud800\x7f\tn\n") == "a␀b⟨U+202E⟩c⟨U+D800⟩⟨U+007F⟩\tn\n"


@given(st.text(max_size=60), st.integers(0, 60))
def test_pieces_are_the_text(text: str, place: int) -> None:
    place = min(place, len(text))
    found = pieces(text, place, 1000)
    joined = "".join(piece.text for piece in found)
    if place < len(text) and text[place] != "\n":
        assert joined == text
    assert [piece.kind for piece in found].count("mark") == 1
    assert "".join(piece.text for piece in pieces(text, None, 1000)) == text


def test_the_end_and_a_line_break_are_marked() -> None:
    assert pieces("ab", 2, 10) == [Piece("ab"), Piece("▮", "mark")]
    assert pieces("a\nb", 1, 10) == [Piece("a"), Piece("⏎\n", "mark"), Piece("b")]


def test_the_middle_is_left_out_but_not_the_fault() -> None:
    text = "a" * 1000 + "b" + "c" * 1000
    assert shown(text, 20) == "a" * 10 + " … 1,981 characters left out … " + "c" * 10
    kinds = [piece.kind for piece in pieces(text, 1000, 20)]
    assert kinds == ["text", "gap", "text", "mark", "text", "gap", "text"]
    # A fault near the begin is in the first piece.
    near = pieces(text, 3, 20)
    assert [piece.kind for piece in near] == ["text", "mark", "text", "gap", "text"]


def test_thinking_is_apart() -> None:
    text = "<think>one two</think><answer>B</answer>"
    whole = response_text(text, None, 100)
    assert (whole.words, whole.is_open) == (2, False)
    assert (whole.thinking[0].text, whole.rest[0].text) == ("<think>one two</think>", "<answer>B</answer>")
    assert response_text(text, 3, 100).is_open
    at_answer = response_text(text, text.index("B"), 100)
    assert at_answer.rest == [Piece("<answer>"), Piece("B", "mark"), Piece("</answer>")]
    assert response_text("B", None, 100).thinking == []
