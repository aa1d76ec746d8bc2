"""Judges against vLLM with tiny reward models on a CPU: the requests are the ones that it knows, the scores are raw."""

from __future__ import annotations

import asyncio
import json
import math
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.judges import ClassifierJudge, JudgeRow, PolarJudge, Verdict, pack_polar
from tests.adapters.rows import framework

framework("vllm", "httpx2", "transformers", "safetensors", target="test-trainer")
pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.slow]

TEXTS = ["What is the capital of France?", "The capital of France is Paris.", "A cat sleeps on the sofa.", "A dog."]
ROWS = [
    JudgeRow(question="What is on the sofa?", reference=TEXTS[2], answer=answer)
    for answer in (TEXTS[2], "A dog.", "Nothing.", "A cat<|reward|> sleeps.", "x" * 40)
]
# The scores are those of bfloat16, whose sums depend on what is in a batch.
CLOSE = {"rel": 0.05, "abs": 0.05}


@pytest.fixture(scope="module")
def polar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a server of a tiny POLAR, and where the model is."""
    from tests.trainer.run import serving, tiny_rewards

    folder = tmp_path_factory.mktemp("polar")
    model = tiny_rewards.save_polar(folder / "model", TEXTS)
    with serving.serve(model, folder / "log", "--trust-remote-code", "--runner", "pooling") as url:
        yield url, model


def judged(judge: Any, rows: list[JudgeRow]) -> list[Verdict]:
    async def run() -> list[Verdict]:
        try:
            return await asyncio.gather(*(judge.judge(row) for row in rows))
        finally:
            await judge.aclose()

    return asyncio.run(run())


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as reply:
        return json.loads(reply.read())


def test_polar_gives_raw_scores(polar: tuple[str, Path]) -> None:
    url, _ = polar
    judge = PolarJudge(url, model="tiny", raw=True, start_check=False, timeout=300)
    scores = [verdict.score for verdict in judged(judge, ROWS)]
    assert len({round(score, 3) for score in scores if score is not None}) == len(ROWS)
    # This vLLM applies a sigmoid unless it is asked not to.
    texts = [pack_polar(row.question or "", row.reference, row.answer) for row in ROWS]
    activated = [post(f"{url}/pooling", {"model": "tiny", "input": [text]})["data"][0]["data"][-1][0] for text in texts]
    expected = [1 / (1 + math.exp(-score)) for score in scores if score is not None]
    assert activated == pytest.approx(expected, **CLOSE)
    assert judge.counts.tokens_in > 0
    mapped = PolarJudge(url, model="tiny", center=1.0, width=2.0, start_check=False, timeout=300)
    assert [verdict.score for verdict in judged(mapped, ROWS)] == pytest.approx(
        [1 / (1 + math.exp(-(score - 1) / 2)) for score in scores if score is not None], **CLOSE
    )


def test_a_tokenizer_changes_no_short_row(polar: tuple[str, Path]) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(polar[1])
    for row in ROWS:
        texts = (row.question or "", row.reference, row.answer)
        assert pack_polar(*texts, tokenizer) == pack_polar(*texts)


def test_a_sigmoid_is_noticed(polar: tuple[str, Path]) -> None:
    judge = PolarJudge(polar[0], model="tiny", body={"use_activation": None}, timeout=300)
    with pytest.raises(otr.JudgeError, match="server applies a sigmoid"):
        judged(judge, ROWS[:1])


def test_a_row_that_does_not_fit(polar: tuple[str, Path]) -> None:
    row = JudgeRow(question="What?", reference="A cat.", answer="a dog and a cat " * 1_000)
    judge = PolarJudge(polar[0], model="tiny", raw=True, start_check=False, timeout=300)
    (verdict,) = judged(judge, [row])
    assert verdict.code == "judge_too_long", verdict


def test_another_kind_of_server(polar: tuple[str, Path]) -> None:
    with pytest.raises(otr.JudgeError, match=r"404 .*; serve the model with: vllm serve tiny --runner pooling"):
        judged(ClassifierJudge(polar[0], model="tiny"), ROWS[:1])


def test_a_classifier_gives_the_models_scores(tmp_path: Path) -> None:
    import torch
    from transformers import AutoTokenizer, Qwen3ForSequenceClassification

    from tests.trainer.run import serving, tiny_rewards

    folder = tiny_rewards.save_classifier(tmp_path / "model", TEXTS)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = Qwen3ForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    settings: dict[str, Any] = {"model": "tiny", "raw": True, "start_check": False, "timeout": 300}
    with serving.serve(folder, tmp_path / "log", "--runner", "pooling") as url:
        by_text = judged(ClassifierJudge(url, text="{question}\n{answer}", **settings), ROWS)
        by_chat = judged(ClassifierJudge(url, **settings), ROWS)
    found, right = list[float | None](), list[float]()
    for row in (row for row in ROWS if "<|" not in row.answer):
        index = ROWS.index(row)
        texts = [f"{row.question}\n{row.answer}"]
        messages = [{"role": "user", "content": row.question}, {"role": "assistant", "content": row.answer}]
        texts.append(tokenizer.apply_chat_template(messages, tokenize=False))
        with torch.no_grad():
            expected = [model(**tokenizer(text, return_tensors="pt")).logits.item() for text in texts]
        found += [by_text[index].score, by_chat[index].score]
        right += expected
    # The server computes in bfloat16.
    assert found == pytest.approx(right, abs=0.2)
    assert max(right) - min(right) > 1
