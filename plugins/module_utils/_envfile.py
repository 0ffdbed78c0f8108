# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one format of environment files: what Docker Compose, systemd and our own reader all read alike.

One KEY="value" per variable; inside the quotes only backslash, double quote and dollar are escaped by a
backslash, and a newline is a newline. Raw values, single quotes, \\n and $$ each come out different in one
of the readers. No message of this module holds a value.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# systemd drops a variable whose value holds any other control character, and Compose rewrites CR LF to LF.
_UNCARRIABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SPECIAL = re.compile(r'([\\"$])')

# What Compose makes of these inside double quotes; only files that somebody else wrote have them.
_FOREIGN_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=")
_DOUBLE_QUOTED = re.compile(r'[ \t]*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE_QUOTED = re.compile(r"[ \t]*'([^']*)'")
_COMMENT = re.compile(r"[ \t]#.*")


def to_text(value: Any) -> str:
    """Return what stands in the file for a YAML value; what an instance gets and what is compared are the same."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    raise ValueError(
        f"a value of type {type(value).__name__} has no one text; give text (for a list or a mapping: its to_json)"
    )


def format_value(value: str) -> str:
    """Return the value as it stands behind the equals sign; ValueError for what no environment file carries."""
    found = _UNCARRIABLE.search(value)
    if found:
        raise ValueError(
            f"the value holds the control character U+{ord(found.group()):04X}, which no environment file carries; "
            "only tab and newline are possible"
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("the value is not valid Unicode text") from None
    return '"{}"'.format(_SPECIAL.sub(r"\\\1", value))


def dump(mapping: Mapping[str, Any]) -> str:
    """Return the text of a whole file, in the order of the mapping."""
    lines = []
    for name, value in mapping.items():
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is not a name for an environment variable: use letters, digits and _")
        try:
            lines.append(f"{name}={format_value(to_text(value))}\n")
        except ValueError as exc:
            raise ValueError(f"{name}: {exc}") from None
    return "".join(lines)


def parse(text: str) -> dict[str, str]:
    """Return the variables of a file of ours, or of one that a person wrote for Compose or a shell.

    A line that is no assignment is passed over. $NAME in somebody else's file is left as it stands.
    """
    variables: dict[str, str] = {}
    position = 0
    while position < len(text):
        assignment = _ASSIGNMENT.match(text, position)
        if assignment:
            name, position = assignment.group(1), assignment.end()
            quoted = _DOUBLE_QUOTED.match(text, position)
            literal = quoted or _SINGLE_QUOTED.match(text, position)
            if quoted:
                variables[name] = _ESCAPE.sub(_unescape, quoted.group(1))
            elif literal:
                variables[name] = literal.group(1)
            else:
                raw = text[position : _end_of_line(text, position)]
                variables[name] = _COMMENT.sub("", raw, count=1).strip()
            if literal:
                position = literal.end()
        position = _end_of_line(text, position) + 1
    return variables


def _unescape(match: re.Match) -> str:
    character = match.group(1)
    if character in '\\"$':
        return character
    return _FOREIGN_ESCAPES.get(character, match.group())


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end
