"""Answers in text: accuracy and mean relative accuracy, by rules that have names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards._validation import as_list, check_choice, option_texts, text_list
from onethinker_rewards.answers import Floats, bare_reference, find_answer
from onethinker_rewards.answers.release import to_number
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation.readers import (
    mathvista_answer,
    mmmu_letter,
    mmmu_open_equal,
    release_answer,
    vsi_bench_word,
)
from onethinker_rewards.evaluation.sums import ExactMean, ScoreSums, check_counted, check_mergeable
from onethinker_rewards.rewards import score
from onethinker_rewards.tasks import TASKS, resolve_tasks

AnswerRules: TypeAlias = Literal["paper", "release", "vsi-bench", "mmmu", "mathvista"]
RelativeRules: TypeAlias = Literal["paper", "release", "vsi-bench"]

TEXT_TASKS = ("multiple_choice", "numerical", "regression", "math", "ocr", "open_ended")
_DIRECTION = "object_rel_direction"
# The release counts a reference below this as 0.
_LEAST_REFERENCE = 1e-12

# What the rules of one row give: a score, or why the answer could not be read.
_RowScore: TypeAlias = "float | FailureCode"


def relative_accuracy(predicted: Sequence[float], reference: Sequence[float], rules: RelativeRules = "paper") -> Floats:
    """Return the mean relative accuracy (MRA) of numbers, by one of three rules that differ at the tolerances.

    ::

        paper      mean over k = 1…10 of [20 · |p − r| < k · |r|]; r = 0: 1 for p = 0, else 0
        release    mean over k = 0…9 of [|p − r| / |r| < 1 − (0.5 + 0.05 · k)] in doubles; |r| < 1e-12: 0
        vsi-bench  mean over 10 tolerances of [|p − r| / |r| ≤ 1 − θ], θ evenly from 0.5 to 0.95, in doubles

    Of 21 for 20 they make 0.9, 1 and 1; of 22 they make 0.8, 0.8 and 0.9.

    Args:
        predicted: ``[N]`` numbers.
        reference: ``[N]`` numbers.
        rules: As above.

    Returns:
        ``[N]`` in [0, 1]; higher is better. NaN is 0 under ``release`` and ``vsi-bench``.

    Raises:
        ArgumentError: If the lengths differ, or the rules have another name.

    Source: ``vsi-bench``: Yang et al., "Thinking in Space", arXiv 2412.14171, as its code evaluates it. Differs: a
    reference of 0, at which that code stops, gives 1 for 0 and else 0. ``release``: OneThinker's evaluation.

    >>> [relative_accuracy([22], [20], rules).item() for rules in ("paper", "release", "vsi-bench")]
    [0.8, 0.8, 0.9]
    """
    check_choice("rules", rules, get_args(RelativeRules))
    if rules == "paper":
        return metrics.relative_accuracy([*map(float, predicted)], [*map(float, reference)])
    if len(predicted) != len(reference):
        raise ArgumentError(f"there are {len(predicted)} numbers and {len(reference)} references")
    numbers, wanted = np.array(predicted, dtype=np.float64), np.array(reference, dtype=np.float64)
    with np.errstate(all="ignore"):
        error = np.abs(numbers - wanted) / np.abs(wanted)
        if rules == "release":
            within = error < 1.0 - np.array([0.5 + 0.05 * step for step in range(10)])[:, None]
            return np.where(np.abs(wanted) < _LEAST_REFERENCE, 0.0, within.sum(axis=0) / 10.0)
        within = error <= 1.0 - np.linspace(0.5, 0.95, 10)[:, None]
        return np.where(wanted == 0.0, numbers == 0.0, within.mean(axis=0)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Scores of answers in text, in [0, 1]; higher is better.

    Attributes:
        accuracy: Mean score of all answers, each read as the rules ask; those that could not be read count 0.
        lenient: The same with lenient reading; None where the rules have none.
        rows: Number of answers.
        unreadable: How many answers could not be read, by why.
        types: Mean score of the answers of each type of question.
    """

    accuracy: float
    lenient: float | None
    rows: int
    unreadable: dict[str, int]
    types: dict[Hashable, float]

    @property
    def mean_of_types(self) -> float:
        """The mean over types of question, in which VSI-Bench counts its three levels of direction as one type."""
        levels = [value for name, value in self.types.items() if str(name).startswith(_DIRECTION)]
        others = [value for name, value in self.types.items() if not str(name).startswith(_DIRECTION)]
        return _mean([*others, _mean(levels)] if levels else others)

    def to_dict(self) -> dict[str, float]:
        """Return the scores by name."""
        return {"accuracy": self.accuracy} | ({} if self.lenient is None else {"lenient accuracy": self.lenient})


