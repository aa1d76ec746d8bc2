"""The picture of the README, as SVG. All its numbers come from one call of `score`."""

from __future__ import annotations

from xml.sax.saxutils import escape

import torch

import onethinker_rewards as otr
from onethinker_rewards.advantage import EmaGrpo

TASK, QUESTION, REFERENCE = "temporal_grounding", "When does the dog jump into the pool?", (3, 13)
# Four responses of one group: nearly right, half right, the end before the start, and without tags.
RESPONSES = (
    ("It jumps at 3 s, lands at 12.", '{"time": [3, 12]}'),
    ("In the air from 3 s to 8 s.", '{"time": [3, 8]}'),
    ("It ends at 3 s.", '{"time": [13, 3]}'),
    (None, "From 3 s to 13 s."),
)

WIDTH, TOP, HEIGHT = 960, 92, 74
LEFT = {"response": 20, "read": 350, "accuracy": 580, "format": 656, "total": 735, "advantage": 824}
HEADINGS = {"response": "four responses", "read": "what was read", "accuracy": "accuracy", "format": "+ format",
            "total": "= total", "advantage": "advantage"}  # fmt: skip
STYLE = """
text { font: 14px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.code { font: 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
.small { font-size: 12.5px } .strong { font-weight: 600 } .soft { fill: #59636e }
.tag { fill: #8250df } .bad { fill: #b4232c } .panel { fill: #ffffff; stroke: #d1d9e0 } .line { stroke: #d1d9e0 }
.reference { fill: #9aa4af } .answer, .plus { fill: #1a7f37 } .minus { fill: #cf222e } .bar { fill: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .soft { fill: #9198a1 } .tag { fill: #bc8cff } .bad { fill: #ff7b72 }
.panel { fill: #151b23; stroke: #3d444d } .line { stroke: #3d444d }
.reference { fill: #6e7681 } .answer, .plus { fill: #3fb950 } .minus { fill: #f85149 } .bar { fill: #4493f8 } }
"""


def response_text(thought: str | None, answer: str) -> str:
    return answer if thought is None else f"<think>{thought}</think><answer>{answer}</answer>"


def text(x: float, y: float, content: str, *classes: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{" ".join(classes)}" text-anchor="{anchor}">{escape(content)}</text>'


def tagged(x: float, y: float, tag: str, content: str) -> str:
    """Return a line of a response, with its tags in their color."""
    opened, closed = escape(f"<{tag}>"), escape(f"</{tag}>")
    return (
        f'<text x="{x:g}" y="{y:g}" class="code"><tspan class="tag">{opened}</tspan>{escape(content)}'
        f'<tspan class="tag">{closed}</tspan></text>'
    )


def bar(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="2" class="{kind}"/>'


def response_cell(y: float, thought: str | None, answer: str) -> list[str]:
    x = LEFT["response"]
    if thought is None:
        return [text(x, y + 32, answer, "code")]
    return [tagged(x, y + 22, "think", thought), tagged(x, y + 44, "answer", answer)]


def read_cell(y: float, response: str, accuracy: float) -> list[str]:
    """Draw the span that was read over the reference on one scale of seconds, or say why nothing was read."""
    x, second = LEFT["read"], 11
    parsed = otr.parse(response, TASK)
    if parsed.failure is not None:
        meaning = {"bad_order": "the end comes before the start", "missing_answer": "no <answer> tag"}[parsed.failure]
        return [text(x, y + 26, parsed.failure, "code", "strong", "bad"), text(x, y + 46, meaning, "small", "soft")]
    start, end = parsed.answer.time
    return [
        bar(x + REFERENCE[0] * second, y + 12, (REFERENCE[1] - REFERENCE[0]) * second, 9, "reference"),
        bar(x + start * second, y + 24, (end - start) * second, 9, "answer"),
        text(x, y + 54, f"{start:g} s to {end:g} s, temporal IoU {accuracy:.2f}", "small", "soft"),
    ]


def advantage_cell(y: float, advantage: float) -> list[str]:
    x, unit = LEFT["advantage"] + 62, 34
    width = abs(advantage) * unit
    return [
        f'<line x1="{x}" y1="{y + 10}" x2="{x}" y2="{y + 36}" class="line"/>',
        bar(x if advantage > 0 else x - width, y + 18, width, 12, "plus" if advantage > 0 else "minus"),
        text(x, y + 54, f"{advantage:+.2f}".replace("-", "−"), anchor="middle"),
    ]


def picture() -> str:
    """Return the picture as SVG: a line for each response, a column for each step."""
    responses = [response_text(*response) for response in RESPONSES]
    reference = {"time": [*REFERENCE]}
    batch = otr.score(responses, [reference] * len(responses), [TASK] * len(responses))
    advantages = EmaGrpo()(torch.as_tensor(batch.total), [0] * len(responses), [TASK] * len(responses)).tolist()

    height = TOP + HEIGHT * len(responses) + 14
    drawn = [
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10" class="panel"/>',
        text(LEFT["response"], 32, QUESTION, "strong"),
        text(LEFT["read"], 32, f"reference: {REFERENCE[0]} s to {REFERENCE[1]} s", "soft"),
        *(text(LEFT[name], 68, heading, "small", "soft") for name, heading in HEADINGS.items()),
    ]
    for index, (response, advantage) in enumerate(zip(responses, advantages, strict=True)):
        y = TOP + index * HEIGHT
        accuracy, well_formed, total = (float(values[index]) for values in (batch.accuracy, batch.format, batch.total))
        drawn += [
            f'<line x1="20" y1="{y}" x2="{WIDTH - 20}" y2="{y}" class="line"/>',
            *response_cell(y, *RESPONSES[index]),
            *read_cell(y, response, accuracy),
            text(LEFT["accuracy"], y + 32, f"{accuracy:.2f}"),
            text(LEFT["format"], y + 32, f"+ {well_formed:.2f}"),
            text(LEFT["total"], y + 32, f"= {total:.2f}", "strong"),
            bar(LEFT["total"], y + 42, 44 * total, 6, "bar"),
            *advantage_cell(y, advantage),
        ]
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    title = "Four responses, what was read of each, its accuracy, format and total, and its advantage in the group"
    body = "\n".join(drawn)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return f"{head}\n<title>{title}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n"
