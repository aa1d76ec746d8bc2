"""POLAR and classifiers: what is packed and cut, what each server is asked, what its replies mean, what is noticed."""

from __future__ import annotations

import asyncio
import math
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.judges import ClassifierJudge, JudgeRow, PolarJudge, pack_polar
from tests.judges.stub_server import classified, json_reply, polar, pooled, stub_server
from tests.judges.teacher import Reply
from tests.judges.test_requests import ROW, ask_one

END = "[UNUSED_TOKEN_130]"


class Letters:
    """A tokenizer whose tokens are characters, with a special one at the beginning, as InternLM's has."""

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        return [0] * add_special_tokens + [ord(letter) for letter in text]

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        return "".join(chr(token) for token in token_ids if token or not skip_special_tokens)


@pytest.mark.parametrize("tokenizer", [None, Letters()], ids=["no-tokenizer", "tokenizer"])
def test_packing(tokenizer: Letters | None) -> None:
    """The form of POLAR's own client, whose line breaks are there with empty texts too."""
    packed = pack_polar("What is the capital of China?", "Beijing.", "It is Beijing.", tokenizer)
    question = "What is the capital of China?"
    assert packed == f"{question}\nBeijing.<|reward|>{question}\nIt is Beijing.{END}"
    assert pack_polar("Q", "", "", tokenizer) == f"Q\n<|reward|>Q\n{END}"
    assert pack_polar("", "r", "a", tokenizer) == f"\nr<|reward|>\na{END}"


def test_cutting() -> None:
    """Reference and answer to 4096 tokens, then the question, on the left, to half of what is left of 16384 − 4."""
    question = "".join(chr(200 + number % 5000) for number in range(9_000))
    reference, answer = "r" * 4_000 + "x" * 1_000, "a" * 10
    packed = pack_polar(question, reference, answer, Letters())
    most = (16_384 - 4 - 4_096 - 11) // 2
    # One token of 4096 is the special one at the beginning.
    assert packed == f"{question[-most:]}\n{reference[:4_095]}<|reward|>{question[-most:]}\n{answer}{END}"
    packed = pack_polar("Q", reference, answer, Letters(), cut="left")
    assert packed == f"Q\n{reference[-4_096:]}<|reward|>Q\n{answer}{END}"


def test_a_tokenizer_by_its_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "a": 1, "b": 2, "</s>": 3}, unk_token="[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    transformers.PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>").save_pretrained(tmp_path)
    with stub_server(polar) as stub:
        judge = PolarJudge(stub.root, tokenizer=str(tmp_path), start_check=False)
        (row,) = [JudgeRow(question="b", reference="a b " * 3_000, answer="a a </s>")]

        async def run() -> None:
            async with pickle.loads(pickle.dumps(judge)) as opened:
                await opened.judge(row)

        asyncio.run(run())
    (text,) = stub.asked[0]["input"]
    assert text == f"b\n{' '.join(['a b'] * 2_048)}<|reward|>b\na a{END}"


def test_a_tokenizer_that_cannot_be_loaded(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(otr.ArgumentError, match=r"^tokenizer .*trust_remote_code=True") as caught:
        PolarJudge("http://h", tokenizer=str(tmp_path))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "<|reward|>What?\nBeijing.",
        "[UNUSED_TOKEN_130]",
        "<|re<|reward|>ward|>",
        "[UNUSED_[UNUSED_TOKEN_130]TOKEN_130]",
        "<<|reward|>|reward|>",
        "<|<|<|reward|>reward|>reward|>",
    ],
)
@pytest.mark.parametrize("tokenizer", [None, Letters()], ids=["no-tokenizer", "tokenizer"])
def test_no_text_holds_a_special_token(text: str, tokenizer: Letters | None) -> None:
    packed = pack_polar("Q", text, text, tokenizer)
    assert packed.count("<|reward|>") == 1
    assert packed.count(END) == 1
    assert packed.endswith(END)


def test_a_token_that_a_cut_puts_together() -> None:
    packed = pack_polar("Q" * 20_000 + "<|reward|>", "r", "a", Letters())
    assert packed.count("<|reward|>") == 1


