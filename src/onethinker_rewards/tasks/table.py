"""All tasks, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from onethinker_rewards.tasks.image_segmentation import IMAGE_SEGMENTATION
from onethinker_rewards.tasks.math import MATH
from onethinker_rewards.tasks.multiple_choice import MULTIPLE_CHOICE
from onethinker_rewards.tasks.numerical import NUMERICAL
from onethinker_rewards.tasks.ocr import OCR
from onethinker_rewards.tasks.open_ended import OPEN_ENDED
from onethinker_rewards.tasks.regression import REGRESSION
from onethinker_rewards.tasks.spatial_grounding import SPATIAL_GROUNDING
from onethinker_rewards.tasks.spatio_temporal_grounding import SPATIO_TEMPORAL_GROUNDING
from onethinker_rewards.tasks.spec import TaskSpec
from onethinker_rewards.tasks.temporal_grounding import TEMPORAL_GROUNDING
from onethinker_rewards.tasks.tracking import TRACKING
from onethinker_rewards.tasks.video_segmentation import VIDEO_SEGMENTATION

__all__ = ["TASKS"]

TASKS: Mapping[str, TaskSpec] = MappingProxyType(
    {
        task.name: task
        for task in (
            MULTIPLE_CHOICE,
            NUMERICAL,
            REGRESSION,
            MATH,
            OCR,
            OPEN_ENDED,
            TEMPORAL_GROUNDING,
            SPATIAL_GROUNDING,
            SPATIO_TEMPORAL_GROUNDING,
            TRACKING,
            IMAGE_SEGMENTATION,
            VIDEO_SEGMENTATION,
        )
    }
)
