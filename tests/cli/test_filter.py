"""``filter``: answers that are there, answers that an endpoint gives, and runs that end early."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onethinker_rewards.cli import prepare as prepare_module
from onethinker_rewards.cli import table_reader
from onethinker_rewards.cli import teacher as teacher_module
from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.outputs import Spool
from onethinker_rewards.judges import connection
from onethinker_rewards.trainer.filter import THRESHOLDS
from tests.cli.runs import good, lines, run
from tests.cli.test_resume import KilledError, killed_at
from tests.judges.teacher import Reply, Teacher, completion, refusal, teaching, text_of
from tests.rewards.cases import ANSWERS, REFERENCES, wrap
from tests.trainer.examples import draw, example_row, write_array
from tests.waiting import LONGEST, wait_for

RIGHT, WRONG = wrap("B"), wrap("C")
LONG = wrap("B", "It takes a while to see it.")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_WAIT", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def answered(**columns: Any) -> dict[str, Any]:
    """Return a row with three answers, of which two are right."""
    return good(**{"response": None, "responses": [WRONG, LONG, RIGHT], **columns})


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def decoded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def source(folder: Path, *rows: Any, name: str = "in.jsonl") -> Path:
    path = folder / name
    path.write_bytes(lines(*rows))
    return path


# Answers that are there.


def test_a_row_keeps_its_columns_and_gets_its_best_answer(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = run("filter", source(tmp_path, answered(note="x"), good(response=WRONG), good()), "--out", out)
    assert (done.exit_code, done.stdout) == (0, "")
    first, second = decoded(out)
    assert first == {
        "reference": "B",
        "task": "multiple_choice",
        "note": "x",
        "row": 1,
        "response": RIGHT,
        "accuracy": 1.0,
        "normalized": 1.0,
    }
    assert (second["row"], second["response"]) == (3, good()["response"])
    assert files(tmp_path).keys() == {"in.jsonl", "out.jsonl", "out.bad.jsonl"}
    said = done.stderr.splitlines()
    assert said[0] == f"2 of 3 rows kept (66.7%); 2 rows written to {out}"
    assert said[1].split() == ["task", "rows", "answers", "accuracy", "kept", "share", "most", "frequent", "failures"]
    assert said[-1].split() == ["multiple_choice", "3", "5", "0.556", "2", "0.667", "below_threshold=2"]


@pytest.mark.parametrize(("keep", "kept"), [("best", [RIGHT]), ("first", [LONG]), ("all", [LONG, RIGHT])])
def test_which_answers_are_kept(tmp_path: Path, keep: str, kept: list[str]) -> None:
    out = tmp_path / "out.jsonl"
    done = run("filter", source(tmp_path, answered()), "--out", out, "--keep", keep)
    assert [row["response"] for row in decoded(out)] == kept
    assert done.stderr.startswith(f"1 of 1 row kept (100.0%); {len(kept)} row")


@pytest.mark.parametrize("task", REFERENCES)
def test_right_answers_of_every_task_are_kept(tmp_path: Path, task: str) -> None:
    out = tmp_path / "out.jsonl"
    rows = [example_row(task, responses=["?", wrap(ANSWERS[task])])]
    assert run("filter", source(tmp_path, *rows), "--out", out).exit_code == 0
    assert [(row["task"], row["response"], row["normalized"]) for row in decoded(out)] == [
        (task, wrap(ANSWERS[task]), 1.0)
    ]


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_what_is_kept_can_be_prepared_and_nothing_else(tmp_path: Path, name: str) -> None:
    rows = [example_row(task, responses=[wrap(answer), "?"]) for task, answer in ANSWERS.items()]
    kept, ready = tmp_path / name, tmp_path / "sft.parquet"
    assert run("filter", write_array(tmp_path / "in.json", [*rows, *rows]), "--out", kept).exit_code == 0
    done = run("prepare", kept, "--out", ready, "--stage", "sft")
    assert done.exit_code == 0, done.stderr
    prepared = pq.read_table(ready).to_pylist()
    assert [row["messages"][-1] for row in prepared] == [
        {"role": "assistant", "content": wrap(answer)} for answer in ANSWERS.values()
    ] * 2
    assert [row["extra_info"]["task"] for row in prepared] == list(REFERENCES) * 2
    assert all(row["images"] or row["videos"] for row in prepared)


def test_rows_that_score_wrote(tmp_path: Path) -> None:
    scored, out = tmp_path / "scored.jsonl", tmp_path / "out.jsonl"
    run("score", source(tmp_path, good(), good(response=WRONG)), "--out", scored)
    assert run("filter", scored, "--out", out).exit_code == 0
    assert [row["response"] for row in decoded(out)] == [good()["response"]]


def test_columns_may_have_other_names_and_all_rows_one_task(tmp_path: Path) -> None:
    path, out = source(tmp_path, {"said": RIGHT, "gold": "B"}), tmp_path / "out.jsonl"
    options = ["--column", "response=said", "--column", "reference=gold", "--task", "multiple_choice"]
    assert run("filter", path, "--out", out, *options).exit_code == 0
    assert [(row["response"], row["task"]) for row in decoded(out)] == [(RIGHT, "multiple_choice")]


def test_references_that_are_objects_survive_parquet(tmp_path: Path) -> None:
    rows = [
        {"task": task, "reference": json.loads(REFERENCES[task]), "response": wrap(ANSWERS[task])}
        for task in ("temporal_grounding", "spatial_grounding")
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    assert run("filter", tmp_path / "in.parquet", "--out", out).exit_code == 0
    assert run("filter", out, "--out", tmp_path / "again.jsonl").exit_code == 0
    assert [row["normalized"] for row in decoded(tmp_path / "again.jsonl")] == [1.0, 1.0]


def test_bad_rows_go_to_a_side_file_and_cost_no_others(tmp_path: Path) -> None:
    rows = [answered(), good(response=None), "{", answered(task="poetry"), answered(reference="?x"), good(response=3)]
    rows.insert(1, answered(task="numerical", reference="x"))
    path, out = source(tmp_path, *rows), tmp_path / "out.jsonl"
    done = run("filter", path, "--out", out)
    assert done.exit_code == 2
    assert [row["row"] for row in decoded(out)] == [1]
    bad = decoded(tmp_path / "out.bad.jsonl")
    assert [(row["row"], row["fault"]) for row in bad] == [
        (2, "reference"),
        (3, "columns"),
        (4, "not_json"),
        (5, "columns"),
        (7, "columns"),
    ]
    assert bad[1]["error"] == "no responses, and no --endpoint to ask"
    assert bad[1]["columns"] == good(response=None)
    assert "columns" not in bad[2]
    assert f"{path}: row 3: no responses, and no --endpoint to ask" in done.stderr
    assert f"5 bad rows written to {tmp_path / 'out.bad.jsonl'}: columns 3, reference 1, not_json 1" in done.stderr


def test_rejected_rows_and_all_answers_on_request(tmp_path: Path) -> None:
    out, rejected, every = (tmp_path / name for name in ("out.jsonl", "rejected.jsonl", "answers.jsonl"))
    path = source(tmp_path, good(response=None, responses=[WRONG, "?"], note="x"), answered())
    run("filter", path, "--out", out, "--rejected", rejected, "--answers", every)
    (row,) = decoded(rejected)
    assert (row["row"], row["columns"]["note"]) == (1, "x")
    assert [(one["why"], one["normalized"], one["response"]) for one in row["answers"]] == [
        ("below_threshold", 0.0, WRONG),
        ("missing_answer", 0.0, "?"),
    ]
    assert [row["responses"] for row in decoded(every)] == [[WRONG, "?"], [WRONG, LONG, RIGHT]]
    again = tmp_path / "again.jsonl"
    assert run("filter", every, "--out", again, "--threshold", "multiple_choice=0").exit_code == 0
    assert [row["response"] for row in decoded(again)] == [WRONG, RIGHT]


def test_thresholds_are_ours_or_yours(tmp_path: Path) -> None:
    path = source(tmp_path, good(task="ocr", reference="a b c d", response=wrap("a b c x")))
    out = tmp_path / "out.jsonl"
    for options, kept in ([], 0), (["--threshold", "ocr=0.75"], 1), (["--threshold", "ocr=0.76"], 0):
        run("filter", path, "--out", out, *options)
        assert len(decoded(out)) == kept
    assert THRESHOLDS["ocr"].least == 0.9


def test_the_recipe_scores(tmp_path: Path) -> None:
    path, out = (
        source(tmp_path, good(response="<think>x</think><answer>(B)</answer>", reference="b")),
        tmp_path / "out.jsonl",
    )
    spaced = good(task="ocr", reference="a / b", response=wrap("a / b"))
    source(tmp_path, spaced)
    run("filter", path, "--out", out)
    assert len(decoded(out)) == 1
    run("filter", path, "--out", out, "--recipe", "release")
    assert decoded(out) == []


def test_parquet_in_and_out(tmp_path: Path) -> None:
    rows = [answered(note=number, nested={"a": [number]}) for number in range(5)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    assert run("filter", tmp_path / "in.parquet", "--out", out).exit_code == 0
    table = pq.read_table(out)
    assert table["note"].to_pylist() == list(range(5))
    assert table["nested"].to_pylist() == [{"a": [number]} for number in range(5)]
    assert [str(table.schema.field(name).type) for name in ("row", "response", "accuracy")] == [
        "int64",
        "string",
        "double",
    ]
    assert "error" not in table.schema.names
    empty = source(tmp_path, good(response=WRONG))
    assert run("filter", empty, "--out", out).exit_code == 0
    assert pq.read_table(out).num_rows == 0


def test_an_empty_file(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = run("filter", source(tmp_path), "--out", out)
    assert (done.exit_code, done.stderr, out.read_bytes()) == (0, f"0 of 0 rows kept; 0 rows written to {out}\n", b"")


def test_standard_input(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert run("filter", "-", "--out", out, stdin=lines(answered())).exit_code == 0
    assert len(decoded(out)) == 1


# Answers that are asked for.


def asked_rows(number: int) -> list[dict[str, Any]]:
    return [
        example_row("multiple_choice", problem=f"<image>\nQuestion number {place}: what is it?", problem_id=place)
        for place in range(number)
    ]


def number_of(request: dict[str, Any]) -> int:
    found = re.search(r"Question number (\d+)", text_of(request))
    assert found is not None
    return int(found[1])


def right_but_every_third(request: dict[str, Any], _: int) -> Reply:
    number = number_of(request)
    texts = [wrap("A" if number % 3 == 0 else REFERENCES["multiple_choice"], f"{number}.{place}") for place in range(9)]
    return completion(*texts[: request.get("n", 1)])


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    return draw(tmp_path)


def ask(teacher: Teacher, path: Path, out: Path, *more: str | Path) -> Any:
    return run("filter", path, "--out", out, "--endpoint", teacher.url, "--model", "m", *more)


def test_answers_are_asked_for(drawn: Path) -> None:
    path, out = write_array(drawn / "in.json", asked_rows(40)), drawn / "out.jsonl"
    with teaching(right_but_every_third) as teacher:
        done = ask(
            teacher, path, out, "--samples", "2", "--concurrency", "4", "--max-tokens", "77", "--temperature", "0.5"
        )
    assert done.exit_code == 0, done.stderr
    assert [row["problem_id"] for row in decoded(out)] == [place for place in range(40) if place % 3]
    assert [row["row"] for row in decoded(out)] == [place + 1 for place in range(40) if place % 3]
    assert "26 of 40 rows kept (65.0%); 26 rows written" in done.stderr
    assert sorted(map(number_of, teacher.asked)) == list(range(40))
    assert {(one["model"], one["n"], one["temperature"], one["max_tokens"]) for one in teacher.asked} == {
        ("m", 2, 0.5, 77)
    }
    image, text = teacher.asked[0]["messages"][0]["content"]
    assert image["image_url"]["url"].startswith("data:image/png;base64,")
    assert text["text"].startswith("\nQuestion number ")
    assert files(drawn).keys() == {"in.json", "out.jsonl", "out.bad.jsonl"}


def test_rows_that_have_answers_are_not_asked_about(drawn: Path) -> None:
    rows = asked_rows(3)
    rows[1] |= {"responses": [wrap("A"), wrap(REFERENCES["multiple_choice"])]}
    path, out = write_array(drawn / "in.json", [*rows, "x"]), drawn / "out.jsonl"
    with teaching(right_but_every_third) as teacher:
        assert ask(teacher, path, out).exit_code == 2
    assert sorted(map(number_of, teacher.asked)) == [0, 2]
    assert [row["problem_id"] for row in decoded(out)] == [1, 2]


def test_a_row_that_fails_costs_only_itself(drawn: Path) -> None:
    def some_fail(request: dict[str, Any], number: int) -> Reply:
        place = number_of(request)
        faults = {5: Reply(500), 11: refusal(400, "too long"), 17: Reply(drop=True), 23: Reply(body=b"garbage")}
        return faults.get(place) or right_but_every_third(request, number)

    rows = asked_rows(30)
    rows[2] |= {"images": ["images/gone.png"]}
    path, out = write_array(drawn / "in.json", rows), drawn / "out.jsonl"
    with teaching(some_fail) as teacher:
        done = ask(teacher, path, out, "--retries", "2")
    assert done.exit_code == 2
    assert [row["problem_id"] for row in decoded(out)] == [
        place for place in range(30) if place % 3 and place not in (2, 5, 11, 17, 23)
    ]
    bad = decoded(drawn / "out.bad.jsonl")
    assert [(row["row"], row["fault"]) for row in bad] == [
        (3, "media"),
        *((row, "endpoint") for row in (6, 12, 18, 24)),
    ]
    assert [row["error"].split(": ")[0] for row in bad[1:]] == [
        "no answer after 3 attempts",
        "400 too long",
        "no answer after 3 attempts",
        "no answer after 3 attempts",
    ]
    tries = Counter(map(number_of, teacher.asked))
    assert {place: tries[place] for place in (2, 5, 11, 17, 23, 24)} == {2: 0, 5: 3, 11: 1, 17: 3, 23: 3, 24: 1}
    # What failed may be asked about again: the side file has the rows whole.
    again = write_array(drawn / "again.json", [row["columns"] for row in bad[1:]])
    with teaching(right_but_every_third) as teacher:
        assert ask(teacher, again, drawn / "rest.jsonl").exit_code == 0
    assert [row["problem_id"] for row in decoded(drawn / "rest.jsonl")] == [5, 11, 17, 23]


@pytest.mark.parametrize("options", [[], ["--resume"]])
def test_a_wrong_key_ends_the_run_at_once(drawn: Path, options: list[str]) -> None:
    path, out = write_array(drawn / "in.json", asked_rows(50)), drawn / "out.jsonl"
    with teaching(lambda request, number: refusal(401, "no such key")) as teacher:
        done = ask(teacher, path, out, "--concurrency", "2", *options)
        assert (done.exit_code, done.stderr) == (
            2,
            f"Error: {teacher.url}: 401 no such key; --resume goes on from here\n",
        )
        assert len(teacher.asked) <= 2
        teacher.answering = right_but_every_third
        assert ask(teacher, path, out, "--concurrency", "2", "--resume").exit_code == 0
    assert len(decoded(out)) == 33


def test_an_endpoint_that_is_still_starting_is_waited_for(drawn: Path) -> None:
    def starting(request: dict[str, Any], number: int) -> Reply:
        return right_but_every_third(request, number) if number > 3 else Reply(503, b"loading")

    path, out = write_array(drawn / "in.json", asked_rows(9)), drawn / "out.jsonl"
    with teaching(starting) as teacher:
        done = ask(teacher, path, out, "--concurrency", "2")
        assert (done.exit_code, len(decoded(out))) == (0, 6)
        assert done.stderr.splitlines()[0] == f"{teacher.url}: no answer yet, asking again: 503 loading"


def test_an_endpoint_that_goes_away_ends_the_run(drawn: Path) -> None:
    def going(request: dict[str, Any], number: int) -> Reply:
        return right_but_every_third(request, number) if number < 40 else Reply(503, b"down")

    path, out = write_array(drawn / "in.json", asked_rows(100)), drawn / "out.jsonl"
    with teaching(going) as teacher:
        options = ["--concurrency", "2", "--retries", "0"]
        done = ask(teacher, path, out, *options)
        assert done.exit_code == 2
        assert re.search(r"Error: http\S+: no answer to \d+ requests in a row: 503 down; --resume goes on", done.stderr)
        assert not out.exists()
        teacher.answering = right_but_every_third
        # It may be another endpoint and another patience: the answers are those of the same model.
        others = [
            "--concurrency",
            "7",
            "--timeout",
            "50",
            "--retries",
            "3",
            "--endpoint",
            f"{teacher.url}/chat/completions",
        ]
        assert ask(teacher, path, out, "--resume", *others).exit_code in (0, 2)
    done_rows = {row["row"] for name in ("out.jsonl", "out.bad.jsonl") for row in decoded(drawn / name)}
    assert done_rows == {place + 1 for place in range(100) if place % 3} | {
        row["row"] for row in decoded(drawn / "out.bad.jsonl")
    }
    assert len(decoded(drawn / "out.bad.jsonl")) < 10


def test_the_key_comes_from_the_environment(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = write_array(drawn / "in.json", asked_rows(1)), drawn / "out.jsonl"
    monkeypatch.setenv("OPENAI_API_KEY", "first")
    monkeypatch.setenv("MINE", "second\n")
    with teaching(right_but_every_third) as teacher:
        ask(teacher, path, out)
        assert teacher.headers["Authorization"] == "Bearer first"
        ask(teacher, path, out, "--key-variable", "MINE")
        assert teacher.headers["Authorization"] == "Bearer second"
        ask(teacher, path, out, "--key-variable", "NOT_THERE")
        assert "Authorization" not in teacher.headers


def test_media_by_name_and_further_keys(drawn: Path) -> None:
    path, out = write_array(drawn / "in.json", asked_rows(1)), drawn / "out.jsonl"
    with teaching(right_but_every_third) as teacher:
        ask(teacher, path, out, "--media", "file", "--body", '{"top_p": 0.5, "max_tokens": null}')
    (asked,) = teacher.asked
    assert asked["messages"][0]["content"][0]["image_url"]["url"] == (drawn / "images" / "red.png").as_uri()
    assert asked["top_p"] == 0.5
    assert "max_tokens" not in asked


def test_videos_and_frames(drawn: Path) -> None:
    out = drawn / "out.jsonl"
    for options, videos in ([], ["videos/moving.mp4"]), (["--frames"], ["frames"]):
        row = example_row("tracking", problem="<video> Question number 1", videos=videos)
        with teaching(lambda request, number: completion(wrap(REFERENCES["tracking"]))) as teacher:
            done = ask(teacher, write_array(drawn / "in.json", [row]), out, *options)
        assert done.exit_code == 0, done.stderr
        assert teacher.asked[0]["messages"][0]["content"][0]["video_url"]["url"].startswith("data:video/")
        assert ("media_io_kwargs" in teacher.asked[0]) is bool(options)
        assert [row["normalized"] for row in decoded(out)] == [1.0]


def test_standard_input_can_be_asked_about_too(drawn: Path) -> None:
    out = drawn / "out.jsonl"
    with teaching(right_but_every_third) as teacher:
        options = ["--endpoint", teacher.url, "--model", "m", "--media-root", drawn]
        assert run("filter", "-", "--out", out, *options, stdin=lines(*asked_rows(5))).exit_code == 0
    assert len(decoded(out)) == 3


def test_memory_is_bounded_by_the_rows_ahead(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that takes long does not let all others pile up behind it."""
    monkeypatch.setattr(teacher_module, "_TOGETHER", 2)
    monkeypatch.setattr(teacher_module, "_AHEAD", 4)
    seen: list[int] = []

    def first_is_slow(request: dict[str, Any], number: int) -> Reply:
        if number_of(request) == 0:
            time.sleep(1)
            seen.append(len(teacher.asked))
        return right_but_every_third(request, number)

    path, out = write_array(drawn / "in.json", asked_rows(60)), drawn / "out.jsonl"
    with teaching(first_is_slow) as teacher:
        assert ask(teacher, path, out, "--concurrency", "2").exit_code == 0
    assert seen[0] <= 8
    assert len(decoded(out)) == 40


