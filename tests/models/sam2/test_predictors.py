"""The segmenter equals the packages' own predictors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from onethinker_rewards.models.sam2.segmenter import Sam2Segmenter
from tests.models.sam2 import scenes, tiny

pytestmark = pytest.mark.peer

# The predictor resizes frames in whole numbers, we do not.
_IOU = 0.99


@pytest.fixture(scope="module")
def predictor() -> Any:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

    return tiny.meta(tiny.hugging_face(4), SAM2VideoPredictor)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("frames")
    for number in range(5):
        Image.fromarray(scenes.image(number / 4)).save(made / f"{number:05d}.jpg", quality=75)
    return made


def _prompted(predictor: Any, state: Any, frame: int, group: scenes.Group, row: int) -> Any:
    """Box first, then points, as the released code prompts its predictor; return the logits."""
    height, width = group.images[row].shape[:2]

    def pixels(thousandths: np.ndarray) -> np.ndarray:
        return np.round(thousandths.reshape(-1, 2) * (width, height) / 1000).clip(0, (width, height))

    points = np.concatenate([group.positive_points[row], group.negative_points[row]])
    labels = [1] * len(group.positive_points[row]) + [0] * len(group.negative_points[row])
    predictor.add_new_points_or_box(state, frame, row, box=pixels(group.boxes[row]).reshape(4).astype(np.float32))
    return predictor.add_new_points_or_box(
        state,
        frame,
        row,
        points=pixels(points).astype(np.float32),
        labels=np.array(labels, dtype=np.int32),
        clear_old_points=False,
    )[2]


def test_a_mask_is_the_video_predictors(predictor: Any, folder: Path) -> None:
    group = scenes.group(5)
    ours = Sam2Segmenter.from_sam2(predictor, resampling="bicubic", jpeg_quality=75)(*group)
    for row, mask in enumerate(ours):
        state = predictor.init_state(str(folder))
        theirs = (_prompted(predictor, state, 0, group, row)[0, 0] > 0).numpy()
        assert scenes.overlap(mask, theirs) >= _IOU


def test_a_jpeg_made_here_is_the_file(predictor: Any, folder: Path) -> None:
    group = scenes.group(3)
    made = Sam2Segmenter.from_sam2(predictor, jpeg_quality=75)(*group)
    files = [folder / "00000.jpg"] * 3
    read = Sam2Segmenter.from_sam2(predictor)(files, group.boxes, group.positive_points, group.negative_points)
    assert all(map(np.array_equal, made, read))


@pytest.mark.parametrize("keyframe", [0, 2, 4])
def test_a_video_is_the_video_predictors(predictor: Any, folder: Path, keyframe: int) -> None:
    """Forward first, then backward, in one state."""
    group = scenes.group(1)
    state = predictor.init_state(str(folder))
    _prompted(predictor, state, keyframe, group, 0)
    theirs = np.zeros((5, *group.images[0].shape[:2]), dtype=np.bool_)
    for reverse in (False, True):
        for frame, _, logits in predictor.propagate_in_video(state, start_frame_idx=keyframe, reverse=reverse):
            theirs[frame] = (logits[0, 0] > 0).numpy()
    frames = sorted(folder.iterdir())
    ours = Sam2Segmenter.from_sam2(predictor, resampling="bicubic").propagate(frames, [keyframe], *list(group)[1:])
    assert scenes.overlap(ours[0], theirs) >= _IOU


def test_one_pass_is_what_transformers_does() -> None:
    """With box and points at once, in one pass, as its processor prompts; two passes give other masks."""
    model = tiny.hugging_face(4, video=False)
    group = scenes.group(4)
    segmenter = Sam2Segmenter.from_transformers(model)
    with torch.no_grad():
        pixels = segmenter._encoder.preprocessing(group.images[0], tiny.SIDE, torch.device("cpu"))
        width, height = 80, 60
        scale = torch.tensor([width, height]) / 1000
        frame = tiny.SIDE / torch.tensor([width, height])
        points = torch.tensor(np.concatenate([group.positive_points, group.negative_points], axis=1))
        output = model(
            pixel_values=pixels[None],
            input_points=((points * scale).round() * frame).float()[None],
            input_labels=torch.tensor([[1, 1, 1, 0, 0, 0]] * 4)[None],
            input_boxes=((torch.tensor(group.boxes).reshape(4, 2, 2) * scale).round() * frame).float().reshape(1, 4, 4),
            multimask_output=False,
        )
    backend = segmenter._decoder.backend
    from onethinker_rewards.models.prompts import read_prompts
    from onethinker_rewards.models.sam2.decoder import as_prompts

    read, prompts = read_prompts(*group)
    given = as_prompts(prompts, read, tiny.SIDE, segmenter._decoder.device)
    with torch.no_grad():
        embedding = backend.encode(pixels[None])
        ours = backend.decode(tuple(level.expand(4, -1, -1, -1) for level in embedding), given, None)
    torch.testing.assert_close(ours.logits, output.pred_masks[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(ours.iou_scores, output.iou_scores[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.object_logits, output.object_score_logits[0], rtol=1e-4, atol=1e-4)
