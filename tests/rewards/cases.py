"""A reference and a perfect answer for every task, and how to wrap an answer."""

from __future__ import annotations

REFERENCES = {
    "multiple_choice": "B",
    "numerical": "3.14",
    "regression": "42.7",
    "math": "$\\frac{1}{2}$",
    "ocr": "Platform 9 to the coast",
    "open_ended": "A cyclist waits at the crossing.",
    "temporal_grounding": '{"time": [10.0, 20.0]}',
    "spatial_grounding": '{"boxes": [100, 100, 300, 400]}',
    "spatio_temporal_grounding": '{"time": [1.0, 4.0], "boxes": {"1": [100, 100, 300, 400], '
    '"2": [110, 100, 310, 400], "3": [120, 100, 320, 400], "4": [130, 100, 330, 400]}}',
    "tracking": '{"boxes": {"1": [100, 100, 300, 400], "2": [110, 100, 310, 400]}}',
    "image_segmentation": '{"boxes": [100, 100, 300, 400], "positive_points": [[150, 150], [200, 200], [250, 300]], '
    '"negative_points": [[50, 50], [400, 200], [200, 500]]}',
    "video_segmentation": '{"time": 4.0, "boxes": [100, 100, 300, 400], '
    '"positive_points": [[150, 150], [200, 200], [250, 300]], '
    '"negative_points": [[50, 50], [400, 200], [200, 500]]}',
    "detection": '{"objects": [{"box": [100, 100, 300, 400], "label": "cat"}, {"box": [500, 500, 600, 700], '
    '"label": "dog"}]}',
    "pointing": '{"points": [[150, 150], [600, 700]]}',
    "gui_click": '{"box": [100, 100, 300, 140]}',
    "rotated_box": '{"corners": [[300, 200], [500, 300], [400, 500], [200, 400]]}',
    "temporal_segments": '{"times": [[1.0, 4.0], [8.5, 9.0]]}',
    "point_tracking": '{"points": {"1": [405, 230], "2": [411, 236], "3": null}}',
    "image_quality": '{"score": 3.4, "scale": [1, 5]}',
    "ordering": '{"order": ["B", "A", "D", "C"]}',
}
# Where an answer is not written as its reference is.
ANSWERS = REFERENCES | {"gui_click": '{"point": [200, 120]}', "image_quality": "3.4"}


def answer_to(reference: str) -> str:
    """Return a perfect answer to one of the references, or to any that is written as its answer is."""
    return {REFERENCES[task]: ANSWERS[task] for task in REFERENCES}.get(reference, reference)


def wrap(answer: str, think: str = "I look at it.") -> str:
    """Return a response in the format."""
    return f"<think>{think}</think>\n<answer>{answer}</answer>"