# Runs that end early.


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An input that goes through in several works, with a note after each of them."""
    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 4)
    monkeypatch.setattr(teacher_module, "_TOGETHER", 4)
    draw(tmp_path)
    return source(tmp_path, *[row if place != 6 else "{" for place, row in enumerate(asked_rows(14))])


def whole_and_killed(small: Path, name: str, command: Callable[[Path, Path], list[str | Path]]) -> int:
    """Kill a run at every moment, resume it, and compare all files; return how many moments there are."""
    expected = small.parent / "expected"
    expected.mkdir()
    whole = run(*command(small, expected / name))
    for moment in count():
        folder = small.parent / str(moment)
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, moment)
            try:
                run(*command(small, folder / name))
                break
            except KilledError:
                pass
        resumed = run(*command(small, folder / name), "--resume")
        assert resumed.exit_code == whole.exit_code
        assert resumed.stderr.replace(str(folder), str(expected)).splitlines()[-5:] == whole.stderr.splitlines()[-5:]
        left = files(folder)
        assert {one: left[one] for one in files(expected)} == files(expected)
        assert not [one for one in left if one.endswith((".unfinished", ".tmp"))]
    return moment


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_whenever_it_is_killed_nothing_is_lost_or_repeated(small: Path, name: str) -> None:
    rows = [answered(note=place, responses=[WRONG, RIGHT] if place % 3 else [WRONG]) for place in range(14)]
    source(small.parent, *rows, "{")

    def command(path: Path, out: Path) -> list[str | Path]:
        return [
            "filter",
            path,
            "--out",
            out,
            "--rejected",
            out.with_name("rejected"),
            "--answers",
            out.with_name("all"),
        ]

    assert whole_and_killed(small, name, command) > 12


def test_whenever_it_is_killed_while_it_asks_nothing_is_lost_or_repeated(small: Path) -> None:
    with teaching(right_but_every_third) as teacher:

        def command(path: Path, out: Path) -> list[str | Path]:
            return ["filter", path, "--out", out, "--endpoint", teacher.url, "--model", "m", "--concurrency", "2"]

        assert whole_and_killed(small, "out.jsonl", command) > 12


def test_a_torn_answer_is_asked_for_again(small: Path) -> None:
    out = small.parent / "out.jsonl"
    unfinished = out.with_name("out.jsonl.unfinished")
    with teaching(right_but_every_third) as teacher:
        begun(teacher, small, out)
        run_of = unfinished.read_bytes().splitlines(keepends=True)[0]
        answer = json.loads(run_of) | {"run": None, "answers": {"2": ["<think>x</think><answer>B</answer>"]}}
        line = json.dumps(answer, separators=(",", ":")).encode() + b"\n"
        unfinished.write_bytes(run_of + line + line[:-20])
        before = len(teacher.asked)
        assert ask(teacher, small, out, "--resume").exit_code == 2
    numbers = Counter(number_of(one) for one in teacher.asked[before:])
    assert numbers[0] == 1
    assert numbers[1] == 0


def begun(teacher: Teacher, path: Path, out: Path) -> None:
    """End a run when it writes its first rows: some answers are there."""
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, 3)
        with pytest.raises(KilledError):
            ask(teacher, path, out)


def test_answers_of_a_run_are_not_thrown_away_by_mistake(small: Path) -> None:
    out = small.parent / "out.jsonl"
    kept = out.with_name("out.jsonl.unfinished")
    with teaching(right_but_every_third) as teacher:
        begun(teacher, small, out)
        whole = kept.read_bytes()
        assert noted_in(small.parent)
        done = ask(teacher, small, out)
        said = f"Error: {kept}: has rows of a run that was not finished; add --resume, or remove the file\n"
        assert (done.exit_code, done.stderr) == (2, said)
        assert "is of a run with other options" in ask(teacher, small, out, "--resume", "--samples", "2").stderr
        assert kept.read_bytes() == whole
        kept.unlink()
        kept.mkdir()
        assert ask(teacher, small, out, "--resume").stderr == f"Error: {kept}: Is a directory\n"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--model", "other"], id="model"),
        pytest.param(["--samples", "2"], id="samples"),
        pytest.param(["--temperature", "0"], id="temperature"),
        pytest.param(["--body", '{"top_p": 0.5}'], id="body"),
        pytest.param(["--keep", "all"], id="keep"),
        pytest.param(["--threshold", "ocr=0.1"], id="threshold"),
        pytest.param(["--recipe", "release"], id="recipe"),
        pytest.param(["--rejected", "r.jsonl"], id="files"),
    ],
)
def test_other_options_are_another_run(small: Path, options: list[str]) -> None:
    out = small.parent / "out.jsonl"
    with teaching(right_but_every_third) as teacher:
        begun(teacher, small, out)
        done = ask(teacher, small, out, "--resume", *options)
        assert done.exit_code == 2
        assert "is of a run with other options" in done.stderr


def test_a_full_disk_is_one_line(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(spool: Spool, row: int, answers: list[str]) -> None:
        raise CliError("No space left on device")

    path, out = write_array(drawn / "in.json", asked_rows(3)), drawn / "out.jsonl"
    monkeypatch.setattr(Spool, "keep", full_disk)
    with teaching(right_but_every_third) as teacher:
        done = ask(teacher, path, out)
    assert (done.exit_code, done.stderr) == (2, "Error: No space left on device\n")


PROGRAM = """
import sys
from onethinker_rewards.cli import main, teacher
teacher._TOGETHER = 4
if __name__ == "__main__":
    main(sys.argv[1:])
