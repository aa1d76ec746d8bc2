"""Language models as judges: they read the question, the reference and the answer, and write a verdict.

Source: OpenAI's API, chat completions, as vLLM, SGLang and hosted models have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any

import anyio.to_thread
import msgspec

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.judges.base import Call, HttpJudge, Reply
from onethinker_rewards.judges.concurrency import all_of
from onethinker_rewards.judges.connection import RequestError, quoted
from onethinker_rewards.judges.images import image_digest, image_url
from onethinker_rewards.judges.prompts import ROW, instructions, row_text, without_special_tokens
from onethinker_rewards.judges.verdicts import YES_NO, Criterion, NoVerdictError, RubricVerdict, VerdictForm
from onethinker_rewards.tasks.judging import JudgeRow, Verdict

_PATH = "/chat/completions"
_LENGTH_KEYS = ("max_tokens", "max_completion_tokens")
# Of several samples, which would all be the same without chance.
_TEMPERATURE = 1.0
_REFUSED = frozenset({"content_filter", "refusal"})


@dataclass(eq=False, repr=False)
class _ChatBase(HttpJudge):
    """Asks a language model for a verdict in words.

    Attributes:
        url: Where the API begins; ends in ``/v1``.
        samples: Verdicts for each row, of which the mean counts; those that fail are left out of it.
        swap: Whether each row is judged again with answer and reference exchanged. The lower score counts, so an answer
            is right only if both say so; if one of them fails, the row fails.
        images: Whether the model sees the rows' images.
        max_tokens: Limit of a reply, thinking included. A truncated reply is requested once more with twice the limit.
        temperature: Sampling temperature; None for 0, or for 1 with several samples.
        instructions: What makes an answer right, in one or a few sentences; None compares it with the reference. What
            keeps answers from giving instructions, and the form of the verdict, are added.
        row: The row's text, with ``{question}``, ``{reference}`` and ``{answer}``.
        equal_is_right: Whether an answer that is the reference gets 1 without a call.
        longest_answer: Characters; a longer answer gets 0 without a call. None for no limit.
    """

    _: KW_ONLY
    samples: int = 1
    swap: bool = False
    images: bool = False
    max_tokens: int = 4096
    temperature: float | None = None
    instructions: str | None = None
    row: str = ROW
    equal_is_right: bool = False
    longest_answer: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.url = self.url.rstrip("/").removesuffix(_PATH)
        if self.model is None:
            raise ArgumentError("model: the name that the server knows it by is missing")
        if self.samples < 1 or self.max_tokens < 1:
            raise ArgumentError("samples and max_tokens are at least 1")
        if "{answer}" not in self.row:
            raise ArgumentError("row: {answer} is missing")

    def _form(self) -> VerdictForm:
        raise NotImplementedError

    def messages(self, row: JudgeRow) -> list[dict[str, Any]]:
        """Return what the model is told about a row, without its image."""
        told = instructions(self._form(), images=self.images, task=self.instructions)
        text = row_text(self.row, row.question, row.reference, row.answer)
        return [{"role": "system", "content": told}, {"role": "user", "content": text}]

    async def _judge(self, row: JudgeRow) -> Verdict:
        answer = without_special_tokens(row.answer).strip()
        if not answer:
            return Verdict(score=0.0, reason="the answer is empty")
        if self.longest_answer is not None and len(row.answer) > self.longest_answer:
            return Verdict(score=0.0, reason=f"the answer is longer than {self.longest_answer:,} characters")
        if self.equal_is_right and answer == row.reference.strip():
            return Verdict(score=1.0, reason="the answer is the reference")
        rows = [row]
        if self.swap:
            rows.append(JudgeRow(answer=row.reference, reference=row.answer, question=row.question, image=row.image))
        attached = await self._digest(row)
        works = [
            partial(self._ask, self._call(turned, attached, sample))
            for turned in rows
            for sample in range(self.samples)
        ]
        found = await all_of(works)
        scores = [self._mean(found[begin : begin + self.samples]) for begin in range(0, len(found), self.samples)]
        text = next(said[1] for said in found if not isinstance(said, NoVerdictError))
        return Verdict(score=min(scores), reason=text.strip())

    @staticmethod
    def _mean(found: Sequence[tuple[float, str] | NoVerdictError]) -> float:
        scores = [said[0] for said in found if not isinstance(said, NoVerdictError)]
        if not scores:
            raise next(said for said in found if isinstance(said, NoVerdictError))
        return sum(scores) / len(scores)

    async def _digest(self, row: JudgeRow) -> str:
        if not self.images or row.image is None:
            return ""
        return await anyio.to_thread.run_sync(lambda: " ".join(map(image_digest, _images(row))))

    def _call(self, row: JudgeRow, attached: str, sample: int) -> Call:
        chance = 0.0 if self.samples == 1 else _TEMPERATURE
        body: dict[str, object] = {
            "model": self.model,
            "messages": self.messages(row),
            "temperature": chance if self.temperature is None else self.temperature,
            "max_tokens": self.max_tokens,
            "response_format": self._form().response_format,
        }
        if self.samples > 1:
            body["seed"] = sample
        body = self._with_more_keys(body)
        longer = {key: 2 * limit for key in _LENGTH_KEYS if isinstance(limit := body.get(key), int)}
        bodies = (body, body | longer) if longer else (body,)
        complete = partial(_with_images, row) if attached else None
        return Call(
            path=_PATH,
            bodies=bodies,
            read=read_completion,
            score=self._form().score,
            complete=complete,
            attached=attached,
            sample=sample,
        )


@dataclass(eq=False, repr=False)
class ChatJudge(_ChatBase):
    """Asks a language model whether an answer is right, or how good it is.

    Attributes:
        verdict: The form of verdicts: `Labels`, of which yes is 1 and no is 0 by default, `Scale` or `JsonVerdict`.
    """

    _: KW_ONLY
    verdict: VerdictForm = YES_NO

    def _form(self) -> VerdictForm:
        return self.verdict


@dataclass(eq=False, repr=False)
class RubricJudge(_ChatBase):
    """Asks a language model about several criteria at once; the score is their weighted mean.

    Attributes:
        criteria: In the order in which the model reads and answers them, the same for all rows.
        is_guided: Whether requests ask the server to decode by a JSON Schema, which not every server can.
    """

    _: KW_ONLY
    criteria: Sequence[Criterion] = ()
    is_guided: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.criteria = tuple(self.criteria)
        if not self.criteria or len({criterion.name for criterion in self.criteria}) != len(self.criteria):
            raise ArgumentError("criteria: one or more, of different names")

    def _form(self) -> VerdictForm:
        return RubricVerdict(tuple(self.criteria), self.is_guided)


def _images(row: JudgeRow) -> Sequence[Any]:
    return row.image if isinstance(row.image, list | tuple) else [row.image]


def _with_images(row: JudgeRow, body: Mapping[str, object]) -> Mapping[str, object]:
    """Return a body whose user message begins with the row's images."""
    system, user = body["messages"]  # type: ignore[misc]
    shown: list[dict[str, object]] = [
        {"type": "image_url", "image_url": {"url": image_url(image)}} for image in _images(row)
    ]
    content = [*shown, {"type": "text", "text": user["content"]}]
    return dict(body) | {"messages": [system, user | {"content": content}]}


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


def read_completion(reply: bytes) -> Reply:
    """Return the text of a chat completion, without what the server took out as thinking.

    Raises:
        RequestError: If it is none.
    """
    try:
        found = msgspec.json.decode(reply, type=_Completion)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RequestError(f"no completion: {error}: {quoted(reply)}", garbled=True) from None
    if not found.choices:
        raise RequestError("a completion without any choice", garbled=True)
    choice, usage = found.choices[0], found.usage or _Usage()
    text, code = choice.message.content or "", None
    if choice.finish_reason == "length":
        text, code = f"cut off after {usage.completion_tokens:,} tokens", FailureCode.JUDGE_CUT_OFF
    elif choice.message.refusal or choice.finish_reason in _REFUSED:
        text, code = choice.message.refusal or f"{choice.finish_reason}: {text}", FailureCode.JUDGE_REFUSED
    return Reply(text, usage.prompt_tokens, usage.completion_tokens, code)
