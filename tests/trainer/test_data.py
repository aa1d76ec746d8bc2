"""What the columns of a row have to be, how it is said where they are not, and what verl gets."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pyarrow as pa
import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import Columns
from onethinker_rewards.trainer.data import Fault, InvalidRowError, Rules, read_row, schema_of, verl_row
from onethinker_rewards.trainer.media import MediaRules
from tests.rewards.cases import ANSWERS, REFERENCES, answer_to, wrap
from tests.trainer.examples import example_row, rl_rows, sft_rows


@pytest.mark.parametrize("row", [*rl_rows(), *sft_rows()])
def test_every_example_is_read(row: dict[str, Any]) -> None:
    assert read_row(row).question == row.get("problem")


def test_a_row_to_train_on() -> None:
    row = read_row(example_row("tracking", options=None, fps=None, data_type=" Video "))
    assert (row.data_type, row.videos, row.images, row.options) == ("video", ["videos/moving.mp4"], [], [])
    assert row.problem_id == 7


@pytest.mark.parametrize(
    ("columns", "images", "videos"),
    [
        pytest.param({"data_type": "image", "path": "a.png"}, ["a.png"], [], id="image"),
        pytest.param({"data_type": "image", "path": ["a.png", "b.png"]}, ["a.png", "b.png"], [], id="images"),
        pytest.param({"data_type": "video", "path": "a.mp4"}, [], ["a.mp4"], id="video"),
        pytest.param(
            {"data_type": "video-image", "path": "a.mp4", "additional_path": "b.png"}, ["b.png"], ["a.mp4"], id="both"
        ),
        pytest.param(
            {"data_type": "video-image", "path": "a.mp4", "additional_path": ["b.png"]}, ["b.png"], ["a.mp4"], id="list"
        ),
        pytest.param({"data_type": "video", "path": ["1.png", "2.png"]}, [], [["1.png", "2.png"]], id="frames"),
    ],
)
def test_a_row_to_evaluate_on(columns: dict[str, Any], images: list[str], videos: list[Any]) -> None:
    row = read_row({"problem": "Who?", "solution": "A", "problem_type": "OCR"} | columns)
    assert (row.images, row.videos, row.reference) == (images, videos, "A")


@pytest.mark.parametrize("name", ["reference", "solution", "answer", "ground_truth"])
def test_a_reference_has_several_names(name: str) -> None:
    assert read_row({"reference": None, name: "B"}).reference == "B"


def test_the_first_reference_counts() -> None:
    assert read_row({"ground_truth": "D", "answer": "C", "solution": "B", "reference": "A"}).reference == "A"


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        pytest.param({"problem": 3}, "problem: Input should be a valid string, not 3", id="no-text"),
        pytest.param({"problem": ""}, "problem: String should have at least 1 character, not ''", id="empty"),
        pytest.param({"response": "a\ud800"}, "response: has half a character (a lone surrogate) at 1", id="surrogate"),
        pytest.param({"problem": "a\ud800"}, "problem: Input should be a valid string", id="surrogate-in-problem"),
        pytest.param({"data_type": "sound"}, "data_type: Input should be 'image', 'video',", id="data-type"),
        pytest.param({"data_type": 1}, "data_type: Input should be 'image', 'video',", id="data-type-no-text"),
        pytest.param({"problem_id": True}, "problem_id", id="boolean-id"),
        pytest.param({"options": "A"}, "options: Input should be a valid list, not 'A'", id="options"),
        pytest.param({"options": ["A", 2]}, "options.1: Input should be a valid string, not 2", id="option"),
        pytest.param({"images": [""]}, "images.0: String should have at least 1 character", id="no-path"),
        pytest.param({"images": "a.png"}, "images: Input should be a valid list, not 'a.png'", id="no-list"),
        pytest.param({"images": ["x"] * 2 + [9]}, "images.2: Input should be a valid string, not 9", id="path"),
        pytest.param({"videos": [[]]}, "videos.0", id="no-frames"),
        pytest.param({"data_type": "image"}, "data_type is image, and there are 0 images", id="no-image"),
        pytest.param(
            {"data_type": "image", "images": ["a"], "videos": ["b"]}, "is image, and there are 1 videos", id="video-too"
        ),
        pytest.param({"data_type": "video-image", "videos": ["b"]}, "and there are 0 images", id="one-of-both"),
        pytest.param({"data_type": "text", "images": ["b"]}, "is text, and there are 1 images", id="text-with-image"),
        pytest.param({"path": "a.png"}, "path needs a data_type", id="path-of-what"),
        pytest.param({"path": 3, "data_type": "image"}, "images.0: Input should be a valid string", id="path-no-text"),
        pytest.param({"fps": 0}, "fps: Input should be greater than 0, not 0", id="fps"),
        pytest.param({"fps": float("nan")}, "fps: Input should be ", id="nan"),
        pytest.param({"fps": 10**400}, "fps: Input should be ", id="huge"),
        pytest.param({"resolution": {"width": 3}}, "resolution.height: Field required", id="resolution"),
        pytest.param({"messages": [{"role": "boss", "content": ""}]}, "messages.0.role: Input should be", id="role"),
        pytest.param({"segmentation_output": 3}, "segmentation_output", id="masks"),
        pytest.param({"response": "x" * 200 + "\ud800"}, "'xxxxxxxxxxxx...", id="shortened"),
    ],
)
def test_a_bad_row_says_which_column_and_why(columns: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidRowError) as caught:
        read_row(columns)
    assert caught.value.fault is Fault.COLUMNS
    assert why in str(caught.value)
    assert "\n" not in caught.value.reason


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        pytest.param({"time": [3, 8], "boxes": None}, '{"time": [3, 8]}', id="object-with-a-null-of-arrow"),
        pytest.param(7, "7", id="integer"),
        pytest.param(0.5, "0.5", id="fraction"),
        pytest.param([1, 2], "[1, 2]", id="list"),
    ],
)
def test_a_reference_that_is_no_text_becomes_json(reference: object, text: str) -> None:
    assert read_row({"answer": reference}).reference == text


def test_a_bad_reference_is_named_by_its_column() -> None:
    with pytest.raises(InvalidRowError, match=r"^answer: Input should be a valid string, not True$"):
        read_row({"answer": True})


def test_columns_may_have_other_names_and_all_rows_one_task() -> None:
    names = Columns(reference=("gold",), question=("prompt",))
    row = read_row({"gold": "B", "prompt": "Who?", "answer": "A", "task": "ocr"}, names, "math")
    assert (row.reference, row.question, row.task) == ("B", "Who?", "math")


def test_rows_of_video_r1() -> None:
    """The chain of thought and the solution are two columns there."""
    row = {
        "problem_id": 2,
        "problem": "Where does it go?",
        "data_type": "video",
        "problem_type": "free-form",
        "options": [],
        "process": "<think>It rolls.</think>",
        "solution": "<answer>Left</answer>",
        "path": "./CLEVRER/video_10016.mp4",
        "data_source": "CLEVRER",
    }
    read = read_row(row)
    assert (read.videos, read.reference) == (["./CLEVRER/video_10016.mp4"], "<answer>Left</answer>")
    assert read.response == "<think>It rolls.</think>\n<answer>Left</answer>"
    assert read_row(row | {"response": "mine"}).response == "mine"


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(InvalidRowError(Fault.MEDIA, "gone")))
    assert (error.fault, error.reason, str(error)) == (Fault.MEDIA, "gone", "gone")


RL = Rules(media=MediaRules(root="/data"))
SFT = Rules(stage="sft", media=MediaRules(root="/data"))


def bad(row: dict[str, Any], rules: Rules = RL) -> tuple[Fault, str]:
    with pytest.raises(InvalidRowError) as caught:
        verl_row(row, 1, rules)
    return caught.value.fault, caught.value.reason


def prompt_of(row: dict[str, Any]) -> str:
    (message,) = verl_row(row, 1, RL)["prompt"]
    assert message["role"] == "user"
    return message["content"]


@pytest.mark.parametrize("task", REFERENCES)
def test_every_task_has_all_that_verl_and_the_reward_need(task: str) -> None:
    row = verl_row(example_row(task), 12, RL)
    assert (row["data_source"], row["ability"]) == (row["data_source"], task)
    truth = row["reward_model"]
    assert truth == {"style": "rule", "ground_truth": REFERENCES[task]}
    assert otr.score([wrap(ANSWERS[task])], [truth["ground_truth"]], task).normalized.tolist() == [1.0]
    info = row["extra_info"]
    assert (info["task"], info["index"], info["problem_id"]) == (task, 12, "7")
    assert (info["problem_type"], info["question"]) == (example_row(task)["problem_type"], example_row(task)["problem"])


@pytest.mark.parametrize("rules", [RL, SFT], ids=["rl", "sft"])
def test_rows_have_exactly_the_columns_of_the_schema(rules: Rules) -> None:
    rows = [verl_row(row, place, rules) for place, row in enumerate(rl_rows() if rules is RL else sft_rows(), start=1)]
    table = pa.Table.from_pylist(rows, schema=schema_of(rules))
    assert table.to_pylist() == rows
    assert all(list(row["extra_info"]) == schema_of(rules).field("extra_info").type.names for row in rows)


def test_images_and_videos_have_their_limits_and_whole_paths() -> None:
    both = example_row("ocr", data_type="video-image", videos=["./v/a.mp4"], images=["/abs/b.png", "c/../d.png"])
    row = verl_row(both, 1, RL)
    assert row["images"] == [
        {"image": "/abs/b.png", "max_pixels": 1_048_576},
        {"image": "/data/d.png", "max_pixels": 1_048_576},
    ]
    assert row["videos"] == [
        {"video": "/data/v/a.mp4", "fps": 2.0, "max_frames": 128, "min_pixels": 4_096, "max_pixels": 65_536}
    ]


@pytest.mark.parametrize(
    ("problem", "images", "videos", "begins"),
    [
        pytest.param("What?", 1, 0, "<image>\nWhat?", id="image"),
        pytest.param("What?", 2, 0, "<image>\n<image>\nWhat?", id="images"),
        pytest.param("What?", 1, 1, "<video>\n<image>\nWhat?", id="video-first"),
        pytest.param("In <image> what?", 1, 0, "In <image> what?", id="its-own"),
        pytest.param("In <image> what?", 2, 0, "<image>\nIn <image> what?", id="one-missing"),
        pytest.param("<image> as in <video>?", 1, 1, "<image> as in <video>?", id="its-own-order"),
        pytest.param("What?", 0, 0, "What?", id="text"),
    ],
)
def test_there_is_a_placeholder_for_each_image_and_video(problem: str, images: int, videos: int, begins: str) -> None:
    row = example_row("ocr", problem=problem, data_type=None, images=["i"] * images, videos=["v"] * videos)
    asked = prompt_of(row)
    assert asked == otr.prompt("ocr", begins)
    assert (asked.count("<image>"), asked.count("<video>")) == (images, videos)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        pytest.param({"problem": "<image><image>"}, "2 times <image> in the text, and 1 there to show", id="too-many"),
        pytest.param({"problem": "<video>"}, "1 times <video> in the text, and 0 there to show", id="of-no-video"),
        pytest.param({"problem": "<audio>?"}, "<audio> in the text would be taken for a placeholder", id="audio"),
        pytest.param(
            {"problem": "<|vision_start|><|image_pad|><|vision_end|>?"}, "<|image_pad|> in the text", id="qwen"
        ),
        pytest.param({"problem": "<image>", "options": ["<image>", "b"]}, "2 times <image>", id="in-an-option"),
    ],
)
def test_placeholders_that_show_nothing_are_bad(columns: dict[str, Any], why: str) -> None:
    fault, said = bad(example_row("multiple_choice", answer="A") | columns)
    assert fault is Fault.PLACEHOLDERS
    assert why in said


def test_options_are_shown_unless_the_question_shows_them() -> None:
    row = example_row("multiple_choice", options=["dog", "cat"])
    assert "Options:\nA. dog\nB. cat" in prompt_of(row)
    assert "Options:" not in prompt_of(row | {"problem": "<image> A. dog or B. cat?"})
    assert "Options:\nA. dog" in prompt_of(row | {"problem": "<image> a dog?"})
    assert verl_row(row, 1, RL)["extra_info"]["options"] == ["dog", "cat"]
    # As in the release: other tasks do not show them.
    assert "dog" not in prompt_of(example_row("ocr", options=["dog"]))


def test_options_run_out_of_letters() -> None:
    row = example_row("multiple_choice", options=["x"] * 26)
    assert "Z. x" in prompt_of(row)
    assert bad(row | {"options": ["x"] * 27}) == (Fault.COLUMNS, "options: 27 are more than there are letters")


@pytest.mark.parametrize(
    ("options", "answer", "good"),
    [
        pytest.param(["x", "y"], "B", True, id="by-place"),
        pytest.param(["x", "y"], "C", False, id="past-the-end"),
        pytest.param(["A. x", "C. y"], "C", True, id="by-label"),
        pytest.param(["(A) x", "(D) y"], "D", True, id="by-label-in-brackets"),
        pytest.param([], "E", True, id="in-the-question"),
        pytest.param(["x", "y"], "y", True, id="by-text"),
    ],
)
def test_the_answer_has_to_be_an_option(options: list[str], answer: str, *, good: bool) -> None:
    row = example_row("multiple_choice", options=options, answer=f"<answer>{answer}</answer>")
    if good:
        assert verl_row(row, 1, RL)["reward_model"]["ground_truth"] == answer
    else:
        assert bad(row) == (Fault.REFERENCE, "the answer is C, and there are 2 options")


@pytest.mark.parametrize(
    ("columns", "fault", "why"),
    [
        pytest.param(
            {"problem": None},
            Fault.COLUMNS,
            "no column 'question' or 'problem' for the question; there are: ",
            id="no-question",
        ),
        pytest.param(
            {"problem_type": None},
            Fault.COLUMNS,
            "no column 'task' or 'problem_type' for the task; there are: ",
            id="no-task",
        ),
        pytest.param({"answer": None}, Fault.COLUMNS, "no column 'reference' or 'solution'", id="no-reference"),
        pytest.param({"problem_type": "poetry"}, Fault.TASK, "'poetry' is no task", id="unknown-task"),
        pytest.param({"answer": "[1, 2]"}, Fault.REFERENCE, "unreadable reference: ", id="unreadable"),
        pytest.param({"answer": '{"time": [9, 1]}'}, Fault.REFERENCE, "temporal_grounding", id="reversed"),
    ],
)
def test_what_cannot_be_trained_on(columns: dict[str, Any], fault: Fault, why: str) -> None:
    found, said = bad(example_row("temporal_grounding", **columns))
    assert found is fault
    assert why in said


def test_all_missing_columns_are_named_at_once() -> None:
    assert bad({"id": 1, "text": None}) == (
        Fault.COLUMNS,
        (
            "no column 'question' or 'problem' for the question, no column 'task' or 'problem_type' for the task, "
            "no column 'reference' or 'solution' or 'answer' or 'ground_truth' for the reference; there are: 'id'"
        ),
    )


def test_media_that_cannot_be_used_make_a_bad_row() -> None:
    rules = Rules(media=MediaRules(root="/no/such/folder", check="presence"))
    assert bad(example_row("ocr"), rules) == (Fault.MEDIA, "/no/such/folder/images/red.png: no such file")


def test_segmentation_needs_a_kind_of_data() -> None:
    fault, why = bad(example_row("image_segmentation", data_type=None))
    assert fault is Fault.TASK
    assert "needs the data type" in why


def test_groups_are_unique_where_problem_ids_are_not() -> None:
    row, other = example_row("ocr"), example_row("ocr", data_source="another")
    changed = example_row("ocr", problem="<image> another question")
    made = [verl_row(*given, RL) for given in ((row, 1), (row, 2), (other, 1), (changed, 1))]
    groups = [one["extra_info"]["group"] for one in made]
    assert len(set(groups)) == 4
    assert groups[0].startswith("source_of_images/7/1-")
    assert verl_row(row, 1, RL)["extra_info"]["group"] == groups[0]


def test_what_evaluation_needs_is_kept() -> None:
    masks = {"frames": [0], "segmentation_rle": [{"size": [2, 2], "counts": "04"}]}
    row = example_row("video_segmentation", segmentation_output=masks, resolution={"width": 640, "height": 480}, fps=8)
    info = verl_row(row, 1, RL)["extra_info"]
    assert json.loads(info["segmentation"]) == masks
    assert (info["width"], info["height"], info["fps"]) == (640.0, 480.0, 8.0)
    assert verl_row(row | {"segmentation_output": "04"}, 1, RL)["extra_info"]["segmentation"] == "04"


@pytest.mark.parametrize("task", REFERENCES)
def test_fine_tuning_takes_our_prompt_and_the_response(task: str) -> None:
    row = example_row(task, response=wrap(ANSWERS[task]) + " <|im_end|>\n")
    made = verl_row(row, 1, SFT)
    assert [one["role"] for one in made["messages"]] == ["user", "assistant"]
    assert made["messages"][0]["content"] == prompt_of(row)
    assert made["messages"][1]["content"] == wrap(ANSWERS[task])
    assert made["response"] == wrap(ANSWERS[task])
    assert made["reward_model"]["ground_truth"] == REFERENCES[task]
    assert "prompt" not in made


SAID = {"role": "assistant", "content": wrap("a disk")}
ASKED = {"role": "user", "content": "What is it?"}


def test_fine_tuning_takes_a_conversation_as_it_is() -> None:
    system = {"role": "system", "content": "Be short."}
    made = verl_row({"messages": [system, ASKED, SAID], "images": ["a.png"]}, 1, SFT)
    assert made["messages"] == [system, {"role": "user", "content": "<image>\nWhat is it?"}, SAID]
    assert made["extra_info"]["task"] is None
    assert made["data_source"] == "onethinker"


@pytest.mark.parametrize(
    ("columns", "fault", "why"),
    [
        pytest.param({"messages": None}, Fault.COLUMNS, "no column 'response'", id="nothing"),
        pytest.param({"messages": [SAID, ASKED]}, Fault.COLUMNS, "no column 'response'", id="no-answer"),
        pytest.param({"messages": [SAID]}, Fault.COLUMNS, "one question and answer", id="no-question"),
        pytest.param({"messages": [ASKED, SAID, ASKED, SAID]}, Fault.COLUMNS, "one question and", id="two-turns"),
        pytest.param({"messages": None, "response": SAID["content"]}, Fault.COLUMNS, "neither question", id="alone"),
        pytest.param(
            {"messages": [{"role": "system", "content": "<image>"}, ASKED, SAID]},
            Fault.PLACEHOLDERS,
            "in a system message",
            id="placeholder-in-system",
        ),
        pytest.param({"response": wrap("<image>")}, Fault.PLACEHOLDERS, "in the response", id="placeholder-said"),
        pytest.param({"response": "B"}, Fault.RESPONSE, "missing_answer: ", id="no-tags"),
        pytest.param({"response": "<answer>B</answer>"}, Fault.RESPONSE, "missing_think: ", id="no-thinking"),
        pytest.param(
            {"response": wrap("B"), "problem_type": "tracking"}, Fault.RESPONSE, "invalid_json: ", id="other-schema"
        ),
        pytest.param({"problem_type": "poetry", "response": "B"}, Fault.TASK, "no task", id="unknown-task"),
    ],
)
def test_what_cannot_be_fine_tuned_on(columns: dict[str, Any], fault: Fault, why: str) -> None:
    row = {"messages": [ASKED, SAID]} | columns
    found, said = bad({name: value for name, value in row.items() if value is not None}, SFT)
    assert found is fault
    assert why in said


@pytest.mark.parametrize("frames", [False, True])
def test_columns_have_one_type_whatever_is_in_them(frames: bool) -> None:
    """An empty list, a null or a number without a fraction must not change the type of a row group."""
    for stage in ("rl", "sft"):
        schema = schema_of(Rules(stage=stage, media=MediaRules(frames=frames)))
        assert schema.equals(pa.Table.from_pylist([], schema=schema).schema)
        assert "null" not in str(schema)
        assert str(schema.field("videos").type).startswith("list<item: struct<video: " + ("list" if frames else "str"))


@pytest.mark.parametrize("row", rl_rows(), ids=lambda row: row["problem_type"])
def test_the_adapter_for_verl_scores_what_is_written(row: dict[str, Any]) -> None:
    from onethinker_rewards.adapters.verl import compute_score

    made = verl_row(row, 1, RL)
    truth = made["reward_model"]["ground_truth"]
    result = compute_score(made["data_source"], wrap(answer_to(truth)), truth, made["extra_info"])
    assert (result["normalized"], result["format"], result["failure"]) == (1.0, 1.0, None)
    assert result["scored_as"] == made["ability"]


def in_pixels(**columns: Any) -> dict[str, Any]:
    box = {"bbox_2d": [28, 56, 280, 560], "label": "disk"}
    row = example_row("spatial_grounding", answer=json.dumps([box]), **columns)
    rules = Rules(stage="rl", media=MediaRules(root="/data"), dialect="qwen2.5-vl", reference_dialect="qwen2.5-vl")
    return verl_row(row, 1, rules)


@pytest.mark.parametrize(
    "columns", [{"size": [560, 1120]}, {"resolution": {"width": 560.0, "height": 1120.0}}], ids=["size", "file"]
)
def test_references_in_pixels_need_the_image_as_the_model_sees_it(columns: dict[str, Any]) -> None:
    """By a column, or by the size of the file, from which that of Qwen2.5-VL's processor follows."""
    assert "bbox_2d" in in_pixels(**columns)["reward_model"]["ground_truth"]


def test_without_a_size_pixels_cannot_be_read() -> None:
    with pytest.raises(InvalidRowError, match=r"the dialect qwen2\.5-vl writes pixels: no column 'size'") as caught:
        in_pixels()
    assert caught.value.fault is Fault.COLUMNS