"""


def started(folder: Path, teacher: Teacher, *more: str) -> subprocess.Popen[str]:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    options = ["--out", "out.jsonl", "--endpoint", teacher.url, "--model", "m", "--concurrency", "8", *more]
    return subprocess.Popen(
        [sys.executable, str(program), "filter", "in.jsonl", *options],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def wait_until(teacher: Teacher, served: int, running: subprocess.Popen[str]) -> None:
    wait_for(lambda: teacher.served >= served or running.poll() is not None)
    assert running.poll() is None, running.stderr and running.stderr.read()


def slowly(request: dict[str, Any], number: int) -> Reply:
    return Reply(body=right_but_every_third(request, number).body, delay=0.02 + 0.03 * (number_of(request) % 5))


def test_a_killed_process_asks_for_no_answer_twice(drawn: Path) -> None:
    source(drawn, *asked_rows(150))
    noted: set[int] = set()
    again: set[int] = set()
    with teaching(slowly) as teacher:
        for served in (30, 80):
            before = len(teacher.asked)
            with started(drawn, teacher, "--resume") as running:
                wait_until(teacher, served, running)
                running.send_signal(signal.SIGKILL)
            assert running.returncode == -signal.SIGKILL
            again |= noted & {number_of(one) + 1 for one in teacher.asked[before:]}
            noted |= noted_in(drawn)
        before = len(teacher.asked)
        with started(drawn, teacher, "--resume") as running:
            assert running.wait(LONGEST) == 0
        again |= noted & {number_of(one) + 1 for one in teacher.asked[before:]}
    assert len(noted) > 60
    assert not again
    # Of those that were under way at a kill, each is asked for once more.
    assert 150 <= len(teacher.asked) <= 150 + 2 * 8
    assert [row["problem_id"] for row in decoded(drawn / "out.jsonl")] == [place for place in range(150) if place % 3]
    left = {"images", "videos", "frames", "program.py", "in.jsonl", "out.jsonl", "out.bad.jsonl"}
    assert {path.name for path in drawn.iterdir()} == left


def noted_in(folder: Path) -> set[int]:
    """Return the rows whose answers a run that was not finished has kept."""
    path = folder / "out.jsonl.unfinished"
    found = re.findall(rb'^.*"answers":\{"(\d+)".*$', path.read_bytes() if path.exists() else b"", re.MULTILINE)
    return {int(row) for row in found}


def test_an_interrupt_ends_it_cleanly(drawn: Path) -> None:
    source(drawn, *asked_rows(150))
    with teaching(slowly) as teacher:
        with started(drawn, teacher) as running:
            wait_until(teacher, 20, running)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=LONGEST)
        assert (running.returncode, said) == (130, "Interrupted.\n")
        noted = noted_in(drawn)
        before = len(teacher.asked)
        with started(drawn, teacher, "--resume") as running:
            _, said = running.communicate(timeout=LONGEST)
    assert running.returncode == 0
    assert "100 of 150 rows kept" in said
    assert not noted & {number_of(one) + 1 for one in teacher.asked[before:]}


# Mistakes.


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--out", "-"], "-: kept rows are known in the end only; give --out the name of a file"),
        (["--out", "{tmp}/in.jsonl"], "{tmp}/in.jsonl: is the input too; write to another file"),
        (["--bad", "{tmp}/in.jsonl"], "{tmp}/in.jsonl: is the input too; write to another file"),
        (["--bad", "{tmp}/out.jsonl"], "{tmp}/out.jsonl: two outputs have the same name"),
        (
            ["--rejected", "{tmp}/x", "--answers", "{tmp}/x"],
            "{tmp}/out.jsonl: two outputs have the same name",
        ),
        (["--answers", "{tmp}/gone/x"], "{tmp}/gone/x: No such file or directory"),
        (["--media-root", "{tmp}/gone"], "{tmp}/gone: no such folder"),
        (["--threshold", "ocr"], "--threshold ocr: give a number from 0 to 1, the share of the task's maximum"),
        (["--threshold", "ocr=2"], "--threshold ocr=2: give a number from 0 to 1, the share of the task's maximum"),
        (["--threshold", "ocr=nan"], "--threshold ocr=nan: give a number from 0 to 1, the share of the task's maximum"),
        (["--threshold", "poetry=1"], "--threshold poetry=1: 'poetry' is no task; tasks are " + ", ".join(REFERENCES)),
        (["--model", "m"], "--model needs --endpoint"),
        (["--endpoint", "http://h/v1"], "--endpoint needs --model, the name that the endpoint knows it by"),
        (["--endpoint", "localhost:8000", "--model", "m"], "--endpoint localhost:8000: is no http or https URL"),
        (["--endpoint", "http://", "--model", "m"], "--endpoint http://: is no http or https URL"),
        (["--endpoint", "http://h:x/", "--model", "m"], "--endpoint http://h:x/: is no http or https URL"),
        (["--endpoint", "http://h /", "--model", "m"], "--endpoint http://h /: is no http or https URL"),
        (["--endpoint", "http://h", "--model", "m", "--body", "[]"], "--body: is no JSON object"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, options: list[str], why: str) -> None:
    path = source(tmp_path, answered())
    before = path.read_bytes()
    filled = [one.format(tmp=tmp_path) for one in options]
    done = run("filter", path, *([] if "--out" in options else ["--out", tmp_path / "out.jsonl"]), *filled)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"Error: {why.format(tmp=tmp_path)}\n"
    assert path.read_bytes() == before
    assert files(tmp_path).keys() == {"in.jsonl"}


def test_a_body_that_is_no_json_is_one_line(tmp_path: Path) -> None:
    done = run(
        "filter", source(tmp_path), "--out", tmp_path / "o", "--endpoint", "http://h", "--model", "m", "--body", "{"
    )
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("Error: --body: is no JSON: ")


def test_a_key_that_no_header_can_have_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sécret")
    done = run("filter", source(tmp_path), "--out", tmp_path / "o", "--endpoint", "http://h", "--model", "m")
    assert done.exit_code == 2
    assert "cret" not in done.stderr
    assert done.stderr == "Error: OPENAI_API_KEY: holds no API key: characters that no header can have\n"


@pytest.mark.parametrize(
    ("missing", "options", "why"),
    [
        (
            "httpx2",
            ["--endpoint", "http://h", "--model", "m"],
            "this needs httpx2: pip install 'onethinker-rewards[filter]'",
        ),
        ("pyarrow", ["--out", "{tmp}/o.parquet"], "this needs pyarrow: pip install 'onethinker-rewards[parquet]'"),
    ],
)
def test_what_is_not_installed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, options: list[str], why: str
) -> None:
    monkeypatch.setattr(prepare_module, "find_spec", lambda name: None if name == missing else object())
    out = [] if "--out" in options else ["--out", tmp_path / "o.jsonl"]
    done = run("filter", source(tmp_path, answered()), *out, *[one.format(tmp=tmp_path) for one in options])
    assert (done.exit_code, done.stderr) == (2, f"Error: {why}\n")


def test_a_file_without_need_of_an_endpoint_needs_no_client(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["httpx2"] = sys.modules["anyio"] = None
from onethinker_rewards.cli import main
main(["filter", "in.jsonl", "--out", "out.jsonl"])
"""
    source(tmp_path, answered())
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, timeout=LONGEST)
    assert len(decoded(tmp_path / "out.jsonl")) == 1


def test_the_example_of_the_page_is_true(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "filter-answers.md"
    given, kept = [line.strip() for line in page.read_text("utf-8").splitlines() if line.startswith("    {")]
    assert run("filter", source(tmp_path, given + "\n"), "--out", tmp_path / "kept.jsonl").exit_code == 0
    assert decoded(tmp_path / "kept.jsonl") == [json.loads(kept)]
