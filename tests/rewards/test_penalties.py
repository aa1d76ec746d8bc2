"""Penalties for length and repetition: their definitions, laws, peers, and what they do to a batch."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.adapters import log_items
from onethinker_rewards.rewards import Penalty
from onethinker_rewards.rewards.penalties import Responses
from tests.rewards.cases import wrap
from tests.rewards.penalty_peers import swift_rewards, trl

torch = pytest.importorskip("torch")

OVERLONG = otr.SoftOverlong(max_length=100, cache_length=20)
COSINE = otr.CosineLength(max_length=100)
WORDS = otr.Repetition()
TOKENS = otr.Repetition(unit="tokens")
ALL = (OVERLONG, WORDS, COSINE)


def values(penalty: Penalty, texts: list[str] | None = None, tokens: Any = None, right: Any = ()) -> list[float]:
    count = len(texts or tokens)
    responses = Responses(
        texts=texts or [""] * count, tokens=tokens, normalized=np.array(right or [0.0] * count, dtype=np.float64)
    )
    return penalty.values(responses).tolist()


class TestSoftOverlong:
    @pytest.mark.parametrize(
        ("length", "value"),
        [(0, 0.0), (79, 0.0), (80, 0.0), (81, -0.05), (90, -0.5), (100, -1.0), (101, -1.0), (9000, -1.0)],
    )
    def test_golden(self, length: int, value: float) -> None:
        assert values(OVERLONG, tokens=[length, [7] * length]) == [pytest.approx(value)] * 2

    def test_without_a_cache_it_is_a_step(self) -> None:
        step = otr.SoftOverlong(max_length=10, cache_length=0)
        assert values(step, tokens=[0, 10, 11]) == [0.0, 0.0, -1.0]

    def test_the_cache_may_be_all_there_is(self) -> None:
        assert values(otr.SoftOverlong(max_length=10, cache_length=10), tokens=[0, 5, 10]) == [0.0, -0.5, -1.0]

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"max_length": 0, "cache_length": 0}, "max_length must be positive and finite, got 0"),
            ({"max_length": math.inf, "cache_length": 0}, "max_length must be positive and finite"),
            ({"max_length": 10, "cache_length": 11}, "cache_length is from 0 to max_length, 10, not 11"),
            ({"max_length": 10, "cache_length": -1}, "cache_length is from 0 to max_length, 10, not -1"),
            ({"max_length": 10, "cache_length": math.nan}, "cache_length is from 0"),
            ({"max_length": 10, "cache_length": "5"}, "cache_length is from 0 to max_length, 10, not '5'"),
        ],
    )
    def test_settings_out_of_range(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(otr.ArgumentError, match=message):
            otr.SoftOverlong(**fields)


class TestRepetition:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("", 0.0),
            ("a b", 0.0),
            ("a b c", 0.0),
            ("a b c a b c", -0.25),
            ("A b c a B c", -0.25),
            ("a a a a a", -2 / 3),
            ("a  b\nc\ta b c", -0.25),
            ("的的的的", -0.5),
            ("cat 的的的的 cat", -0.25),
        ],
    )
    def test_golden_of_words(self, text: str, value: float) -> None:
        assert values(WORDS, [text]) == [pytest.approx(value)]

    @pytest.mark.parametrize(
        ("ids", "value"), [([], 0.0), ([1, 2], 0.0), ([1, 2, 3, 1, 2, 3], -0.25), ([5, 5, 5, 5, 5], -2 / 3)]
    )
    @pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
    def test_golden_of_tokens(self, ids: list[int], value: float, kind: Callable[[list[int]], Any]) -> None:
        assert values(TOKENS, tokens=[kind(ids)]) == [pytest.approx(value)]

    def test_nothing_repeated_is_zero_and_not_minus_zero(self) -> None:
        assert math.copysign(1.0, values(WORDS, ["a b c d"])[0]) == 1.0

    def test_a_word_may_be_an_n_gram(self) -> None:
        assert values(otr.Repetition(ngram_size=1, max_penalty=-2.0), ["a a a b"]) == [-1.0]

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"ngram_size": 0}, "ngram_size is a whole number from 1, not 0"),
            ({"ngram_size": 2.5}, "ngram_size is a whole number from 1, not 2.5"),
            ({"max_penalty": 0.5}, "max_penalty is finite and at most 0, not 0.5"),
            ({"max_penalty": -math.inf}, "max_penalty is finite and at most 0, not -inf"),
            ({"max_penalty": math.nan}, "max_penalty is finite and at most 0, not nan"),
            ({"max_penalty": None}, "max_penalty is finite and at most 0, not None"),
            ({"unit": "characters"}, "unit is one of words, tokens, not 'characters'"),
        ],
    )
    def test_settings_out_of_range(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(otr.ArgumentError, match=message):
            otr.Repetition(**fields)


class TestCosineLength:
    @pytest.mark.parametrize(
        ("length", "accuracy", "value"),
        [
            (0, 1.0, 1.0),
            (50, 1.0, 0.75),
            (100, 1.0, 0.5),
            (500, 1.0, 0.5),
            (0, 0.0, -0.5),
            (50, 0.0, -0.25),
            (100, 0.0, 0.0),
            (0, 0.999, -0.5),
            (0, 1.0 - 1e-12, 1.0),
        ],
    )
    def test_golden(self, length: int, accuracy: float, value: float) -> None:
        assert values(COSINE, tokens=[length], right=[accuracy]) == [pytest.approx(value)]

    def test_the_threshold_is_that_of_a_right_answer(self) -> None:
        penalty = replace(COSINE, threshold=0.5)
        assert values(penalty, tokens=[0, 0, 0], right=[0.49, 0.5, 1.0]) == [-0.5, 1.0, 1.0]

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"max_length": 0}, "max_length must be positive and finite, got 0"),
            ({"right": (1.0,)}, "right is the value at length 0 and the value at max_length, not"),
            ({"right": 1.0}, "right is the value at length 0"),
            ({"wrong": (0.0, math.nan)}, "wrong is the value at length 0"),
            ({"wrong": ("a", "b")}, "wrong is the value at length 0"),
            ({"threshold": math.inf}, "threshold is a finite number, not inf"),
            ({"threshold": None}, "threshold is a finite number, not None"),
        ],
    )
    def test_settings_out_of_range(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(otr.ArgumentError, match=message):
            replace(COSINE, **fields)


# Laws and oracles.

LENGTHS = st.integers(0, 400)
IDS = st.lists(st.integers(0, 3), max_size=30)
WORD_LISTS = st.lists(st.sampled_from(["a", "B", "the", "字"]), max_size=30)


def oracle_overlong(length: int, longest: int, cache: int) -> float:
    """DAPO's equation 13, case by case."""
    if length <= longest - cache:
        return 0.0
    if length <= longest:
        return (longest - cache - length) / cache
    return -1.0


