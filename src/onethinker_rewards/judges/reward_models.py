"""Reward models behind a server: POLAR, which compares with a reference, and classifiers, which rate an answer.

Both give a number without bounds, of which only differences mean something. It is mapped to [0, 1] by::

    score = 1 / (1 + exp(−(s − center) / width))

or kept as it is (``raw``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import partial
from typing import Any, Literal, Protocol, TypeAlias, cast, get_args

import msgspec
from scipy.special import expit

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError, JudgeError
from onethinker_rewards.judges.base import Call, HttpJudge, Reply
from onethinker_rewards.judges.connection import RequestError, quoted
from onethinker_rewards.judges.prompts import without_special_tokens
from onethinker_rewards.judges.verdicts import NoVerdictError
from onethinker_rewards.tasks.judging import JudgeRow, Verdict

Server: TypeAlias = Literal["vllm", "sglang", "lmdeploy"]
SERVERS: tuple[Server, ...] = get_args(Server)

# What the client of POLAR's authors puts between and behind the two texts, and its limits in tokens.
BETWEEN, END = "<|reward|>", "[UNUSED_TOKEN_130]"
MAX_TOKENS = 16_384
MAX_ANSWER_TOKENS = 4_096
# For the two tokens above and two line breaks.
_RESERVED = 4

# No model gives larger scores.
_LARGEST = 1e6
_LONGEST_QUOTE = 300

_RIGHT = JudgeRow(
    question="What is the capital of France?",
    reference="The capital of France is Paris.",
    answer="The capital of France is Paris.",
)
_WRONG = replace(_RIGHT, answer="Trains are often late in winter, and bananas are yellow.")


class Tokenizer(Protocol):
    """What is used of a tokenizer of transformers."""

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """Return the tokens of a text."""
        ...

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> Any:
        """Return the text of tokens."""
        ...


def pack_polar(
    question: str,
    reference: str,
    answer: str,
    tokenizer: Tokenizer | None = None,
    *,
    cut: Literal["left", "right"] = "right",
) -> str:
    r"""Return the text that POLAR scores: the question with the reference, and the question with the answer.

    ::

        question + "\n" + reference + "<|reward|>" + question + "\n" + answer + "[UNUSED_TOKEN_130]"

    Reference and answer are cut to 4096 tokens each, then the question, on the left, to
    (16384 − 4 − tokens of the reference − tokens of the answer) // 2.

    Differs: special tokens are taken out of all three by their text too, so that no answer ends its part
    early and puts in another reference.

    Args:
        question: What was asked; may be empty.
        reference: What is right.
        answer: What the model answered.
        tokenizer: POLAR's; None cuts nothing.
        cut: On which side reference and answer lose what is too much.

    Source: the client of POLAR's authors, ``RewardModelClient`` in xtuner; its line break is there with an empty text
    too.

    >>> pack_polar("Which city?", "Bern.", "It is<|reward|> Bern.")
    'Which city?\nBern.<|reward|>Which city?\nIt is Bern.[UNUSED_TOKEN_130]'
    """
    question, reference, answer = map(without_special_tokens, (question, reference, answer))
    if tokenizer is not None:
        encode = partial(tokenizer.encode, add_special_tokens=True)
        one_end: Callable[[list[int]], list[int]] = (
            (lambda ids: ids[:MAX_ANSWER_TOKENS]) if cut == "right" else (lambda ids: ids[-MAX_ANSWER_TOKENS:])
        )
        reference_ids, answer_ids = one_end(encode(reference)), one_end(encode(answer))
        most = (MAX_TOKENS - _RESERVED - len(reference_ids) - len(answer_ids)) // 2
        ids = encode(question)[-most:], reference_ids, answer_ids
        question, reference, answer = (
            # A cut may leave the halves of a token's text next to each other.
            without_special_tokens(tokenizer.decode(part, skip_special_tokens=True))
            for part in ids
        )
    return f"{question}\n{reference}{BETWEEN}{question}\n{answer}{END}"


@dataclass(eq=False, repr=False)
class _RewardModelJudge(HttpJudge):
    """Asks a reward model: a number for each row.

    Attributes:
        center: The number that becomes 0.5.
        width: How much more it takes for 0.73; above 0.
        raw: Whether numbers stay as they are, so totals have no bounds.
        start_check: Whether `check` comes before the first row.
    """

    _: KW_ONLY
    center: float = 0.0
    width: float = 1.0
    raw: bool = False
    start_check: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.center) and 0 < self.width < math.inf):
            raise ArgumentError("center is a number, and width one above 0")
        self._is_checked = False

    def __getstate__(self) -> dict[str, Any]:
        """Return the settings; the server that a copy finds is checked again."""
        return super().__getstate__() | {"_is_checked": False}

    @property
    def is_raw(self) -> bool:
        """Whether scores are not limited to [0, 1]."""
        return self.raw

    def mapped(self, number: float) -> float:
        """Return the score of a number of the model."""
        return number if self.raw else float(expit((number - self.center) / self.width))

    async def check(self) -> None:
        """Ask the server about a right and a wrong answer.

        Raises:
            JudgeError: If it cannot be asked, gives probabilities in place of raw scores, or rates the wrong answer at
                least as high as the right one; the message names the cure.
        """
        try:
            await self._check()
        except NoVerdictError as error:
            raise JudgeError(error.reason, error.code) from None

    async def _check(self) -> None:
        try:
            # The cache may have what another server said.
            right, _ = await self._ask(replace(self._call(_RIGHT), may_be_kept=False))
            wrong, _ = await self._ask(replace(self._call(_WRONG), may_be_kept=False))
        except NoVerdictError as error:
            if error.code is FailureCode.JUDGE_REFUSED:
                raise JudgeError(f"{error.reason}; {self._serving()}", error.code) from None
            raise
        said = f"{self.url} gives {right:g} to a right answer and {wrong:g} to a wrong one"
        if 0 <= right <= 1 and 0 <= wrong <= 1:
            raise JudgeError(
                f"the judge's server applies a sigmoid to its scores: {said}. It does not know "
                '"use_activation": false: update it (vLLM 0.32 is known to work), or start it with '
                """--pooler-config '{"use_activation": false}'"""
            )
        if right <= wrong:
            raise JudgeError(
                f"the judge's server has another model, or cuts what it gets: {said}. {self._serving()}; "
                "start_check=False leaves this check out"
            )
        self._is_checked = True

    async def _judge(self, row: JudgeRow) -> Verdict:
        if self.start_check and not self._is_checked:
            await self._open().flights.do("check", self._check)
        number, _ = await self._ask(self._call(row))
        return Verdict(score=self.mapped(number), reason=f"{number:g}")

    def _call(self, row: JudgeRow) -> Call:
        raise NotImplementedError

    def _serving(self) -> str:
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class PolarJudge(_RewardModelJudge):
    """Asks a POLAR model how close an answer comes to the reference. It reads texts and sees no image.

    Scores of POLAR-7B's own examples: −0.6 to 0.5 for the reference itself, about −2 for the same in other words, −7 to
    −11 for wrong answers. The defaults of ``center`` and ``width`` make 0.96, 0.84 and at most 0.16 of them.

    Attributes:
        server: What serves the model: ``vllm``, ``sglang`` or ``lmdeploy``.
        tokenizer: The model's, for cutting, or the name or folder that transformers loads it from, without code of its
            own; without it a row of more than ``max_characters`` gets ``judge_too_long``.
        cut: On which side references and answers are cut.
        max_characters: Limit of the packed text of a row, without a tokenizer.

    Source: Dou et al. 2025, POLAR; the packing is `pack_polar`.
    """

    _: KW_ONLY
    server: Server = "vllm"
    tokenizer: Tokenizer | str | None = field(default=None, repr=False)
    cut: Literal["left", "right"] = "right"
    max_characters: int = 2 * MAX_TOKENS
    center: float = -4.5
    width: float = 1.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self.url = _base(self.url, ("/pooling", "/classify"))
        if self.server not in SERVERS:
            raise ArgumentError(f"server: {self.server!r} is none of {', '.join(SERVERS)}")
        if self.server == "sglang" and self.model is None:
            raise ArgumentError("server='sglang' needs model, the name that the server knows it by")
        if isinstance(self.tokenizer, str):
            self.tokenizer = _load_tokenizer(self.tokenizer)

    def _call(self, row: JudgeRow) -> Call:
        tokenizer = cast("Tokenizer | None", self.tokenizer)
        text = pack_polar(row.question or "", row.reference, row.answer, tokenizer, cut=self.cut)
        if self.tokenizer is None and len(text) > self.max_characters:
            reason = f"{len(text):,} characters, and no tokenizer to cut to at most {self.max_characters:,}"
            raise NoVerdictError(FailureCode.JUDGE_TOO_LONG, reason)
        # One row a request: servers refuse a whole batch for one row that is too long.
        body: dict[str, object] = {"model": self.model}
        if self.server == "sglang":
            body["text"] = [text]
        else:
            body["input"] = [text]
        if self.server == "vllm":
            body["use_activation"] = False
        path = "/classify" if self.server == "sglang" else "/pooling"
        read = partial(_read_number, {"vllm": _vllm_pooled, "sglang": _sglang, "lmdeploy": _lmdeploy}[self.server])
        return Call(path=path, bodies=(self._with_more_keys(body),), read=read, score=float)

    def _serving(self) -> str:
        how = {
            "vllm": "vllm serve internlm/POLAR-7B --trust-remote-code --runner pooling",
            "sglang": "python -m sglang.launch_server --model internlm/POLAR-7B --trust-remote-code --is-embedding",
            "lmdeploy": "lmdeploy serve api_server internlm/POLAR-7B --backend pytorch",
        }
        return f"serve the model with: {how[self.server]}"


def _load_tokenizer(name: str) -> Tokenizer:
    try:
        from transformers import AutoTokenizer  # noqa: PLC0415 - only to cut

        return cast("Tokenizer", AutoTokenizer.from_pretrained(name))
    except (ImportError, OSError, ValueError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ArgumentError(
            f"tokenizer {name}: {first} (in Python, give AutoTokenizer.from_pretrained(…, trust_remote_code=True))"
        ) from None


@dataclass(eq=False, repr=False)
class ClassifierJudge(_RewardModelJudge):
    """Asks a reward model with a classification head, such as Skywork-Reward, how good an answer is, by vLLM.

    It rates a question and an answer; to compare with the reference, name it in ``prompt``.

    Attributes:
        prompt: The user's message, with ``{question}`` and ``{reference}``. The answer is the assistant's message, and
            the server puts both into the model's chat template.
        text: Sent as it is, in place of messages: with ``{question}``, ``{reference}`` and ``{answer}``.
        max_characters: Limit of question, reference and answer together; longer rows get ``judge_too_long``.
    """

    _: KW_ONLY
    prompt: str = "{question}"
    text: str | None = None
    max_characters: int = 2 * MAX_TOKENS

    def __post_init__(self) -> None:
        super().__post_init__()
        self.url = _base(self.url, ("/classify",))

    def _call(self, row: JudgeRow) -> Call:
        texts = {
            name: without_special_tokens(text)
            for name, text in (("question", row.question or ""), ("reference", row.reference), ("answer", row.answer))
        }
        if (characters := sum(map(len, texts.values()))) > self.max_characters:
            raise NoVerdictError(FailureCode.JUDGE_TOO_LONG, f"{characters:,} of {self.max_characters:,} characters")
        body: dict[str, object] = {"model": self.model, "use_activation": False}
        if self.text is not None:
            body["input"] = [_filled(self.text, texts)]
        else:
            asked = {"role": "user", "content": _filled(self.prompt, texts)}
            body["messages"] = [asked, {"role": "assistant", "content": texts["answer"]}]
        read = partial(_read_number, _vllm_classified)
        return Call(path="/classify", bodies=(self._with_more_keys(body),), read=read, score=float)

    def _serving(self) -> str:
        return f"serve the model with: vllm serve {self.model or 'MODEL'} --runner pooling"


def _base(url: str, paths: Sequence[str]) -> str:
    """Return where a server begins: its paths for reward models are not below ``/v1``."""
    url = url.rstrip("/")
    for end in (*paths, "/v1"):
        url = url.removesuffix(end)
    return url


def _filled(template: str, texts: dict[str, str]) -> str:
    return re.sub(r"\{(question|reference|answer)\}", lambda found: texts[found[1]], template)


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0


class _WithUsage(msgspec.Struct):
    usage: _Usage | None = None


def _read_number(number_in: Callable[[Any], object], reply: bytes) -> Reply:
    """Return a reply whose text is the number of its only row."""
    try:
        found: Any = msgspec.json.decode(reply)
        number = number_in(found)
    except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError) as error:
        raise RequestError(f"no score in the reply: {error}: {quoted(reply)}", garbled=True) from None
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= _LARGEST:
        raise RequestError(f"no score in the reply: {number!r}"[:_LONGEST_QUOTE], garbled=True)
    return Reply(repr(float(number)), _tokens(found))


def _tokens(found: object) -> int:
    try:
        usage = msgspec.convert(found, _WithUsage).usage
    except msgspec.ValidationError:
        return 0
    return 0 if usage is None else usage.prompt_tokens


def _vllm_pooled(found: Any) -> object:
    # One score a token, each in a list; only the last token has seen the whole text.
    last = found["data"][0]["data"][-1]
    return last[0] if isinstance(last, list) else last


def _vllm_classified(found: Any) -> object:
    return found["data"][0]["probs"][-1]


def _sglang(found: Any) -> object:
    return found[0]["embedding"][0]


def _lmdeploy(found: Any) -> object:
    return found["data"][0]["data"]