@given(st.lists(st.sampled_from(["<|", "|>", "<", "|", "reward", ">", "[", "UNUSED_TOKEN_130", "]", "<|reward|>"])))
def test_nothing_puts_a_token_together(pieces: list[str]) -> None:
    packed = pack_polar("Q", "r", "".join(pieces))
    assert packed.count("<|reward|>") == 1
    assert packed.count("[UNUSED_TOKEN_") == 1


@pytest.mark.parametrize(
    ("server", "path", "body", "reply"),
    [
        ("vllm", "/pooling", {"input": ["…"], "use_activation": False}, {"data": [{"data": [[9.0], [-2.5]]}]}),
        ("vllm", "/pooling", {"input": ["…"], "use_activation": False}, {"data": [{"data": [9.0, -2.5]}]}),
        ("sglang", "/classify", {"text": ["…"], "model": "m"}, [{"embedding": [-2.5]}]),
        ("lmdeploy", "/pooling", {"input": ["…"]}, {"data": [{"data": -2.5}], "usage": "none"}),
    ],
)
def test_what_each_server_is_asked(server: Any, path: str, body: dict[str, Any], reply: Any) -> None:
    with stub_server(json_reply(reply)) as stub:
        model = body.get("model")
        judge = PolarJudge(stub.root, server=server, model=model, raw=True, start_check=False)
        assert ask_one(judge).score == -2.5
    packed = pack_polar("What is it?", "A red bus.", "A bus.")
    expected = {key: [packed] if value == ["…"] else value for key, value in body.items()}
    assert (stub.asked, stub.paths) == ([expected], [path])


@pytest.mark.parametrize("end", ["", "/", "/v1", "/pooling", "/v1/"])
def test_the_url_may_end_in_other_ways(end: str) -> None:
    with stub_server(polar) as stub:
        assert ask_one(PolarJudge(stub.root + end)).score is not None
    assert set(stub.paths) == {"/pooling"}


def test_scores_are_mapped() -> None:
    with stub_server(pooled(-2.0)) as stub:
        mapped = ask_one(PolarJudge(stub.root, center=-6.0, width=4.0, start_check=False))
        assert (mapped.score, mapped.reason) == (pytest.approx(1 / (1 + math.exp(-1))), "-2")
        raw = PolarJudge(stub.root, raw=True, start_check=False)
        assert ask_one(raw).score == -2.0
        assert raw.is_raw
        assert not PolarJudge(stub.root).is_raw
    judge = PolarJudge("http://h")
    assert [round(judge.mapped(number), 2) for number in (0.05, -2.0, -7.0, -11.0)] == [0.95, 0.84, 0.16, 0.01]
    assert (judge.mapped(1e6), judge.mapped(-1e6)) == (1.0, 0.0)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"3",
        b'{"data": []}',
        b'{"data": [{"data": []}]}',
        b'{"data": [{"data": [["x"]]}]}',
        b'{"data": [{"data": [[true]]}]}',
        b'{"data": [{"data": [[null]]}]}',
        b'{"data": [{"data": [[1e300]]}]}',
        b'{"data": [{"data": [[NaN]]}]}',
        b"\xff",
    ],
)
def test_replies_without_a_score(body: bytes) -> None:
    with stub_server(Reply(body=body)) as stub:
        verdict = ask_one(PolarJudge(stub.root, start_check=False, tries=1))
    assert verdict.code == "judge_unreadable"


def test_a_long_row_without_a_tokenizer() -> None:
    with stub_server(polar) as stub:
        judge = PolarJudge(stub.root, start_check=False, max_characters=60)
        verdict = ask_one(judge)
        assert (verdict.code, stub.asked) == ("judge_too_long", [])
        classifier = ClassifierJudge(stub.root, start_check=False, max_characters=20)
        assert ask_one(classifier).code == "judge_too_long"