def oracle_repetition(run: list[Any], size: int) -> float:
    seen: list[list[Any]] = []
    repeated = 0
    for start in range(len(run) - size + 1):
        ngram = run[start : start + size]
        repeated += ngram in seen
        seen.append(ngram)
    return repeated / len(seen) if seen else 0.0


def oracle_cosine(length: int, longest: int, ends: tuple[float, float]) -> float:
    """The paper's CosFn with η_min at the longest length."""
    start, end = ends
    return end + 0.5 * (start - end) * (1 + math.cos(min(length, longest) * math.pi / longest))


@given(LENGTHS, st.integers(1, 200), st.integers(0, 200))
def test_soft_overlong_equals_its_equation(length: int, longest: int, cache: int) -> None:
    cache = min(cache, longest)
    penalty = otr.SoftOverlong(max_length=longest, cache_length=cache)
    assert values(penalty, tokens=[length]) == [pytest.approx(oracle_overlong(length, longest, cache), abs=1e-12)]


@given(IDS, st.integers(1, 5), st.floats(-3, 0))
def test_repetition_counts_what_was_there_before(ids: list[int], size: int, largest: float) -> None:
    penalty = otr.Repetition(ngram_size=size, max_penalty=largest, unit="tokens")
    assert values(penalty, tokens=[ids]) == [pytest.approx(oracle_repetition(ids, size) * largest, abs=1e-12)]
    by_words = replace(penalty, unit="words")
    assert values(by_words, [" ".join(map(str, ids))]) == values(penalty, tokens=[ids])


