"""The requests of docs/how-to/guided-decoding.md, asked of vLLM with a tiny model on a CPU that has learned nothing."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from tests.adapters.rows import framework

framework("vllm", "xgrammar", "llguidance", "transformers", target="test-trainer")
pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.slow]

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "guided-decoding.md"
_ASKING = 120
_EACH = 4
# What brings a text to its end. A model that knows nothing thinks, and counts, for ever.
_CLOSING = ("</think>", "<answer>", "</answer>", "}", "]", '"', ",", "<|im_end|>")
TEXT_TASKS = [name for name, spec in otr.TASKS.items() if not spec.is_json]
JSON_TASKS = [name for name, spec in otr.TASKS.items() if spec.is_json]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.trainer.run import tiny_model

    made = tmp_path_factory.mktemp("guided")
    texts = ["Where is the dog?", json.dumps({"time": [1, 2], "boxes": {"12": [1.5, 20, 300, 1000]}})]
    tiny_model.save_model(made / "model", texts, [word for word in _CLOSING if len(word) > 1])
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    from tests.trainer.run.serving import serve

    with serve(folder / "model", folder / "vllm.log") as url:
        yield url


@pytest.fixture(scope="module")
def bias(folder: Path) -> dict[str, float]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    return {str(tokenizer.convert_tokens_to_ids(word)): 6.0 for word in _CLOSING}


def ask(server: str, bias: dict[str, float], guide: dict[str, Any]) -> list[str]:
    """Return what the model writes under a guide."""
    body = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Where is the dog?"}],
        "structured_outputs": guide,
        "n": _EACH,
        "max_tokens": 400,
        "temperature": 1.0,
        "seed": 1,
        "logit_bias": bias,
    }
    request = urllib.request.Request(
        f"{server}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_ASKING) as reply:
        choices = json.loads(reply.read())["choices"]
    assert {choice["finish_reason"] for choice in choices} == {"stop"}
    return [choice["message"]["content"] for choice in choices]


def check(parsed: otr.Parsed) -> None:
    """Nothing is wrong but what no grammar can say."""
    assert parsed.failure in {None, "bad_order", "not_a_number"}
    assert (parsed.format_fault, parsed.repairs) == (parsed.failure, ())


@pytest.mark.parametrize("task", otr.TASKS)
@pytest.mark.parametrize(("field", "engine"), [("structural_tag", "xgrammar"), ("grammar", "llguidance")])
def test_the_whole_response(server: str, bias: dict[str, float], field: str, engine: Any, task: str) -> None:
    for response in ask(server, bias, {field: otr.response_grammar(task, engine=engine)}):
        parsed = otr.parse(response, task)
        check(parsed)
        assert parsed.think is not None


@pytest.mark.parametrize("task", JSON_TASKS)
def test_the_answer_alone_as_json(server: str, bias: dict[str, float], task: str) -> None:
    for answer in ask(server, bias, {"json": otr.json_schema(task)}):
        check(otr.parse_answer(answer, task))
        assert set(json.loads(answer)) == set(otr.TASKS[task].schema.model_fields)


@pytest.mark.parametrize("task", TEXT_TASKS)
def test_the_answer_alone_by_a_pattern(server: str, bias: dict[str, float], task: str) -> None:
    for answer in ask(server, bias, {"regex": otr.answer_pattern(task)}):
        check(otr.parse_answer(answer, task))
        assert re.fullmatch(otr.answer_pattern(task), answer)


def test_only_letters_of_the_options(server: str, bias: dict[str, float]) -> None:
    grammar = otr.response_grammar("multiple_choice", engine="xgrammar", options=["a dog", "a cat"])
    letters = {otr.parse(one, "multiple_choice").answer.root for one in ask(server, bias, {"structural_tag": grammar})}
    assert letters <= {"A", "B"}


def test_the_page_names_these_fields() -> None:
    fields = set(re.findall(r'\{"structured_outputs": \{"(\w+)"', PAGE.read_text("utf-8")))
    assert fields == {"structural_tag", "grammar", "json", "regex"}
