"""The mask reward: what it adds up to, what it refuses, and that nothing is to be gained by choosing the frame."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.answers.masks import encode_mask, read_mask
from tests.rewards.drawn import HEIGHT, WIDTH, Draws, FillsBoxes, Knows, image, prompt, rectangle, respond

# The box of `prompt()` in pixels.
FILLED = rectangle(4, 2, 12, 8)
HALF = rectangle(4, 2, 8, 8)


def score_image(responses: list[str], masks: list[Any], *, points: bool = True, **more: Any) -> otr.RewardBatch:
    images = more.pop("images", [image()] * len(responses))
    segmenter = more.pop("segmenter", FillsBoxes())
    with otr.Scorer(recipe=otr.with_masks(points=points), segmenter=segmenter) as scorer:
        references = [prompt()] * len(responses)
        return scorer.score(responses, references, "image_segmentation", images=images, masks=masks, **more)


def score_video(
    times: list[float], masks: Any, *, reference: float = 0.0, fps: float = 1.0, segmenter: Any = None, **more: Any
) -> otr.RewardBatch:
    clip = more.pop("clip") if "clip" in more else otr.Clip(masks, fps)
    with otr.Scorer(recipe=otr.with_masks(**more), segmenter=segmenter or Knows()) as scorer:
        return scorer.score(
            respond(*[prompt(time=time) for time in times]),
            [prompt(time=reference)] * len(times),
            "video_segmentation",
            images=[clip] * len(times),
            masks=[masks] * len(times),
        )


@pytest.mark.parametrize(
    ("mask", "points", "accuracy"),
    [
        pytest.param(FILLED, True, 4.0, id="beside the points"),
        pytest.param(FILLED, False, 2.0, id="instead of the points"),
        pytest.param(HALF, True, 3.5, id="half a mask beside the points"),
        pytest.param(HALF, False, 1.5, id="half a mask instead of the points"),
    ],
)
def test_an_image(mask: Any, points: bool, accuracy: float) -> None:
    batch = score_image(respond(prompt()), [mask], points=points)
    assert batch.accuracy.tolist() == pytest.approx([accuracy])
    assert batch.normalized.tolist() == pytest.approx([accuracy / (4.0 if points else 2.0)])
    assert ("positive_points" in batch.summary()["image_segmentation"]["parts"]) == points
    assert batch.recipe == ("paper+masks" if points else "paper+masks-points")


@pytest.mark.parametrize(
    ("time", "masks", "expected"),
    [
        pytest.param(0.0, [FILLED, FILLED], 1.0, id="its own frame"),
        pytest.param(1.0, [FILLED, FILLED], math.exp(-0.5), id="a second off"),
        pytest.param(1.0, [FILLED, HALF], math.exp(-0.5) / 2, id="half the object shows"),
        pytest.param(1.0, [HALF, FILLED], math.exp(-0.5), id="more of the object shows: no more than all"),
        pytest.param(1.0, [FILLED, FILLED & False], 0.0, id="a frame without the object"),
        pytest.param(1.0, [FILLED, None], 0.0, id="a frame without a mask"),
        pytest.param(99.0, [FILLED, FILLED], 0.0, id="far after the end: nothing is left of the time"),
    ],
)
def test_a_video_frame(time: float, masks: list[Any], expected: float) -> None:
    batch = score_video([time], masks)
    assert batch.parts["mask_iou"].tolist() == pytest.approx([expected])
    assert batch.failure == [None]
    assert batch.normalized[0] == pytest.approx((batch.parts["time_proximity"][0] + 3.0 + expected) / 5.0)


def test_a_video_without_points() -> None:
    batch = score_video([1.0], [FILLED, HALF], points=False)
    assert batch.accuracy[0] == pytest.approx(1.0 + math.exp(-0.5) * 1.5)
    assert batch.normalized[0] == batch.accuracy[0] / 3.0


def test_a_frame_that_shows_nothing_is_never_drawn() -> None:
    segmenter = FillsBoxes()
    score_video([1.0, 0.0], [FILLED, None], segmenter=segmenter, clip=otr.Clip([image(), image()], 1.0))
    assert [len(images) for images in segmenter.asked] == [1]


def test_differs_masks_are_rewarded() -> None:
    """A recipe with masks adds the IoU of the drawn mask, which the paper leaves out and names as a limitation."""
    drawn = score_image(respond(prompt()), [HALF])
    plain = otr.score(respond(prompt()), [prompt()], "image_segmentation")
    assert drawn.accuracy[0] - plain.accuracy[0] == drawn.parts["mask_iou"][0] == 0.5


def test_other_tasks_are_scored_as_ever() -> None:
    with otr.Scorer(recipe=otr.with_masks(), segmenter=FillsBoxes()) as scorer:
        batch = scorer.score(
            respond("B", prompt()), ["B", prompt()], ["multiple_choice", "image_segmentation"],
            images=[None, image()], masks=[None, FILLED],
        )  # fmt: skip
    assert batch.accuracy.tolist() == [1.0, 4.0]
    assert np.isnan(batch.parts["mask_iou"][0])


def test_an_answer_that_fails_is_not_drawn() -> None:
    segmenter = FillsBoxes()
    batch = score_image([*respond("no"), *respond(prompt())], [FILLED] * 2, segmenter=segmenter)
    assert batch.accuracy.tolist() == [0.0, 4.0]
    assert batch.failure == ["invalid_json", None]
    assert batch.parts["mask_iou"].tolist() == [0.0, 1.0]
    assert [len(images) for images in segmenter.asked] == [1]


def test_groups_stay_together_and_portions_small() -> None:
    pictures = [image(shade) for shade in range(13)]
    images = [pictures[row % 13] for row in range(13 * 8)]
    segmenter = FillsBoxes()
    score_image(respond(*[prompt()] * 104), [FILLED] * 104, images=images, segmenter=segmenter)
    assert [len(asked) for asked in segmenter.asked] == [64, 40]
    shades = [[int(picture[0, 0, 0]) for picture in asked] for asked in segmenter.asked]
    assert not set(shades[0]) & set(shades[1])


def test_a_group_larger_than_a_portion_is_one_portion() -> None:
    segmenter = FillsBoxes()
    score_image(respond(*[prompt()] * 70), [FILLED] * 70, segmenter=segmenter)
    assert [len(asked) for asked in segmenter.asked] == [70]


def test_a_mask_counts_at_its_frame_and_at_the_references() -> None:
    """The least of both: the frame chosen, and the one meant."""
    drawn = {0: FILLED, 1: HALF, 2: HALF}
    masks = [HALF, FILLED, HALF]
    batch = score_video([0.0, 1.0, 2.0], masks, segmenter=Draws(drawn), clip=otr.Clip([0, 1, 2], 1.0))
    near = [1.0, math.exp(-0.5), math.exp(-2.0)]
    assert batch.parts["mask_iou"].tolist() == pytest.approx([near[0] * 0.5, near[1] * 0.5, near[2] * 0.5])


def test_only_an_answer_elsewhere_is_drawn_twice_and_each_frame_is_taken_once() -> None:
    segmenter = FillsBoxes()
    frames = np.zeros((3, HEIGHT, WIDTH, 3), dtype=np.uint8)
    masks = np.stack([FILLED] * 3)
    score_video([0.0, 1.0, 2.0, 1.1], masks, segmenter=segmenter, clip=otr.Clip(frames, 1.0))
    (asked,) = segmenter.asked
    assert len(asked) == 1 + 2 + 2 + 2
    assert len({id(frame) for frame in asked}) == 3


def test_an_image_may_be_alone_in_a_list() -> None:
    """As data sets hold the images of a question."""
    batch = score_image(respond(*[prompt()] * 2), [FILLED] * 2, images=[[image()], (image(),)])
    assert batch.accuracy.tolist() == [4.0, 4.0]


def test_images_and_masks_may_be_arrays_of_all_rows() -> None:
    """Each row of an array is an object that is gone with its row, and whose id another one gets."""
    masks = np.stack([FILLED, HALF, HALF, FILLED, HALF] * 40)
    images = np.zeros((200, HEIGHT, WIDTH, 3), dtype=np.uint8)
    batch = score_image(respond(*[prompt()] * 200), masks, images=images)
    assert batch.parts["mask_iou"].tolist() == [1.0, 0.5, 0.5, 1.0, 0.5] * 40


def test_frames_of_an_array_are_told_apart() -> None:
    """Of a video, too, a row of an array is gone once it is read."""
    masks = np.arange(HEIGHT)[None, :, None] <= np.arange(50)[:, None, None] % HEIGHT
    masks = np.broadcast_to(masks, (50, HEIGHT, WIDTH))
    times = [float(second) for second in range(50)]
    with otr.Scorer(recipe=otr.with_masks(), segmenter=Knows()) as scorer:
        batch = scorer.score(
            respond(*[prompt(time=time) for time in times]), [prompt(time=time) for time in times],
            "video_segmentation", images=[otr.Clip(masks, 1.0)] * 50, masks=[masks] * 50,
        )  # fmt: skip
    assert batch.parts["mask_iou"].tolist() == [1.0] * 50


class Counted(dict[str, Any]):
    """An encoded mask that counts how often it is read."""

    reads = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.reads += key == "size"
        return super().get(key, default)


def test_a_mask_that_rows_share_is_read_once() -> None:
    filled, half, unused = (Counted(encode_mask(mask)) for mask in (FILLED, HALF, FILLED))
    score_image(respond(*[prompt()] * 5), [filled] * 5, images=[image(row) for row in range(5)])
    assert filled.reads == 1
    score_video([0.0, 1.0, 1.0], [filled, half, unused], segmenter=FillsBoxes(), clip=otr.Clip([image()] * 3, 1.0))
    assert (filled.reads, half.reads, unused.reads) == (2, 1, 0)


def test_masks_that_are_the_frames_too_are_told_apart_from_them() -> None:
    masks = [encode_mask(FILLED), encode_mask(HALF)]
    shown: list[Any] = []

    def reads(images: Any, *_: Any) -> list[Any]:
        shown.extend(images)
        return [read_mask(image) for image in images]

    batch = score_video([0.0, 1.0], masks, segmenter=reads)
    assert batch.parts["mask_iou"].tolist() == pytest.approx([1.0, math.exp(-0.5) / 2])
    assert all(isinstance(image, dict) for image in shown)


@pytest.mark.parametrize("broken", [0, 1])
def test_a_frame_that_cannot_be_read_is_its_row(broken: int) -> None:
    """Of the two that an answer elsewhere is drawn on, either; a row that needs it not goes on."""
    frames = [image(), image(), image()]
    frames[broken] = "gone.png"
    with otr.Scorer(recipe=otr.with_masks(), segmenter=FillsBoxes()) as scorer:
        batch = scorer.score(
            respond(prompt(time=1.0), prompt(time=2.0)), [prompt(time=0.0), prompt(time=2.0)], "video_segmentation",
            images=[otr.Clip(frames, 1.0)] * 2, masks=[[FILLED] * 3] * 2, on_bad_reference="skip",
        )  # fmt: skip
    assert batch.failure == ["bad_reference", None]
    assert batch.parts["mask_iou"][1] == 1.0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param({"images": [image(), None]}, "images: none is given", id="no image"),
        pytest.param({"images": [image(), "gone.png"]}, "cannot open gone.png", id="an image that cannot be read"),
        pytest.param({"masks": [FILLED, None]}, "masks: none is given", id="no mask"),
        pytest.param({"masks": [FILLED, FILLED & False]}, "the reference mask has nothing on", id="an empty mask"),
        pytest.param(
            {"masks": [FILLED, FILLED[:-1]]}, "the reference mask is 19x40, the image's mask 20x40", id="sizes"
        ),
        pytest.param({"masks": [FILLED, np.full((2, 2), np.nan)]}, "masks: ", id="a mask of NaN"),
        pytest.param({"masks": [FILLED, np.ones((2, 2, 2), bool)]}, "masks: ", id="three dimensions"),
    ],
)
def test_a_row_that_cannot_be_drawn_is_named_and_costs_no_other(given: dict[str, Any], reason: str) -> None:
    given = {"masks": [FILLED] * 2, **given}
    with pytest.raises(otr.BadReferenceError) as caught:
        score_image(respond(prompt(), prompt()), **given)
    assert caught.value.rows == (1,)
    assert reason in caught.value.reasons[0]
    batch = score_image(respond(prompt(), prompt()), **given, on_bad_reference="skip")
    assert batch.accuracy[0] == 4.0
    assert batch.failure == [None, "bad_reference"]
    assert np.isnan(batch.total[1])


@pytest.mark.parametrize(
    ("clip", "masks", "reason"),
    [
        pytest.param([image()], [FILLED], "images: expected a Clip, got list", id="no clip"),
        pytest.param(otr.Clip([image()], 1.0), [FILLED] * 2, "one for each of the clip's 1 frames", id="too many"),
        pytest.param(otr.Clip([image()] * 2, 1.0), {"size": [2, 2]}, "masks: expected a list", id="one mask"),
        pytest.param(otr.Clip([image()], 1.0), otr.Clip([FILLED], 1.0), "masks: expected a list", id="a clip of masks"),
        pytest.param(otr.Clip([image()], 1.0), {"mask.png"}, "masks: expected a list", id="masks without an order"),
        pytest.param(otr.Clip([image()], 1.0), 5, "masks: expected a list", id="a number"),
        pytest.param(otr.Clip([image()], 1.0), [None], "own time, frame 0, has nothing on", id="no mask at its time"),
        pytest.param(otr.Clip([image()], 1.0), [HALF & False], "frame 0, has nothing on", id="empty at its time"),
        pytest.param(otr.Clip([image()], 1.0), [np.ones(3, bool)], "masks: ", id="a line"),
    ],
)
def test_a_video_that_cannot_be_drawn(clip: Any, masks: Any, reason: str) -> None:
    with pytest.raises(otr.BadReferenceError) as caught:
        score_video([0.0], masks, clip=clip)
    assert reason in caught.value.reasons[0]


@pytest.mark.parametrize(("reference", "is_there"), [(1.5, True), (2.0, True), (2.01, False), (1e308, False)])
def test_a_reference_after_the_end_tells_a_wrong_rate(reference: float, is_there: bool) -> None:
    """Three frames at two a second end after a second and a half; half a second more may be rounding."""
    if is_there:
        assert score_video([reference], [HALF, HALF, FILLED], reference=reference, fps=2.0).accuracy.tolist() == [5.0]
        return
    with pytest.raises(otr.BadReferenceError, match=r"the reference's time, .* s, is after the end of the clip, 1.5 s"):
        score_video([0.0], [HALF, HALF, FILLED], reference=reference, fps=2.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"segmenter": None}, "with a Scorer that has a segmenter", id="no segmenter"),
        pytest.param({"images": None}, "images: this recipe draws masks and needs one entry a row", id="no images"),
        pytest.param({"masks": None}, "masks: this recipe draws masks and needs one entry a row", id="no masks"),
        pytest.param({"masks": [FILLED] * 2}, "masks has 2 rows, responses has 1", id="another length"),
    ],
)
def test_what_is_missing_for_every_row_is_an_argument(given: dict[str, Any], message: str) -> None:
    with pytest.raises(otr.ArgumentError, match=message):
        score_image(respond(prompt()), **{"masks": [FILLED], **given})


def test_a_segmenter_that_breaks_its_contract() -> None:
    with pytest.raises(otr.ArgumentError, match="the segmenter returned 0 masks for 1 prompts"):
        score_image(respond(prompt()), [FILLED], segmenter=lambda *_: [])


def test_a_bad_image_without_a_row_is_not_hidden() -> None:
    def refuses(*_: Any) -> list[Any]:
        raise otr.BadImageError([], ["the camera is off"])

    with pytest.raises(otr.BadImageError, match="the camera is off"):
        score_image(respond(prompt()), [FILLED], segmenter=refuses)


def test_every_image_may_be_bad() -> None:
    batch = score_image(respond(prompt()), [FILLED], images=["gone.png"], on_bad_reference="skip")
    assert batch.failure == ["bad_reference"]


def test_the_release_has_no_masks() -> None:
    with pytest.raises(otr.ArgumentError, match="recipe: release reads texts"):
        otr.with_masks("release")


@pytest.mark.parametrize("task", ["image_segmentation", "video_segmentation"])
def test_a_formula_of_the_recipe_would_not_draw(task: str) -> None:
    recipe = otr.Recipe(name="mine", formulas={task: lambda *_: otr.Scores(np.zeros(0))})
    with pytest.raises(otr.ArgumentError, match=f"the formula of mine for {task} would be used, and draws no mask"):
        otr.with_masks(recipe)
    other = otr.Recipe(formulas={"ocr": lambda *_: otr.Scores(np.zeros(0))})
    assert set(otr.with_masks(other).formulas) == {"ocr"}


@pytest.mark.parametrize("task", ["image_segmentation", "video_segmentation"])
def test_a_task_of_the_recipe_would_be_replaced(task: str) -> None:
    recipe = otr.Recipe(name="mine", tasks={task: replace(otr.TASKS[task], instruction="Draw.")})
    with pytest.raises(otr.ArgumentError, match=f"recipe: mine has a task {task} of its own, which would be replaced"):
        otr.with_masks(recipe)
    same = otr.Recipe(tasks={task: otr.TASKS[task]})
    assert otr.with_masks(same).tasks == otr.with_masks().tasks
    assert otr.with_masks(otr.with_masks(), points=False).tasks == otr.with_masks(points=False).tasks


def test_a_recipe_of_masks_goes_to_another_process() -> None:
    recipe = pickle.loads(pickle.dumps(otr.with_masks(otr.Recipe(name="mine", rules="lenient"))))
    assert recipe.name == "mine+masks"
    assert recipe.tasks["video_segmentation"].maximum == 5.0


# Laws.
sides = st.tuples(st.integers(0, WIDTH), st.integers(0, HEIGHT))
frames = st.lists(sides, min_size=2, max_size=8)


# Within the video, after its end, and far from anything.
TIMES = st.floats(0, 10) | st.floats(0, 1e300) | st.sampled_from([0.0, 1e308, 5e-324])


def _masks(sizes: list[tuple[int, int]]) -> list[Any]:
    # The first frame, the reference's own, always shows something.
    return [rectangle(0, 0, max(width, not row), max(height, not row)) for row, (width, height) in enumerate(sizes)]


@given(data=st.data(), sizes=frames, fps=st.sampled_from([0.5, 1.0, 3.0]), points=st.booleans())
def test_the_references_own_time_is_the_best_for_any_answer(data: Any, sizes: Any, fps: float, points: bool) -> None:
    """However well or badly the model draws which frame, and whatever these show."""
    count = len(sizes)
    drawn = dict(enumerate(_masks(data.draw(st.lists(sides, min_size=count, max_size=count)))))
    reference = data.draw(st.floats(0, count / fps))
    masks = _masks(sizes)
    masks[otr.Clip(masks, fps).frame_index(reference)] = FILLED
    times = [reference, *data.draw(st.lists(TIMES, min_size=1, max_size=5))]
    batch = score_video(
        times, masks, reference=reference, fps=fps, segmenter=Draws(drawn), clip=otr.Clip([*drawn], fps), points=points
    )
    assert max(batch.total) == batch.total[0]
    assert batch.failure == [None] * len(times)


@given(sizes=frames, time=TIMES, fps=st.sampled_from([0.5, 1.0, 3.0]), points=st.booleans())
def test_an_easy_keyframe_gains_nothing(sizes: Any, time: float, fps: float, points: bool) -> None:
    # The ideal segmenter draws every frame without a fault: all that is left to gain is the choice of the frame.
    batch = score_video([0.0, time], _masks(sizes), fps=fps, points=points)
    honest, elsewhere = batch.total.tolist()
    assert elsewhere <= honest
    assert honest == pytest.approx(1.0 + (5.0 if points else 3.0))
    assert batch.parts["mask_iou"][1] <= batch.parts["time_proximity"][1]


@given(sizes=frames, time=st.floats(0, 10))
def test_a_frame_without_the_object_earns_no_mask(sizes: Any, time: float) -> None:
    masks = _masks(sizes)
    masks[1] = masks[1] & False
    drawn = score_video([time], masks, segmenter=lambda images, *_: [mask | True for mask in images])
    if otr.Clip(masks, 1.0).frame_index(time) == 1:
        assert drawn.parts["mask_iou"][0] == 0.0
    assert 0.0 <= drawn.parts["mask_iou"][0] <= 1.0


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        pytest.param({"time": -1.0}, "out_of_range", id="a time before the start"),
        pytest.param({"time": -1e308}, "out_of_range", id="a time long before the start"),
        pytest.param({"time": True}, "wrong_type", id="no time"),
        pytest.param({"box": (100, 100, 100, 400)}, "bad_order", id="a box without width"),
        pytest.param({"box": (300, 400, 100, 100)}, "bad_order", id="a box from its end"),
        pytest.param({"box": (2000, 2000, 3000, 3000)}, "bad_order", id="a box beyond the image"),
        pytest.param({"box": (-1e308, -1e308, 1e308, 1e308)}, None, id="a box beyond all sides"),
    ],
)
def test_a_hostile_answer_earns_no_more_than_an_honest_one(answer: dict[str, Any], failure: str | None) -> None:
    with otr.Scorer(recipe=otr.with_masks(), segmenter=FillsBoxes()) as scorer:
        batch = scorer.score(
            respond(prompt(**{"time": 0.0, **answer}), prompt(time=0.0)), [prompt(time=0.0)] * 2, "video_segmentation",
            images=[otr.Clip([image()], 1.0)] * 2, masks=[[FILLED]] * 2,
        )  # fmt: skip
    assert batch.failure == [failure, None]
    assert batch.total[0] < batch.total[1] == 6.0
    assert 0.0 <= batch.parts["mask_iou"][0] < 0.1


@given(
    box=st.tuples(*[st.integers(0, 1000)] * 4).map(
        lambda b: (min(b[0], b[2]), min(b[1], b[3]), *map(max, zip(b[:2], b[2:], strict=True)))
    )
)
def test_no_answer_earns_more_than_the_reference(box: tuple[int, ...]) -> None:
    if box[0] == box[2] or box[1] == box[3]:
        return
    batch = score_image(respond(prompt(box), prompt()), [FILLED] * 2)
    assert batch.total[0] <= batch.total[1] == 5.0
    assert not np.isnan(batch.total).any()