@given(LENGTHS, st.integers(1, 200), st.booleans(), st.tuples(st.floats(-2, 2), st.floats(-2, 2)))
def test_cosine_equals_its_formula(length: int, longest: int, right: bool, ends: tuple[float, float]) -> None:
    penalty = otr.CosineLength(max_length=longest, right=ends, wrong=ends[::-1])
    expected = oracle_cosine(length, longest, ends if right else ends[::-1])
    assert values(penalty, tokens=[length], right=[float(right)]) == [pytest.approx(expected, abs=1e-12)]


@given(st.lists(LENGTHS, min_size=2), st.booleans())
def test_law_range_and_monotone_in_length(lengths: list[int], right: bool) -> None:
    """The longer, the less: but for wrong answers under the cosine, which earn more."""
    lengths = sorted(lengths)
    overlong = np.array(values(OVERLONG, tokens=lengths))
    assert ((overlong >= -1.0) & (overlong <= 0.0)).all()
    assert (np.diff(overlong) <= 0.0).all()
    cosine = np.array(values(COSINE, tokens=lengths, right=[float(right)] * len(lengths)))
    low, high = sorted(COSINE.right if right else COSINE.wrong)
    assert ((cosine >= low - 1e-12) & (cosine <= high + 1e-12)).all()
    assert (np.diff(cosine) * (-1 if right else 1) >= -1e-12).all()


@given(LENGTHS)
def test_law_a_right_answer_never_earns_less_than_a_wrong_one_of_its_length(length: int) -> None:
    right, wrong = values(COSINE, tokens=[length, length], right=[1.0, 0.0])
    assert right >= wrong


@given(WORD_LISTS, st.sampled_from([WORDS, TOKENS]))
def test_law_repetition_is_in_range_and_saying_it_again_never_helps(words: list[str], penalty: otr.Repetition) -> None:
    ids = [["a", "B", "the", "字"].index(word) for word in words]
    once, twice = values(penalty, [" ".join(words), " ".join(words * 2)], tokens=[ids, ids * 2])
    assert -1.0 <= twice <= once <= 0.0


@given(st.permutations(range(4)))
def test_law_rows_do_not_depend_on_each_other(order: list[int]) -> None:
    texts, tokens, right = ["a a a a", "b", "c d c d c", "…"], [10, 95, 120, 0], [1.0, 0.0, 0.5, 1.0]
    for penalty in ALL:
        together = values(penalty, texts, tokens, right)
        shuffled = [[column[row] for row in order] for column in (texts, tokens, right)]
        assert values(penalty, *shuffled) == [together[row] for row in order]


# Peers.


@given(st.lists(st.integers(0, 130), min_size=1, max_size=4), st.integers(0, 100))
def test_soft_overlong_equals_trl(lengths: list[int], cache: int) -> None:
    peer = trl()["get_soft_overlong_punishment"](max_completion_len=100, soft_punish_cache=cache)
    ours = values(otr.SoftOverlong(max_length=100, cache_length=cache), tokens=lengths)
    assert ours == pytest.approx(peer([[1] * length for length in lengths]), abs=1e-9)


@given(st.lists(IDS, min_size=1, max_size=4), st.integers(1, 5), st.floats(-3, 0))
def test_repetition_of_tokens_equals_trl(ids: list[list[int]], size: int, largest: float) -> None:
    peer = trl()["get_repetition_penalty_reward"](ngram_size=size, max_penalty=largest)
    ours = values(otr.Repetition(ngram_size=size, max_penalty=largest, unit="tokens"), tokens=ids)
    assert ours == pytest.approx(peer(ids), abs=1e-9)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=4), st.integers(1, 99))
