"""Some 20 rows of all tasks, as the files of the data set have them, with pictures and videos drawn for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.rewards.cases import ANSWERS, REFERENCES, wrap

# Our names, where the data set has others.
PROBLEM_TYPES = {
    "multiple_choice": "multiple choice",
    "ocr": "OCR",
    "open_ended": "open-ended",
    "temporal_grounding": "temporal grounding",
    "spatial_grounding": "spatial grounding",
    "spatio_temporal_grounding": "spatial-temporal grounding",
    "image_segmentation": "segmentation",
    "video_segmentation": "segmentation",
}
OF_VIDEOS = ("temporal_grounding", "spatio_temporal_grounding", "tracking", "video_segmentation")


def example_row(task: str, **columns: Any) -> dict[str, Any]:
    """Return a row to train on with some columns changed; None takes one out."""
    kind = "video" if task in OF_VIDEOS else "image"
    row = {
        "problem_id": 7,
        "problem": f"<{kind}>\nWhat is asked for {task}?",
        "problem_reserved_text": f"What is asked for {task}?",
        "data_type": kind,
        "problem_type": PROBLEM_TYPES.get(task, task),
        "options": ["A. dog", "B. cat", "C. owl"] if task == "multiple_choice" else [],
        "data_source": f"source_of_{kind}s",
        "answer": f"<answer>{REFERENCES[task]}</answer>",
        "images": ["images/red.png"] if kind == "image" else [],
        "videos": ["videos/moving.mp4"] if kind == "video" else [],
    }
    return {name: value for name, value in (row | columns).items() if value is not None}


def rl_rows() -> list[dict[str, Any]]:
    """Return rows to train and to evaluate on, none of them bad."""
    evaluated = {"problem_id": "e1", "problem": "Who is it?", "solution": "<answer>A</answer>", "answer": None}
    of_path = evaluated | {"images": None, "videos": None, "path": "./videos/moving.mp4"}
    masks = {"frames": [0], "segmentation_rle": [{"size": [2, 2], "counts": "04"}]}
    return [
        *(example_row(task) for task in REFERENCES),
        example_row("open_ended", problem="Describe it.", answer="<answer>A red disk.</answer>"),
        example_row("math", problem="<image> and <image>: how many?", images=["images/red.png", "images/blue.jpg"]),
        example_row("numerical", problem="<image> against the other one", images=["images/red.png"] * 2),
        example_row("math", answer="<answer>80</answer>", data_type="text", images=[], problem="What is 8 times 10?"),
        example_row("multiple_choice", **of_path, data_type="video-image", additional_path="images/blue.jpg"),
        example_row("temporal_grounding", **of_path | {"solution": REFERENCES["temporal_grounding"]}, fps=8),
        example_row(
            "video_segmentation",
            **of_path | {"solution": REFERENCES["video_segmentation"]},
            segmentation_output=masks,
            resolution={"width": 64, "height": 48},
        ),
        example_row(
            "spatial_grounding", **of_path | {"path": "images/red.png", "solution": REFERENCES["spatial_grounding"]}
        ),
    ]


def sft_rows() -> list[dict[str, Any]]:
    """Return rows to fine-tune on, none of them bad."""
    asked = {"role": "user", "content": "<image>\nWhat is it?"}
    return [
        *(example_row(task, response=wrap(answer)) for task, answer in ANSWERS.items()),
        {"messages": [asked, {"role": "assistant", "content": wrap("a disk")}], "images": ["images/red.png"]},
        example_row("ocr", messages=[asked, {"role": "assistant", "content": wrap("STOP") + "<|im_end|>\n"}]),
    ]


def write_array(path: Path, rows: list[dict[str, Any]], indent: int | None = 2) -> Path:
    path.write_text(json.dumps(rows, indent=indent, ensure_ascii=False), encoding="utf-8")
    return path


def draw(folder: Path) -> Path:
    """Draw what the rows show into a folder: two images, a video, and its frames."""
    from PIL import Image, ImageDraw

    for name in ("images", "videos", "frames"):
        (folder / name).mkdir()
    for name, colour in (("red.png", "red"), ("blue.jpg", "blue")):
        image = Image.new("RGB", (64, 48), "white")
        ImageDraw.Draw(image).ellipse((8, 8, 40, 40), fill=colour)
        image.save(folder / "images" / name)
    for number, frame in enumerate(moving(12), start=1):
        frame.save(folder / "frames" / f"{number}.png")
    film(folder / "videos" / "moving.mp4", 12)
    return folder


def film(path: Path, frames: int) -> None:
    """Write a video of a moving disk, 8 frames a second."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for image in moving(frames):
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())


def moving(frames: int) -> Iterator[Any]:
    from PIL import Image, ImageDraw

    for place in range(frames):
        image = Image.new("RGB", (64, 48), "white")
        ImageDraw.Draw(image).ellipse((2 * place, 8, 2 * place + 20, 28), fill="red")
        yield image
