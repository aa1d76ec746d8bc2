"""Docstrings as Markdown: what doctest and reStructuredText leave to the eye is fenced for the API pages."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_DOCTEST = re.compile(r"^( *)>>> .*(?:\n(?! *$).*)*", re.MULTILINE)
_LITERAL = re.compile(r"^( *)::$|::$", re.MULTILINE)


class MarkdownDocstrings(Extension):
    """Rewrites each docstring before mkdocstrings reads it."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Fence doctests, and drop the colons that announce an indented block."""
        if obj.docstring is None:
            return
        fenced = _DOCTEST.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", obj.docstring.value)
        obj.docstring.value = _LITERAL.sub(lambda found: ":" if found[1] is None else "", fenced)