def test_soft_overlong_equals_swift_up_to_the_longest(lengths: list[int], cache: int) -> None:
    ids = [[1] * length for length in lengths]
    peer = swift_rewards("SoftOverlong", [], ids, [], soft_max_length=100, soft_cache_length=cache)
    assert values(otr.SoftOverlong(max_length=100, cache_length=cache), tokens=ids) == pytest.approx(peer, abs=1e-9)


@given(
    st.lists(st.lists(st.sampled_from(["a", "B", "b,", "éü", "Ж"]), max_size=20).map(" ".join), min_size=1, max_size=4),
    st.integers(1, 5),
    st.floats(-3, 0),
)
def test_repetition_of_words_equals_swift(texts: list[str], size: int, largest: float) -> None:
    settings = {"repetition_n_grams": size, "repetition_max_penalty": largest}
    peer = swift_rewards("RepetitionPenalty", texts, [], [], **settings)
    ours = values(otr.Repetition(ngram_size=size, max_penalty=largest), texts)
    assert ours == pytest.approx(peer, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=4))
def test_cosine_equals_swift_up_to_the_longest(rows: list[tuple[int, bool]]) -> None:
    """With ms-swift's own defaults."""
    lengths, right = [length for length, _ in rows], [is_right for _, is_right in rows]
    settings = {
        "cosine_min_len_value_wrong": -0.5,
        "cosine_max_len_value_wrong": 0.0,
        "cosine_min_len_value_correct": 1.0,
        "cosine_max_len_value_correct": 0.5,
        "cosine_max_len": 100,
    }
    peer = swift_rewards("CosineReward", [""] * len(rows), [[1] * length for length in lengths], right, **settings)
    assert values(COSINE, tokens=lengths, right=[float(is_right) for is_right in right]) == pytest.approx(
        peer, abs=1e-9
    )


def test_differs_overlong_costs_no_more_than_1() -> None:
    """Beyond the longest length the soft overlong penalty stays -1, as DAPO and TRL have it; ms-swift's goes on."""
    ids = [[1] * 140]
    assert values(OVERLONG, tokens=ids) == [-1.0]
    assert swift_rewards("SoftOverlong", [], ids, [], soft_max_length=100, soft_cache_length=20) == [-3.0]


def test_differs_the_cosine_ends_at_the_longest() -> None:
    """Beyond the longest length the cosine keeps its last value; ms-swift's turns back and pays more again."""
    settings = {
        "cosine_min_len_value_wrong": -0.5,
        "cosine_max_len_value_wrong": 0.0,
        "cosine_min_len_value_correct": 1.0,
        "cosine_max_len_value_correct": 0.5,
        "cosine_max_len": 100,
    }
    assert values(COSINE, tokens=[200], right=[1.0]) == [0.5]
    assert swift_rewards("CosineReward", [""], [[1] * 200], [True], **settings) == [1.0]


def test_differs_characters_of_scripts_without_spaces_are_words() -> None:
    """Repetition counts each character of Han, kana, Thai and the like; for ms-swift such a text is one word."""
    text = "猫猫猫猫猫猫"
    assert values(WORDS, [text]) == [-0.75]
    assert swift_rewards("RepetitionPenalty", [text], [], [], repetition_n_grams=3, repetition_max_penalty=-1.0) == [
        0.0
    ]


# In a batch.

RESPONSES = [wrap("B"), wrap("C"), "the dog the dog the dog the dog", wrap("B", "go " * 30)]
ROWS = (RESPONSES, ["B"] * 4, "multiple_choice")
LONG = [10, 90, 100, 500]


