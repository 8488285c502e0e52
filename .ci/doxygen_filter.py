"""Turns the plain comments of a header into those that doxygen reads; writes to standard output.

A comment above a declaration belongs to it, one behind a declaration to what stands before it, and
the one on the first line to the file. What doxygen would take for markup stays text.
"""

import re
import sys
from pathlib import Path

COMMENT = re.compile(r"^(?P<code>(?:[^\"/]|\"(?:\\.|[^\"\\])*\"|/(?!/))*)//(?P<text>.*)$")
MARKUP = {"\\": "\\\\", "@": "\\@", "<": "\\<", ">": "\\>", "#": "\\#", "%": "\\%", "&": "\\&"}


def escaped(text: str) -> str:
    return "".join(MARKUP.get(character, character) for character in text)


def filtered(lines: list[str]) -> list[str]:
    out = []
    of_file = bool(lines) and lines[0].startswith("//")
    if of_file:
        out.append("/// @file")
    for line in lines:
        found = COMMENT.match(line)
        of_file = of_file and found is not None
        if found is None:
            out.append(line)
            continue
        code, text = found["code"], escaped(found["text"])
        mark = "///<" if code.strip() else "///"
        out.append(f"{code}{mark}{text}")
    return out


if __name__ == "__main__":
    source = Path(sys.argv[1]).read_text().splitlines()
    print("\n".join(filtered(source)))
