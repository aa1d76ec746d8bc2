"""Prompts in pixels: rounding, clipping, labels."""

from __future__ import annotations

from onethinker_rewards.models.prompts import read_prompts
from tests.models.sam2 import scenes


def test_prompts_are_in_pixels_of_width_and_height_then_in_the_models_frame() -> None:
    group = scenes.group(1)
    group.boxes[0] = (100, 200, 900, 1000)
    group.positive_points[0] = [(500, 500), (0, 0), (1, 9)]
    group.negative_points[0] = [(1000, 0), (-5, 1005), (6, 8)]
    (pixels,), (prompt,) = read_prompts(*group)
    assert prompt.points.tolist() == [[8, 12], [72, 60], [40, 30], [0, 0], [0, 1], [80, 0], [0, 60], [0, 0]]
    assert prompt.labels.tolist() == [2, 3, 1, 1, 1, 0, 0, 0]
    assert prompt.in_frame(pixels, 1024)[:3].tolist() == [[102.4, 204.8], [921.6, 1024], [512, 512]]


def test_any_finite_coordinate_is_clipped_to_the_image() -> None:
    group = scenes.group(1)
    group.boxes[0] = (-1e308, -5e-324, 1e308, 1e308)
    _, (prompt,) = read_prompts(*group)
    assert prompt.points[:2].tolist() == [[0, 0], [80, 60]]


def test_halves_are_rounded_to_even_pixels() -> None:
    """As by Python's ``round``, which the release calls: 6.25 and 18.75 thousandths of 80 are .5 and 1.5 pixels."""
    group = scenes.group(1)
    group.boxes[0] = (6.25, 0, 18.75, 0)
    _, (prompt,) = read_prompts(*group)
    assert prompt.points[:2, 0].tolist() == [0, 2]