@dataclass(slots=True)
class AnswerTotals:
    """Sums for accuracy and MRA. The result does not depend, to the last bit, on the order of rows or their split.

    ::

        accuracy = Σ score / N

    The rules say how an answer is read and what its score is:

    - ``paper``: the accuracy of `score`; `AnswerScores.lenient` is that of its recipe ``lenient``.
    - ``release``: OneThinker's evaluation: the first answer anywhere, or the whole response; of multiple choice the
      first character.
    - ``vsi-bench``: the first word, in any case; MRA with ``≤``.
    - ``mmmu``: `mmmu_letter` where there are options, `mmmu_open_equal` elsewhere.
    - ``mathvista``: `mathvista_answer` with the options; without them as a text, an integer or a float, whichever the
      reference is, with the reference's decimals.

    The last three read the text between the answer's tags, or all text after the thinking if there are none.

    Attributes:
        rules: As above.
        types: The sums of each type of question.
        lenient: The sums with lenient reading.
        unreadable: How many answers could not be read, by why.

    Source: `relative_accuracy` and the readers name theirs.

    >>> totals = AnswerTotals(rules="release")
    >>> scores = totals.update(["<answer>Apple</answer>", "(A)"], ["A", "A"], "multiple_choice")
    >>> totals.result().accuracy
    0.5
    """

    rules: AnswerRules = "paper"
    types: dict[Hashable, ScoreSums] = field(init=False, default_factory=dict)
    lenient: ExactMean = field(init=False, default_factory=ExactMean)
    unreadable: Counter[str] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, get_args(AnswerRules))

    def update(
        self,
        responses: Sequence[str],
        references: Sequence[str],
        tasks: Sequence[str] | str,
        *,
        options: Sequence[Sequence[str] | None] | None = None,
        types: Sequence[Hashable] | None = None,
    ) -> tuple[list[float], list[FailureCode | None]]:
        """Add a batch of answers.

        Args:
            responses: ``[N]`` all that the model wrote.
            references: ``[N]`` what is right, with or without answer tags.
            tasks: ``[N]`` task names, or one for all rows: the paper's tasks with an answer in text.
            options: ``[N]`` the options' texts of multiple-choice questions; None where a row has none.
            types: ``[N]`` types of question, for the mean of each.

        Returns:
            ``[N]`` the score of each, and why it could not be read.

        Raises:
            ArgumentError: If lengths differ, or a task has no answer in text. Nothing is added then.
            BadReferenceError: If a reference cannot be read under ``paper`` rules.
            UnknownTaskError: If a task is unknown.
        """
        scores, lenient, failures = answer_scores(responses, references, tasks, options=options, rules=self.rules)
        kinds = [None] * len(scores) if types is None else as_list("types", types)
        if len(kinds) != len(scores):
            raise ArgumentError(f"types has {len(kinds)} rows, responses has {len(scores)}")
        groups: dict[Hashable, list[float]] = {}
        for kind, row_score in zip(kinds, scores, strict=True):
            groups.setdefault(kind, []).append(row_score)
        for kind, of_kind in groups.items():
            self.types.setdefault(kind, ScoreSums()).add(of_kind)
        self.lenient.add(lenient or [])
        self.unreadable.update(str(code) for code in failures if code is not None)
        return scores, failures

    def merge(self, other: AnswerTotals) -> None:
        """Add the answers of other totals.

        Raises:
            ArgumentError: If the rules differ.
        """
        check_mergeable(self, other, "rules")
        for kind, sums in other.types.items():
            self.types.setdefault(kind, ScoreSums()).merge(sums)
        self.lenient.merge(other.lenient)
        self.unreadable.update(other.unreadable)

    def result(self) -> AnswerScores:
        """Return the scores.

        Raises:
            ArgumentError: If no answer was counted.
        """
        total = ExactMean()
        for sums in self.types.values():
            total.merge(sums.scores)
        check_counted(total.count, "answer")
        types = {kind: sums.scores.value for kind, sums in self.types.items() if kind is not None}
        lenient = self.lenient.value if self.lenient.count else None
        return AnswerScores(total.value, lenient, total.count, dict(sorted(self.unreadable.items())), types)


def answer_scores(
    responses: Sequence[str],
    references: Sequence[str],
    tasks: Sequence[str] | str,
    *,
    options: Sequence[Sequence[str] | None] | None = None,
    rules: AnswerRules = "paper",
) -> tuple[list[float], list[float] | None, list[FailureCode | None]]:
    """Return the score of each answer, its lenient score where the rules have one, and why it could not be read.

    Args and errors are those of `AnswerTotals.update`.
    """
    responses, references = text_list("responses", responses), text_list("references", references)
    labels = [tasks] * len(responses) if isinstance(tasks, str) else text_list("tasks", tasks)
    choices = [None] * len(responses) if options is None else as_list("options", options)
    for name, column in {"references": references, "tasks": labels, "options": choices}.items():
        if len(column) != len(responses):
            raise ArgumentError(f"{name} has {len(column)} rows, responses has {len(responses)}")
    names = resolve_tasks(labels, TASKS)
    if others := sorted({*names} - {*TEXT_TASKS}):
        raise ArgumentError(f"{others[0]} has no answer in text; there are {', '.join(TEXT_TASKS)}")
    if rules == "paper":
        strict = score(responses, references, names, options=choices)
        lenient = score(responses, references, names, options=choices, recipe="lenient")
        return strict.accuracy.tolist(), lenient.accuracy.tolist(), [*strict.failure]
    bare = [bare_reference(reference) for reference in references]
    if rules == "release":
        rows = _release_scores(responses, bare, names)
    else:
        rule = _RULES[rules]
        read = [option_texts(texts, row) for row, texts in enumerate(choices)]
        columns = zip(responses, bare, names, read, strict=True)
        rows = [rule(_answer(response), wanted, task, texts) for response, wanted, task, texts in columns]
    failures = [row if isinstance(row, FailureCode) else None for row in rows]
    return [0.0 if isinstance(row, FailureCode) else row for row in rows], None, failures