def test_penalties_are_terms_of_the_total_with_codes() -> None:
    plain = otr.score(*ROWS)
    batch = otr.score(*ROWS, recipe=otr.Recipe(penalties=ALL), tokens=LONG)
    overlong, repeated, cosine = (batch.parts[code] for code in ("soft_overlong", "repetition", "cosine_length"))
    assert overlong.tolist() == [0.0, -0.5, -1.0, -1.0]
    assert cosine == pytest.approx(np.array([0.9877641, -0.0122359, 0.0, 0.5]), abs=1e-6)
    assert repeated[:2].tolist() == [0.0, 0.0]
    assert (repeated[2:] < -0.5).all()
    assert batch.total == pytest.approx(plain.total + overlong + repeated + cosine, abs=1e-12)
    assert batch.penalties == [
        (),
        ("soft_overlong", "cosine_length"),
        ("soft_overlong", "repetition"),
        ("soft_overlong", "repetition"),
    ]
    for name in ("accuracy", "normalized", "format", "structure"):
        assert getattr(batch, name).tolist() == getattr(plain, name).tolist()
    assert (batch.failure, batch.format_fault) == (plain.failure, plain.format_fault)


def test_rows_summary_and_curves_show_them() -> None:
    batch = otr.score(*ROWS, recipe=otr.Recipe(penalties=ALL), tokens=LONG)
    row = json.loads(json.dumps(batch.to_rows()[2]))
    assert row["penalties"] == ["soft_overlong", "repetition"]
    assert row["part/soft_overlong"] == -1.0
    summary = batch.summary()["multiple_choice"]
    assert summary["penalties"] == {"soft_overlong": 3, "repetition": 2, "cosine_length": 1}
    assert summary["parts"]["soft_overlong"] == pytest.approx(-0.625)
    curves = log_items(batch, "train")
    assert curves["train/multiple_choice/part/soft_overlong"] == pytest.approx(-0.625)
    assert curves["train/multiple_choice/penalty/soft_overlong"] == 0.75


def test_off_by_default_nothing_changes() -> None:
    plain = otr.score(*ROWS)
    assert otr.score(*ROWS, tokens=LONG).to_rows() == plain.to_rows()
    assert otr.score(*ROWS, recipe=otr.Recipe(name="paper", penalties=[])).to_rows() == plain.to_rows()
    assert plain.penalties == [()] * 4
    assert not {"soft_overlong", "repetition", "cosine_length"} & plain.parts.keys()
    assert not [key for key in log_items(plain) if "penalty" in key]


@pytest.mark.parametrize("name", [*otr.RECIPES])
def test_they_can_be_added_to_any_recipe(name: str) -> None:
    recipe = replace(otr.RECIPES[name], penalties=(OVERLONG,))
    plain, batch = otr.score(*ROWS, recipe=name), otr.score(*ROWS, recipe=recipe, tokens=LONG)
    assert (batch.total - plain.total).tolist() == [0.0, -0.5, -1.0, -1.0]


def test_a_row_without_a_reward_has_no_penalty() -> None:
    recipe = otr.Recipe(penalties=(OVERLONG,))
    batch = otr.score(
        [wrap("1"), wrap("1")], ["one", "1"], "numerical", recipe=recipe, tokens=[99, 99], on_bad_reference="skip"
    )
    assert np.isnan([batch.total[0], batch.parts["soft_overlong"][0]]).all()
    assert batch.penalties == [(), ("soft_overlong",)]
    with otr.Scorer(recipe=recipe, judge=lambda questions, answers, references: [None]) as scorer:
        judged = scorer.score([wrap("a")], ["a"], "open_ended", tokens=[99])
    assert np.isnan(judged.total[0])
    assert judged.penalties == [()]


@pytest.mark.parametrize(
    "tokens",
    [
        LONG,
        tuple(LONG),
        np.array(LONG),
        torch.tensor(LONG),
        [[1] * length for length in LONG],
        [torch.ones(length) for length in LONG],
        [np.int32(length) for length in LONG],
        ([1] * length for length in LONG),
    ],
)
def test_tokens_are_ids_or_their_number(tokens: Any) -> None:
    batch = otr.score(*ROWS, recipe=otr.Recipe(penalties=(OVERLONG,)), tokens=tokens)
    assert batch.parts["soft_overlong"].tolist() == [0.0, -0.5, -1.0, -1.0]


