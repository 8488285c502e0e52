"""An extension of griffe, for the Python reference: shows a docstring's doctests as code."""

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^( *)>>> .*(?:\n *\S.*)*", re.MULTILINE)
DIRECTIVE = re.compile(r" *# doctest: .*$", re.MULTILINE)


def fenced(docstring: str) -> str:
    def fence(found: re.Match[str]) -> str:
        indent = found[1]
        return f"{indent}```pycon\n{DIRECTIVE.sub('', found[0])}\n{indent}```"

    return DOCTEST.sub(fence, docstring)


class DoctestFences(griffe.Extension):
    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