def _release_scores(responses: Sequence[str], references: Sequence[str], names: Sequence[str]) -> list[_RowScore]:
    answers = [release_answer(response) for response in responses]
    rows: list[_RowScore] = [0.0] * len(answers)
    for task, formula in _RELEASE.items():
        chosen = [row for row, name in enumerate(names) if name == task]
        scores = formula([answers[row] for row in chosen], [references[row] for row in chosen]) if chosen else ()
        for row, row_score in zip(chosen, scores, strict=True):
            rows[row] = row_score
    return rows


def _first_character(answers: list[str], references: list[str]) -> list[_RowScore]:
    pairs = zip(answers, references, strict=True)
    firsts = [(answer[:1].upper(), wanted.strip()[:1].upper()) for answer, wanted in pairs]
    # The empty text is in the alphabet, too, as in the release.
    return [float(first == wanted and first in ascii_uppercase) for first, wanted in firsts]


def _release_numbers(equal: Callable[[float, float], float]) -> Callable[[list[str], list[str]], list[_RowScore]]:
    def formula(answers: list[str], references: list[str]) -> list[_RowScore]:
        pairs = [(to_number(answer), to_number(wanted)) for answer, wanted in zip(answers, references, strict=True)]
        return [
            FailureCode.NOT_A_NUMBER if number is None or wanted is None else equal(number, wanted)
            for number, wanted in pairs
        ]

    return formula


_RELEASE: Mapping[str, Callable[[list[str], list[str]], Sequence[_RowScore]]] = {
    "multiple_choice": _first_character,
    "numerical": _release_numbers(lambda number, wanted: float(round(number, 2) == round(wanted, 2))),
    "regression": _release_numbers(lambda number, wanted: relative_accuracy([number], [wanted], "release").item()),
    "math": lambda answers, wanted: metrics.release_math_equal(answers, wanted).astype(np.float64).tolist(),
    "ocr": lambda answers, wanted: np.clip(1.0 - metrics.word_error_rate(answers, wanted), 0.0, 1.0).tolist(),
    "open_ended": lambda answers, wanted: np.clip(metrics.rouge(answers, wanted), 0.0, 1.0).tolist(),
}


def _answer(response: str) -> str:
    found = find_answer(response)
    if found.failure is FailureCode.EMPTY_ANSWER:
        return ""
    return found.answer if found.answer is not None else response.rpartition("</think>")[2].strip()


def _vsi_bench(answer: str, wanted: str, task: str, options: Any) -> _RowScore:
    word = vsi_bench_word(answer)
    if task == "multiple_choice":
        return float(word.lower() == wanted.lower())
    number, reference = _float(word), _float(wanted)
    if number is None or reference is None:
        return FailureCode.NOT_A_NUMBER
    return relative_accuracy([number], [reference], "vsi-bench").item()


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _mmmu(answer: str, wanted: str, task: str, options: Sequence[str] | None) -> _RowScore:
    if not options:
        return float(mmmu_open_equal(answer, wanted))
    letter = mmmu_letter(answer, dict(zip(ascii_uppercase, options, strict=False)))
    return FailureCode.NO_OPTION_LETTER if letter is None else float(letter == wanted)


def _mathvista(answer: str, wanted: str, task: str, options: Sequence[str] | None) -> _RowScore:
    if options:
        if not answer:
            return FailureCode.EMPTY_ANSWER
        by_letter = dict(zip(ascii_uppercase, options, strict=False))
        return float(mathvista_answer(answer, "text", choices=options) == by_letter.get(wanted, wanted))
    if _float(wanted) is None:
        return float(mathvista_answer(answer, "text") == wanted)
    decimals = len(wanted.partition(".")[2])
    read = mathvista_answer(answer, "float" if decimals else "integer", precision=decimals)
    return FailureCode.NOT_A_NUMBER if read is None else float(read == wanted)


_RULES: Mapping[str, Callable[[str, str, str, Any], _RowScore]] = {
    "vsi-bench": _vsi_bench, "mmmu": _mmmu, "mathvista": _mathvista,
}  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    mean = ExactMean()
    mean.add(values)
    return mean.value
