"""Finding thinking and answer in a response, and reading one answer in its schema."""

from onethinker_rewards.parsing.answers import Read, Rules, read_answer
from onethinker_rewards.parsing.coordinates import to_pixels, to_thousandths
from onethinker_rewards.parsing.letters import option_letter
from onethinker_rewards.parsing.limits import DEFAULT_LIMITS, Limits, has_long_number
from onethinker_rewards.parsing.numbers import PLAIN_CHARACTERS, plain_number, without_thousands
from onethinker_rewards.parsing.repairs import without_fence
from onethinker_rewards.parsing.tags import (
    END_TOKENS,
    Found,
    FoundAnswers,
    Think,
    bare_reference,
    find_answer,
    find_answers,
)

__all__ = [
    "DEFAULT_LIMITS",
    "END_TOKENS",
    "PLAIN_CHARACTERS",
    "Found",
    "FoundAnswers",
    "Limits",
    "Read",
    "Rules",
    "Think",
    "bare_reference",
    "find_answer",
    "find_answers",
    "has_long_number",
    "option_letter",
    "plain_number",
    "read_answer",
    "to_pixels",
    "to_thousandths",
    "without_fence",
    "without_thousands",
]
