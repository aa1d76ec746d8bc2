"""From several answers a row to those worth fine-tuning on: asking a teacher, scoring, keeping."""

from onethinker_rewards.trainer.filtering.candidates import Candidate, answers_of, candidate_of
from onethinker_rewards.trainer.filtering.chat import CARRIERS, Carrier, Question, question_of
from onethinker_rewards.trainer.filtering.judging import KEEPS, Judged, Keep, Rule, judge
from onethinker_rewards.trainer.filtering.thresholds import THRESHOLDS, Threshold

__all__ = [
    "CARRIERS",
    "KEEPS",
    "THRESHOLDS",
    "Candidate",
    "Carrier",
    "Judged",
    "Keep",
    "Question",
    "Rule",
    "Threshold",
    "answers_of",
    "candidate_of",
    "judge",
    "question_of",
]
