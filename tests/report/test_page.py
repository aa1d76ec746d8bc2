"""The page: what it says, what hostile text can do in it, how large it is, and that rows stream."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.report import Report, render
from tests.report.scored_rows import examples, illustrated, photo, scored

NASTY = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!--<script>",
    "]]><svg onload=alert(1)>",
    "\u202egnp.exe\u2066\u200b",
    "a\x00b\x1b[31m",
    "\ud800 lone",
    "{{ 7 * 7 }} {% raw %}",
    "'\" onmouseover=alert(1) '",
    "&lt;b&gt; &amp;",
    "\u2028\u2029",
    "javascript:alert(1)",
]


class Tags(HTMLParser):
    """Collects the tags of a page, and the text of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is not None:
            self.scripts[-1] += data


def made(rows: Any, **options: Any) -> tuple[str, Report]:
    file = io.StringIO()
    report = render(rows, file, **options)
    return file.getvalue(), report


def cards(html: str) -> list[dict[str, Any]]:
    return [
        json.loads(text) for text in re.findall(r'<script type="application/json" class="row">(.*?)</script>', html)
    ]


def hostile(text: str) -> dict[str, Any]:
    response = f"<think>{text}</think><answer>{text}</answer>"
    return {
        "response": response, "reference": text, "task": "open_ended", "question": text, "options": [text],
        "total": 0.0, "accuracy": 0.0, "image": text, "note": text, "failure": None, f"part/{text}": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_hostile_text_is_only_text(text: str) -> None:
    rows = [hostile(text), hostile(text) | {"task": text}, {"row": 3, "error": text}]
    html, report = made(rows, against=rows, names=(text, text))
    assert (report.totals.rows, report.totals.invalid) == (1, 2)
    page = Tags(html)
    # Without a less-than sign no text can end the element that holds it.
    assert "<" not in re.findall(r'class="row">(.*)</script>', html)[0]
    kinds = [attributes.get("type") for tag, attributes in page.tags if tag == "script"]
    assert kinds == ["application/json", None]
    allowed = {"img", "script", "svg", "a", "style", "meta"}
    for tags in (page, Tags(cards(html)[0]["html"])):
        for tag, attributes in tags.tags:
            assert not any(name.startswith("on") or name == "style" for name in attributes)
            assert tag not in allowed or attributes.get("src") is attributes.get("xlink:href") is None
            assert (attributes.get("href") or "#")[0] == "#"
            assert tag not in ("iframe", "object", "embed", "base", "form", "link")
    assert not re.search("[\x00\u202e\u2066\u200b\ud800]", html)


def test_the_policy_allows_the_page_s_own_script_alone() -> None:
    html, _ = made([hostile("x")])
    page = Tags(html)
    (policy,) = [
        attributes["content"]
        for tag, attributes in page.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    style, script = page.scripts[0], page.scripts[-1]
    for kind, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_every_task_is_drawn(tmp_path: Path) -> None:
    rows = illustrated(tmp_path)
    html, report = made(rows, media_root=tmp_path)
    shown = {card["number"]: card["html"] for card in cards(html)}
    assert report.shown == len(shown) == len(rows)
    # One image, ten frames in two sizes, and two masks for each of four rows.
    assert report.pictures == html.count('<script type="text/plain" id="picture-')
    wanted = {
        "spatial_grounding": "<rect", "detection": "dog &amp; co", "pointing": "<circle", "gui_click": 'class="click"',
        "rotated_box": "<polygon", "image_segmentation": 'class="mask"', "video_segmentation": 'class="negative"',
        "tracking": "box IoU by second", "point_tracking": 'class="strip"', "temporal_grounding": "time in the clip",
        "temporal_segments": "6 to 8.5 s", "spatio_temporal_grounding": "box IoU by second",
        "multiple_choice": 'class="options"',
    }  # fmt: skip
    for index, row in enumerate(rows, 1):
        task = row["task"]
        assert task not in wanted or wanted[task] in shown[index] or row["failure"] is not None
        assert "data-picture" in shown[index]


def test_a_fault_is_marked() -> None:
    response = '<think>a</think><answer>{"time": [1, "8"]}</answer>'
    (row,) = scored([{"task": "temporal_grounding", "reference": '{"time": [1, 8]}', "response": response}])
    (card,) = cards(made([row])[0])
    assert '<mark title="the fault is here">&#34;</mark>8&#34;]}' in card["html"]
    assert "time.1: found" in card["html"]
    # By another recipe the file has no such fault.
    (other,) = cards(made([row | {"failure": None, "format_fault": None}])[0])
    assert "<mark" not in other["html"]


def test_what_cannot_be_drawn_is_a_note(tmp_path: Path) -> None:
    box = '<think>a</think><answer>{"boxes": [1, 2, 3, 4]}</answer>'
    row = {"task": "spatial_grounding", "total": 1.0, "response": box, "reference": '{"boxes": [1, 2, 3, 4]}'}
    track = {
        "task": "tracking",
        "total": 1.0,
        "response": "",
        "reference": {"boxes": {str(s): [1, 2, 3, 4] for s in range(20)}},
    }
    rows = [
        row | {"image": "gone.jpg"},
        row | {"mask": {"size": 3}},
        row | {"reference": "nothing"},
        row | {"references": ['{"boxes": [1, 2, 3, 4]}', '{"boxes": [1, 2, 3, 5]}']},
        row | {"reference": None},
        row | {"reference": [b"x"]},
        track | {"video": "gone.mp4"},
        track,
        row | {"masks": [None, {"size": 3}], "image": "a.jpg", "images": ["a.jpg", "b.jpg"], "size": [300, 100]},
    ]
    photo(tmp_path / "a.jpg", 100, 80)
    shown = [card["html"] for card in cards(made(rows, media_root=tmp_path)[0])]
    notes = [re.findall("<dt>note</dt><dd>(.*?)</dd>", html) for html in shown]
    assert "no picture" in notes[0][0]
    assert "no mask of the reference" in notes[1][0]
    assert "the reference cannot be read" in notes[2][0]
    assert notes[3] == ["the first of 2 references is drawn"]
    assert notes[4] == notes[7] == []
    assert "the reference is not drawn" in notes[5][0]
    assert len(notes[6]) == 1
    assert "no frame" in notes[6][0]
    assert shown[7].count('<figure class="picture">') == 8
    assert notes[8][0] == "the first of 2 pictures"


def test_a_dialect_in_pixels_needs_sizes() -> None:
    row = {
        "task": "spatial_grounding", "total": 1.0, "reference": '{"boxes": [500, 500, 1000, 1000]}',
        "response": '<think>a</think><answer>[{"bbox_2d": [50, 40, 100, 80], "label": "a"}]</answer>',
    }  # fmt: skip
    sized, bare = (card["html"] for card in cards(made([row | {"size": [100, 80]}, row], dialect="qwen2.5-vl")[0]))
    assert sized.count('<rect x="192.0"') == 2
    assert 'viewBox="0 0 384 307"' in sized
    assert "the answer is not drawn" in bare


def test_two_files() -> None:
    rows = scored(examples())
    others = [row | {"total": (row["total"] or 0.0) + 0.25} for row in rows[:-1]]
    others[0] = others[0] | {"reference": "C"}
    others.append({"task": "ocr", "response": "", "reference": "a", "total": 1.0})
    html, report = made(rows, against=others, names=("a.jsonl", "b.jsonl"))
    assert report.against is not None
    assert report.against.rows == len(rows)
    shown = cards(html)
    assert "b.jsonl" not in shown[0]["html"]
    assert "b.jsonl" in shown[1]["html"]
    assert "-0.250" in html
    assert 'class="outline"' in html
    unmeasured = made([rows[0] | {"total": None}], against=[rows[0] | {"task": "ocr"}])[0]
    assert "no total" in cards(unmeasured)[0]["html"]


def test_curves_where_rows_have_steps() -> None:
    rows = [{"task": "ocr", "response": "", "reference": "a", "total": step / 4, "step": step} for step in range(5)]
    html, _ = made(rows, against=rows)
    assert 'points="0.00,100.00 25.00,75.00 50.00,50.00 75.00,25.00 100.00,0.00"' in html
    assert 'class="curve c0 dashed"' in html
    assert "Curves" not in made([row | {"step": None} for row in rows])[0]


def test_200_rows_with_pictures_are_under_6_mb(tmp_path: Path) -> None:
    base = scored(examples())
    for index in range(200):
        photo(tmp_path / f"{index}.jpg", 512, 384, index)
    thought = "<think>" + "A long thought about it. " * 600
    rows = [base[index % len(base)] | {"image": f"{index}.jpg"} for index in range(200)]
    rows = [row | {"response": row["response"].replace("<think>", thought)} for row in rows]
    out = tmp_path / "report.html"
    report = render(rows, out, media_root=tmp_path)
    assert (report.shown, report.pictures) == (200, 200)
    assert 1_000_000 < out.stat().st_size < 6_000_000


def test_rows_stream(tmp_path: Path) -> None:
    def rows(count: int) -> Iterator[dict[str, Any]]:
        draw = np.random.default_rng(0)
        for number in range(count):
            response = f"<think>{number:0>10000}</think><answer>a</answer>"
            yield {"task": "ocr", "response": response, "reference": "a", "total": float(draw.random()), "step": number}

    def peak(count: int) -> int:
        tracemalloc.start()
        made(rows(count), limit=20)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)
    # 4,000 rows hold 40 MB of text.
    assert peak(4_000) < peak(500) + 2_000_000


def test_a_file_of_json_lines(tmp_path: Path) -> None:
    path, photo_path = tmp_path / "scored.jsonl", photo(tmp_path / "a.jpg", 64, 48)
    row = scored(examples()[:1])[0] | {"image": photo_path.name}
    path.write_text("\n" + json.dumps(row) + "\n")
    report = render(path, tmp_path / "report.html")
    assert (report.shown, report.pictures) == (1, 1)
    assert '"number":2' in (tmp_path / "report.html").read_text()
    for text, said in (("{", "line 1: not JSON"), ("[1]", "line 1: not a JSON object"), ("[" * 100_000, "not JSON")):
        path.write_text(text)
        with pytest.raises(otr.ArgumentError, match=said):
            render(path, tmp_path / "report.html")


def test_no_rows_and_no_limit() -> None:
    html, report = made([])
    assert report.shown == 0
    assert "0 rows" in html
    with pytest.raises(otr.ArgumentError, match="limit must be at least 1"):
        made([], limit=0)
