"""Box IoU of other packages, which ``make .venv/.peers`` installs apart from the rest.

They are for processes of their own: once imported, other packages would take them for installed. Run as a module this
holds their numbers against ours.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from onethinker_rewards.metrics import pairwise_box_iou

PEERS = Path(sys.prefix) / "peers"

_declared: list[Any] = []


def installed() -> bool:
    return (PEERS / "torchmetrics").exists()


@contextmanager
def importable() -> Iterator[None]:
    sys.path.append(str(PEERS))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what else these packages miss here, which their IoU does not need
            yield
    finally:
        sys.path.remove(str(PEERS))


def pairwise() -> dict[str, Callable[[Any, Any], Any]]:
    """Return each package's function by its name; pycocotools takes x, y, width, height."""
    with importable():
        declare_torchvision_operators()
        from pycocotools import mask
        from supervision.detection.utils.iou_and_nms import box_iou_batch
        from torchmetrics.functional.detection import intersection_over_union
        from torchvision.ops import box_iou

    def coco(predicted: Any, reference: Any) -> Any:
        return mask.iou(predicted, reference, [0] * len(reference))

    def torchmetrics(predicted: Any, reference: Any) -> Any:
        return intersection_over_union(predicted, reference, aggregate=False)

    return {"pycocotools": coco, "supervision": box_iou_batch, "torchmetrics": torchmetrics, "torchvision": box_iou}


def declare_torchvision_operators() -> None:
    """Make torchvision importable beside a torch for another device than its compiled operators are for.

    Its import names two of them. Its box IoU is plain torch and uses none.
    """
    import torch

    try:
        import_module("torchvision")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)  # what it declares is gone when it is


def corners_to_sizes(boxes: Any) -> Any:
    """Return x, y, width, height of x1, y1, x2, y2."""
    sizes = boxes.copy()
    sizes[:, 2:] -= sizes[:, :2]
    return sizes


def main() -> None:
    import torch

    corners = np.random.default_rng(0).uniform(0, 1000, (2, 200, 2, 2))
    predicted, reference = np.sort(corners, axis=2).reshape(2, 200, 4)
    peers = pairwise()
    theirs = {
        "pycocotools": peers["pycocotools"](corners_to_sizes(predicted), corners_to_sizes(reference)),
        "supervision": peers["supervision"](predicted, reference),
        **{name: peers[name](*map(torch.asarray, (predicted, reference))) for name in ("torchmetrics", "torchvision")},
    }
    for name, scores in theirs.items():
        tolerance = 1e-6 if name == "supervision" else 1e-12  # it answers in single precision
        np.testing.assert_allclose(scores, pairwise_box_iou(predicted, reference), rtol=tolerance, err_msg=name)
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
