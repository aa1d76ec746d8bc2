"""What the docs say that the rewards of others pay is what they pay."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from scripts.hack_tables import hack_counts, hack_tricks
from scripts.hacks import PEER_NUMBERS, numbers_of

from onethinker_rewards.hacks import play, read_tricks
from tests.hacks.peers import PEERS, giou, nemo_exact, r1v

WRITTEN = json.loads(PEER_NUMBERS.read_text(encoding="utf-8"))


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS)
def test_numbers_have_not_drifted(peer: str) -> None:
    assert numbers_of(PEERS[peer], read_tricks()) == WRITTEN[peer], "run `make generate`"


def test_every_peer_has_a_say_somewhere() -> None:
    assert list(WRITTEN) == list(PEERS)
    assert all(len(rows) > 20 for rows in WRITTEN.values())


def reward_of(box: str, reference: str) -> float:
    (reward,) = giou([f"<answer>{box}</answer>"], [reference], ["spatial_grounding"])
    assert reward is not None
    return reward


@pytest.mark.parametrize(
    ("box", "reward"),
    [
        pytest.param("[0, 0, 2, 2]", 1.0, id="perfect"),
        pytest.param("[1, 0, 3, 2]", 2 / 6, id="half beside"),
        pytest.param("[0, 0, 4, 4]", 4 / 16, id="around"),
        # Union 8, hull 6 by 2.
        pytest.param("[4, 0, 6, 2]", -(12 - 8) / 12, id="apart"),
        pytest.param("[2, 2, 0, 0]", 1.0, id="inverted: union 8, hull 4"),
        pytest.param("[0, 0, 2]", 0.0, id="three numbers"),
        pytest.param("[0, 0, 2, x]", 0.0, id="a word"),
    ],
)
def test_generalized_iou(box: str, reward: float) -> None:
    assert math.isclose(reward_of(box, '{"boxes": [0, 0, 2, 2]}'), reward, abs_tol=1e-12)


def test_an_inverted_box_pays_more_than_a_perfect_one() -> None:
    tricks = [trick for trick in read_tricks() if trick.id in {"swapped-corners", "swapped-far-corners"}]
    near, far = (result.rewards for result in play(giou, tricks))
    assert near.trick == near.right == 1.0
    assert far.trick > 50


def test_exact_answers_and_a_loose_format() -> None:
    responses = ["<answer>B</answer>", "<think>x</think><answer>(b)</answer>", "<think>x</think>B", "B"]
    rewards = nemo_exact(responses, ["B"] * 4, ["multiple_choice"] * 4)
    assert rewards == pytest.approx([0.8 + 0.2 * 0.75, 1.0, 0.2 * 0.25, 0.0])


def test_first_answer_or_all() -> None:
    responses = ["B", "<think>x</think> <answer>B</answer>", "<answer>C</answer><answer>B</answer>"]
    assert r1v(responses, ["B"] * 3, ["multiple_choice"] * 3) == [1.0, 2.0, 0.0]


def test_the_tables_show_every_trick_and_peer() -> None:
    counts, tricks = hack_counts(Path("hacks.md")), hack_tricks(Path("hacks.md"))
    assert all(f"| {peer} |" in counts for peer in PEERS)
    assert all(f"| `{trick.id}` |" in tricks for trick in read_tricks())
    assert "**no number**" in tricks