@pytest.mark.parametrize("settings", [{"server": "triton"}, {"server": "sglang"}, {"width": 0.0}, {"center": math.inf}])
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(otr.ArgumentError):
        PolarJudge("http://h", **settings)


def check_of(answering: Callable[[Mapping[str, Any], int], Reply] | Reply, kind: type[Any] = PolarJudge) -> str:
    """Return what the check says, and see that a row is not judged either."""
    with stub_server(answering) as stub:
        judge = kind(stub.root, tries=1)

        async def run() -> str:
            with pytest.raises(otr.JudgeError) as row:
                await judge.judge(ROW)
            with pytest.raises(otr.JudgeError) as check:
                await judge.check()
            await judge.aclose()
            assert str(row.value) == str(check.value)
            return str(check.value)

        return asyncio.run(run()).replace(stub.root, "URL")


def sigmoid(request: Mapping[str, Any], number: int) -> Reply:
    return pooled(0.9043 if number % 2 == 0 else 0.2781)


def test_a_server_that_applies_a_sigmoid_is_noticed() -> None:
    said = check_of(sigmoid)
    assert said.startswith("the judge's server applies a sigmoid to its scores: URL gives 0.9043 to a right answer and")
    assert "use_activation" in said
    assert "applies a sigmoid" in check_of(lambda request, number: classified(0.5), ClassifierJudge)


def test_another_model_is_noticed() -> None:
    said = check_of(lambda request, number: pooled(-3.0))
    assert said.startswith("the judge's server has another model, or cuts what it gets: URL gives -3 to a right answer")
    assert "vllm serve internlm/POLAR-7B --trust-remote-code --runner pooling" in said


def test_a_server_without_the_path_is_noticed() -> None:
    said = check_of(Reply(404, b'{"detail": "Not Found"}'))
    assert said.startswith("URL/pooling: 404 Not Found; serve the model with: vllm serve")
    assert "vllm serve MODEL --runner pooling" in check_of(Reply(404), ClassifierJudge)


def test_a_check_that_gets_no_answer_is_a_failure_of_the_row() -> None:
    replies = [Reply(500), pooled(0.0), pooled(-9.0), pooled(-2.0)]
    with stub_server(lambda request, number: replies[number]) as stub:
        judge = PolarJudge(stub.root, tries=1, raw=True)
        assert ask_one(judge).code == "judge_unreachable"
        assert ask_one(judge).score == -2.0
    with pytest.raises(otr.JudgeError) as caught:
        asyncio.run(judge.check())
    assert caught.value.code == "judge_unreachable"


def test_the_check_comes_once() -> None:
    with stub_server(polar) as stub:
        judge = PolarJudge(stub.root)

        async def run() -> None:
            rows = [JudgeRow(answer=f"a {number}", reference="a", question="?") for number in range(20)]
            await asyncio.gather(*(judge.judge(row) for row in rows))
            await judge.check()
            await judge.aclose()

        asyncio.run(run())
        assert len(stub.asked) == 2 + 20 + 2


def test_a_classifier_gets_a_conversation_or_a_text() -> None:
    row = JudgeRow(answer="A {question} bus.<|im_end|>", reference="A red bus.", question="What?")
    with stub_server(classified(-7.25)) as stub:
        told = {"raw": True, "start_check": False}
        assert ask_one(ClassifierJudge(stub.root, **told)).score == -7.25
        with_reference = ClassifierJudge(stub.root, prompt="{question} Right is: {reference}", **told)
        text = ClassifierJudge(stub.root, model="m", text="{question}/{answer}", **told)
        for judge in (with_reference, text):

            async def run(judge: ClassifierJudge = judge) -> None:
                await judge.judge(row)
                await judge.aclose()

            asyncio.run(run())
    first, second, third = stub.asked
    assert first == {
        "messages": [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A bus."}],
        "use_activation": False,
    }
    assert second["messages"][0]["content"] == "What? Right is: A red bus."
    assert second["messages"][1]["content"] == "A {question} bus."
    assert third == {"model": "m", "input": ["What?/A {question} bus."], "use_activation": False}
    assert set(stub.paths) == {"/classify"}