@pytest.mark.parametrize(
    ("penalty", "tokens", "message"),
    [
        (OVERLONG, None, "tokens: soft_overlong needs the token ids of the responses, or how many there are"),
        (COSINE, None, "tokens: cosine_length needs the token ids"),
        (TOKENS, None, "tokens: repetition needs the token ids"),
        (OVERLONG, [1, 2, None, 3], "tokens: soft_overlong needs those of each response, and row 2 has none"),
        (TOKENS, [[1], [2], None, [3]], "tokens: repetition needs those of each response, and row 2 has none"),
        (TOKENS, [[1], 7, [2], [3]], "tokens: repetition compares token ids, and row 1 has only their number, 7"),
        (OVERLONG, [1, 2, 3], "tokens has 3 rows, responses has 4"),
        (OVERLONG, [1, 2, -3, 4], "tokens: expected token ids or their number, got -3 in row 2"),
        (OVERLONG, [1, 2, 3.5, 4], "tokens: expected token ids or their number, got 3.5 in row 2"),
        (OVERLONG, [1, True, 3, 4], "tokens: expected token ids or their number, got True in row 1"),
        (OVERLONG, ["1 2", 2, 3, 4], "tokens: expected token ids or their number, got '1 2' in row 0"),
        (OVERLONG, 7, "tokens: expected a list with one value a row, got int"),
    ],
)
def test_missing_or_strange_tokens_are_named(penalty: Penalty, tokens: Any, message: str) -> None:
    with pytest.raises(otr.ArgumentError, match=message):
        otr.score(*ROWS, recipe=otr.Recipe(penalties=(penalty,)), tokens=tokens)


@pytest.mark.parametrize(
    ("penalties", "message"),
    [
        (OVERLONG, "penalties are a sequence of SoftOverlong, Repetition, CosineLength, not SoftOverlong"),
        (("repetition",), "penalties are a sequence of"),
        ((WORDS, OVERLONG, TOKENS), "penalties: each at most once, not repetition, soft_overlong, repetition"),
    ],
)
def test_a_recipe_takes_each_penalty_once(penalties: Any, message: str) -> None:
    with pytest.raises(otr.ArgumentError, match=message):
        otr.Recipe(penalties=penalties)


def test_a_part_of_a_task_may_not_have_the_name_of_a_penalty() -> None:
    def formula(predicted: Any, reference: Any, context: otr.Context) -> otr.Scores:
        return otr.Scores(np.ones(len(predicted)), {"repetition": np.ones(len(predicted))})

    recipe = otr.Recipe(penalties=(WORDS,), formulas={"multiple_choice": formula})
    with pytest.raises(otr.ArgumentError, match="penalties: a task has a part that is called repetition too"):
        otr.score(*ROWS, recipe=recipe)


def test_the_cosine_needs_a_maximum() -> None:
    table = {"multiple_choice": replace(otr.TASKS["multiple_choice"], maximum=None)}
    otr.score(*ROWS, recipe=otr.Recipe(penalties=(OVERLONG,)), tokens=LONG, table=table)
    with pytest.raises(otr.ArgumentError, match="multiple_choice has no maximum"):
        otr.score(*ROWS, recipe=otr.Recipe(penalties=(COSINE,)), tokens=LONG, table=table)


def test_a_recipe_shows_and_pickles_its_penalties() -> None:
    recipe = otr.Recipe(penalties=(OVERLONG,))
    assert repr(recipe) == "Recipe(name='custom', penalties=(SoftOverlong(max_length=100, cache_length=20),))"
    assert pickle.loads(pickle.dumps(recipe)).penalties == recipe.penalties


def test_an_empty_batch_has_their_parts() -> None:
    batch = otr.score([], [], [], recipe=otr.Recipe(penalties=ALL), tokens=[])
    assert [batch.parts[penalty.code].tolist() for penalty in ALL] == [[], [], []]
