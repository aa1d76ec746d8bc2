"""What rows share of images and masks; what drawing adds up to is tested with the rewards."""

from __future__ import annotations

import numpy as np

from onethinker_rewards.tasks.drawing import ViewReader


def test_an_id_that_comes_again_is_another_object() -> None:
    """A row of an array is gone once it is read."""
    stack = np.arange(50)[:, None, None] < np.arange(1, 51)
    reader = ViewReader()
    for row in range(50):
        assert reader.of_image("image", stack[row]).mask.sum() == 50 - row
