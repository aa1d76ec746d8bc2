"""Reports that people look at: one HTML file about scored rows, and figures for papers.

    from onethinker_rewards.report import render
    render("scored.jsonl", "report.html")

Needs the extra ``report``.
"""

from onethinker_rewards.report.figures import reward_curves, reward_distribution
from onethinker_rewards.report.page import Report, render

__all__ = ["Report", "render", "reward_curves", "reward_distribution"]
