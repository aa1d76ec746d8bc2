"""Tables and figures of the study, made from its raw results, and the page that they are put into."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.study.analysis import (
    RESULTS,
    Difference,
    Results,
    best_rates,
    holm,
    mean_accuracy,
    read,
    seeds_for,
    tuning_deviation,
)
from benchmarks.study.conditions import CONDITIONS, MAIN, RATES, SEEDS, TUNING_SEEDS, Condition
from benchmarks.study.rl import EVERY
from benchmarks.study.world import TASKS

ROOT = Path(__file__).parents[2]
PAGE = Path("docs") / "advantage" / "which-estimator.md"
IMAGES = Path("docs") / "images"

TITLES = {
    "grpo": "GRPO",
    "dr_grpo": "Dr.GRPO",
    "ema": "EMA-GRPO, first batch",
    "ema_released": "EMA-GRPO as released",
    "ema_within": "EMA-GRPO, within groups",
    "ema_debiased": "EMA-GRPO, debiased",
    "ema_beta_0": "EMA-GRPO, β = 0",
    "task_batch_std": "task batch σ",
    "reinforce_plus_plus": "REINFORCE++ with a baseline",
    "g2rpo": "G²RPO",
    "gdpo": "GDPO",
}
# Pairs that every condition is asked about, where it has both.
PAIRS = (("ema", "dr_grpo"), ("ema", "grpo"), ("ema_debiased", "ema"))
_FIGURE_TASKS = ("multiple_choice", "spatial_grounding", "tracking")
# Colors of middle brightness, which are seen on white and on black.
_COLORS = ("#4c8ed9", "#d9822b", "#3fa66b", "#c25b9c", "#8f8f8f", "#a08030")
_GREY = "#808080"


# A line each: your run, what to use, the evidence, its limits.
_ADVICE = """
several tasks, nothing special known of them | `grpo` or `g2rpo` | Study: GRPO is ahead of EMA-GRPO in all \
{conditions} conditions with several tasks, by {least} to {most}; G²RPO − GRPO {g2rpo} | The paper reports the \
opposite, from one run each at 8 B. The study is small: see [Limits](#limits)
tasks whose rewards have different scales | what divides by a σ of the group or the task: `grpo`, `g2rpo`, `gdpo`, \
`task_batch_std`, `EmaGrpo` | Formula: without it, a task's squared advantages go with the square of its scale. \
Paper: EMA-GRPO over Dr.GRPO. Study, three tasks × 0.1, EMA-GRPO − Dr.GRPO: {scaled}, temporal grounding {temporal} \
| A trade: what Dr.GRPO takes from the scaled tasks goes to the others
easy and hard prompts in one task, a noisy judge, filtered groups | as without them | Study: GRPO − EMA-GRPO has \
the same sign there | One strength of each was tried
EMA-GRPO, for whatever reason | `EmaGrpo()`, which starts without bias | Formula and simulation: [How σ \
starts](sigma.md#how-σ-starts). Study, debiased − first batch: {debiased}; after an empty first step {empty} | No \
gain of accuracy was seen
EMA-GRPO where rewards rise a lot | `EmaGrpo(variance="within_group")` | Formula and simulation: [Where rewards \
move](sigma.md#where-rewards-move) | In the study only with the first batch as a start, where σ stayed too small \
after an empty step
one task | `dr_grpo` or `EmaGrpo`, which are alike | Formula: EMA-GRPO is Dr.GRPO times a number. Study: {one} | \
GRPO was not run on one task
rewards in parts | `gdpo`, or their sum with any other | Study, GDPO − GRPO: {gdpo} | Two parts, of which the \
second, format, is nearly always 1
to repeat the paper | `EmaGrpo.as_released()` | [The release's own numbers](index.md#ema-grpo) |
"""


def learning_rates(study: Results) -> str:
    """Return the metric of each tuned estimator at each learning rate; the best is bold."""
    best = best_rates(study.every)
    tuned = [name for name in MAIN.estimators if any(_tuning(study, name, rate) for rate in RATES)]
    lines = []
    for name in tuned:
        cells = [f"{np.mean(_tuning(study, name, rate)):.3f}" for rate in RATES]
        cells = [f"**{cell}**" if rate == best[name] else cell for rate, cell in zip(RATES, cells, strict=True)]
        lines.append([TITLES[name], *cells])
    return _table(["estimator", *(f"{rate:g}" for rate in RATES)], lines)


def power(study: Results) -> str:
    """Return what the tuning runs say about the number of seeds."""
    lines = []
    for better, than in (("ema", "dr_grpo"), ("ema", "grpo")):
        deviation = tuning_deviation(study.every, better, than)
        needed = [str(seeds_for(effect, deviation)) for effect in (0.005, 0.01, 0.02)]
        least = next(effect for effect in np.arange(0.001, 1.0, 0.001) if seeds_for(effect, deviation) <= len(SEEDS))
        lines.append([_named(better, than), f"{deviation:.4f}", *needed, f"{least:.3f}"])
    return _table(["difference", "σ of it", "seeds for .005", "for .01", "for .02", f"{len(SEEDS)} seeds find"], lines)


def main_differences(study: Results) -> str:
    """Return the differences of the mean of tasks in each condition; p is Holm's over the table."""
    cells: list[tuple[str, str, Difference]] = []
    for condition in CONDITIONS:
        for better, than in PAIRS:
            if not condition.shuffled and better in condition.estimators and than in condition.estimators:
                pair = _named(better, than)
                cells.append((condition.name, pair, study.compare(condition.name, better, than)[0]))
    corrected = holm([difference.p for *_, difference in cells])
    lines = [
        [condition, pair, _bold(difference, p), f"{difference.p:.3f}", f"{p:.3f}", str(difference.pairs)]
        for (condition, pair, difference), p in zip(cells, corrected, strict=True)
    ]
    return _table(["condition", "difference", "mean of tasks", "p", "p, Holm", "seeds"], lines)


def accuracies(study: Results) -> str:
    """Return the metric of each estimator in each condition, with its 95 % interval over seeds."""
    lines = []
    for name, title in TITLES.items():
        cells = []
        for condition in CONDITIONS:
            values = [np.mean(of_tasks) for of_tasks in study.accuracy(condition.name, name).values()]
            cells.append(f"{np.mean(values):.3f}" if values else "")
        lines.append([title, *cells])
    return _table(["estimator", *(condition.name for condition in CONDITIONS)], lines)


def own_scales(study: Results) -> str:
    """Return each estimator − GRPO under the tasks' own scales; p is Holm's over the table."""
    others = [name for name in MAIN.estimators if name != "grpo"]
    found = [study.compare(MAIN.name, name, "grpo")[0] for name in others]
    corrected = holm([difference.p for difference in found])
    lines = [
        [TITLES[name], _bold(difference, p), f"{difference.p:.3f}", f"{p:.3f}"]
        for name, difference, p in zip(others, found, corrected, strict=True)
    ]
    return _table(["estimator", "− GRPO, mean of tasks", "p", "p, Holm"], lines)


def tasks_scaled(study: Results) -> str:
    """Return differences by task where three tasks have a tenth of their reward."""
    return _by_task(study, CONDITIONS[1], (("ema", "dr_grpo"), ("ema", "grpo")))


def tasks_nothing_at_first(study: Results) -> str:
    """Return differences by task where tracking earns nothing in the first step."""
    return _by_task(study, CONDITIONS[2], (("ema", "grpo"), ("ema_debiased", "ema"), ("ema_within", "ema")))


def tasks_own_scales(study: Results) -> str:
    """Return differences by task under the tasks' own scales."""
    return _by_task(study, MAIN, (("ema", "dr_grpo"), ("ema", "grpo")))


def predictions(study: Results) -> str:
    """Return what was predicted, condition by condition, and what the mean of tasks did."""
    lines: list[str] = []
    for condition in CONDITIONS:
        pairs = [pair for pair in PAIRS if set(pair) <= set(condition.estimators)]
        found = [f"{_named(*pair)}: {study.compare(condition.name, *pair)[0]}" for pair in pairs]
        lines.append(f"- **{condition.name}**. {condition.prediction} *Found:* {'; '.join(found)}.")
    return "\n".join(lines)


def what_to_use(study: Results) -> str:
    """Return what to use when, with the evidence for each line and its limits."""
    scaled, empty = CONDITIONS[1].name, CONDITIONS[2].name
    both = [of.name for of in CONDITIONS if {"grpo", "ema"} <= set(of.estimators) and not of.shuffled]
    ahead = [study.compare(name, "grpo", "ema")[0].mean for name in both]
    numbers = {
        "conditions": len(both),
        "least": f"{min(ahead):.3f}",
        "most": f"{max(ahead):.3f}",
        "g2rpo": study.compare(MAIN.name, "g2rpo", "grpo")[0],
        "scaled": study.compare(scaled, "ema", "dr_grpo")[0],
        "temporal": study.compare(scaled, "ema", "dr_grpo")[1][list(TASKS).index("temporal_grounding")],
        "debiased": study.compare(MAIN.name, "ema_debiased", "ema")[0],
        "empty": study.compare(empty, "ema_debiased", "ema")[0],
        "one": study.compare("one task", "ema", "dr_grpo")[0],
        "gdpo": study.compare(MAIN.name, "gdpo", "grpo")[0],
    }
    lines = [[cell.strip().format(**numbers) for cell in line.split("|")] for line in _ADVICE.strip().splitlines()]
    return _table(["your run", "use", "evidence", "limits"], lines)


def sanity(study: Results) -> str:
    """Return the rows that must come out."""
    lines = []
    for name in ("grpo", "ema", "ema_debiased"):
        plain, scaled = (study.accuracy(condition.name, name) for condition in CONDITIONS[:2])
        gaps = [abs(float(np.mean(scaled[seed] - plain[seed]))) for seed in plain.keys() & scaled.keys()]
        lines.append([f"{TITLES[name]}: three tasks × 0.1 − own scales", f"at most {max(gaps):.4f} for a seed"])
    one, _ = study.compare("one task", "ema", "dr_grpo")
    lines.append(["one task: EMA-GRPO − Dr.GRPO", str(one)])
    for name in ("grpo", "ema"):
        rises = _rises(study, "shuffled rewards", name), _rises(study, MAIN.name, name)
        text = [f"{np.mean(rise):+.3f}".replace("-", "−") for rise in rises]
        lines.append([f"{TITLES[name]}: rise of accuracy with shuffled rewards, and without", f"{text[0]}, {text[1]}"])
    return _table(["what", "found"], lines)


def shares(study: Results) -> str:
    """Return each task's share of the squared advantages, and of the squared gradient norms after it."""
    lines = []
    for name in ("grpo", "dr_grpo", "ema", "ema_within", "ema_debiased", "g2rpo"):
        lines.append(
            [f"{TITLES[name]}: advantages", *(f"{share:.2f}" for share in study.mean(MAIN.name, name, "share"))]
        )
        lines.append(
            [f"{TITLES[name]}: gradient", *(f"{share:.2f}" for share in study.mean(MAIN.name, name, "gradient_share"))]
        )
    return _table(["share of", *_plain(TASKS)], lines)


def top_tenth(study: Results) -> str:
    """Return the share of a task's squared advantage that a tenth of its groups holds."""
    lines = [
        [TITLES[name], *(f"{share:.2f}" for share in study.mean(MAIN.name, name, "top_tenth"))]
        for name in ("grpo", "dr_grpo", "ema", "g2rpo")
    ]
    return _table(["estimator", *_plain(TASKS)], lines)


def tracking_shares(study: Results) -> str:
    """Return tracking's share where it earns nothing in the first step, and where it has one prompt of eighteen."""
    empty, rare = CONDITIONS[2], CONDITIONS[3]
    place = list(TASKS).index("tracking")
    lines: list[list[str]] = []
    for name in empty.estimators:
        shares = [study.mean(empty.name, name, key)[place] for key in ("first_share", "share")]
        shares += [study.mean(rare.name, name, "share")[place]] if name in rare.estimators else []
        lines.append([TITLES[name], *(f"{share:.2f}" for share in shares), *([""] * (3 - len(shares)))])
    return _table(["estimator", f"{empty.name}, steps 2 to 11", f"{empty.name}, all", f"{rare.name}, all"], lines)


def draw_weights(study: Results, folder: Path) -> None:
    """Draw the mean squared advantage of a group by its successes."""
    figure, axis = _axes()
    for name, color in zip(("grpo", "dr_grpo", "ema", "g2rpo"), _COLORS, strict=False):
        rows = [[np.nan if value is None else value for value in run["weight"]] for run in study.runs(MAIN.name, name)]
        axis.plot(np.nanmean(rows, axis=0), marker="o", color=color, label=TITLES[name])
    axis.set(xlabel="successes of 8 (multiple choice, numerical)", ylabel="Σ A² of the group")
    _save(figure, axis, folder / "study-weights.svg")


def draw_shares(study: Results, folder: Path) -> None:
    """Draw each task's share of the squared advantages next to its share of the squared gradient norm."""
    figure, axis = _axes()
    names = ("grpo", "dr_grpo", "ema")
    for place, (task, color) in enumerate(zip(_plain(TASKS), _COLORS, strict=True)):
        for row, (name, key) in enumerate((name, key) for name in names for key in ("share", "gradient_share")):
            values = study.mean(MAIN.name, name, key)
            axis.barh(row, values[place], left=sum(values[:place]), color=color, label=task if row == 0 else None)
    kinds = [f"{TITLES[name]}: {kind}" for name in names for kind in ("advantages", "gradient")]
    axis.set(yticks=range(len(kinds)), yticklabels=kinds, xlim=(0, 1), xlabel="share of the sum of squares")
    axis.invert_yaxis()
    _save(figure, axis, folder / "study-shares.svg", columns=3)


def draw_sigma(study: Results, folder: Path) -> None:
    """Draw σ of tracking against its true σ, where it earns nothing in the first step."""
    figure, axis = _axes()
    condition, place = CONDITIONS[2], list(TASKS).index("tracking")
    estimators = ("ema", "ema_within", "ema_debiased")
    for name, color in zip(estimators, _COLORS, strict=False):
        _band(axis, [np.array(run["sigma"])[:, place] for run in study.runs(condition.name, name)], color, TITLES[name])
    true = [np.array(run["true_sigma"])[:, place] for name in estimators for run in study.runs(condition.name, name)]
    _band(axis, true, _GREY, "true σ")
    axis.set(xlabel="step", ylabel="σ of tracking", ylim=(0, None))
    _save(figure, axis, folder / "study-sigma.svg")


def draw_curves(study: Results, folder: Path) -> None:
    """Draw held-out accuracy of three tasks where the JSON tasks have a tenth of their reward."""
    figure, axes = plt.subplots(1, len(_FIGURE_TASKS), figsize=(8, 2.9), sharex=True)
    for axis, task in zip(axes, _FIGURE_TASKS, strict=True):
        place = list(TASKS).index(task)
        for name, color in zip(("grpo", "dr_grpo", "ema"), _COLORS, strict=False):
            runs = study.runs(CONDITIONS[1].name, name)
            _band(axis, [np.array(run["curve"])[:, place] for run in runs], color, TITLES[name])
        _grey(axis)
        axis.set_title(task.replace("_", " "), color=_GREY, fontsize=9)
        axis.set(xlabel="step")
    axes[0].set(ylabel="held-out accuracy")
    _save(figure, axes[1], folder / "study-curves.svg")


TABLES: dict[str, Callable[[Results], str]] = {
    table.__name__: table
    for table in (
        learning_rates, power, main_differences, accuracies, own_scales, tasks_own_scales, tasks_scaled,
        tasks_nothing_at_first, predictions, what_to_use, sanity, shares, top_tenth, tracking_shares,
    )
}  # fmt: skip
FIGURES = (draw_weights, draw_shares, draw_sigma, draw_curves)

_BLOCK = re.compile(r"(<!-- study: (\w+) -->\n).*?(<!-- /study -->)", re.DOTALL)


def write(folder: Path = ROOT, results: Path = RESULTS, seeds: Sequence[int] = SEEDS) -> None:
    """Write the page and its figures below ``folder``; the text around the tables is that of the repository."""
    study = Results(read(results), seeds)
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    page = _BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]](study)}\n\n{found[3]}", page)
    for target in (folder / PAGE, folder / IMAGES / "any"):
        target.parent.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(page, encoding="utf-8", newline="\n")
    mpl.use("svg")
    with mpl.rc_context({"svg.hashsalt": "onethinker", "svg.fonttype": "none", "font.size": 9}):
        for draw in FIGURES:
            draw(study, folder / IMAGES)


def _tuning(study: Results, name: str, rate: float) -> list[float]:
    return [
        mean_accuracy(run)
        for run in study.every
        if (run["estimator"], run["rate"]) == (name, rate) and run["seed"] in TUNING_SEEDS
    ]


def _by_task(study: Results, condition: Condition, pairs: tuple[tuple[str, str], ...]) -> str:
    """Return differences by task; bold where p, corrected over the tasks by Holm's method, is below .05."""
    lines = []
    for better, than in pairs:
        mean, tasks = study.compare(condition.name, better, than)
        corrected = holm([difference.p for difference in tasks])
        cells = [_bold(difference, p) for difference, p in zip(tasks, corrected, strict=True)]
        lines.append([_named(better, than), str(mean), *cells])
    return _table(["difference", "mean", *_plain(TASKS)], lines)


def _rises(study: Results, condition: str, name: str) -> list[float]:
    """Return, by seed, how much the mean of tasks rises from before the first step to the last three measurements."""
    return [float(np.mean(run["curve"][-3:]) - np.mean(run["start"])) for run in study.runs(condition, name)]


def _named(better: str, than: str) -> str:
    return f"{TITLES[better]} − {TITLES[than]}"


def _plain(names: Iterable[str]) -> list[str]:
    return [name.replace("_", " ") for name in names]


def _bold(difference: Difference, p: float) -> str:
    return f"**{difference}**" if p < 0.05 else str(difference)


def _table(head: list[str], lines: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _axes() -> tuple[Figure, Axes]:
    figure, axis = plt.subplots(figsize=(7, 2.9))
    _grey(axis)
    return figure, axis


def _grey(axis: Axes) -> None:
    """Give lines and texts a grey that is seen on white and on black."""
    axis.set_facecolor("none")
    axis.tick_params(colors=_GREY)
    for label in (axis.xaxis.label, axis.yaxis.label):
        label.set_color(_GREY)
    for spine in axis.spines.values():
        spine.set_color(_GREY)


def _band(axis: Axes, lines: list[np.ndarray], color: str, label: str) -> None:
    """Draw a mean over seeds, and its 95 % interval by twice the standard error."""
    steps = EVERY * np.arange(1, len(lines[0]) + 1)
    mean, error = np.mean(lines, axis=0), np.std(lines, axis=0, ddof=1) / len(lines) ** 0.5
    axis.plot(steps, mean, color=color, label=label)
    axis.fill_between(steps, mean - 2 * error, mean + 2 * error, color=color, alpha=0.2, linewidth=0)


def _save(figure: Figure, axis: Axes, path: Path, columns: int = 4) -> None:
    """Write the same bytes for the same figure, on no background."""
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=columns, frameon=False, labelcolor=_GREY)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None}, transparent=True)
    plt.close(figure)
