"""Words of any script, written in digits so that what compares words of ``a-z0-9`` can compare them."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

__all__ = ["Spelling"]

# Scripts that put no spaces between words: Thai and Lao, Tibetan, Myanmar, Khmer, Kana and Bopomofo, Chinese.
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)


class Spelling(dict[str, str]):
    """A number for each word, the same in all texts that are to be compared."""

    def __missing__(self, word: str) -> str:
        self[word] = number = str(len(self))
        return number

    def spelled(self, text: str) -> str:
        """Return a text's words as numbers; where it has no word, what stands between spaces are its words."""
        text = text.casefold()
        words = _words().findall(text) or text.split()
        return " ".join(map(self.__getitem__, words))


@cache
def _words() -> re.Pattern[str]:
    # Marks, such as the vowels of Devanagari, belong to their word; \w does not have them.
    marks = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("M")]
    runs: list[list[int]] = []
    for code in marks:
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    marked = "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)
    return re.compile(f"(?=[\\w{marked}])[{_UNSPACED}]|(?:(?![{_UNSPACED}_])[\\w{marked}])+")
