# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that stays text: on a line, in a comparison with what a module shows, and in a record written in Markdown."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown

NOTHING = "-"
# Means nothing to Markdown, but for an underscore at the edge of a word; an address in it stays one.
_ADDRESS = re.compile(r"[A-Za-z0-9._:/@+-]+")
# As it stands between backticks, whoever renders it: neither those, nor what ends the cell of a table.
_CODE = re.compile(r"[\w.:/@+~,…-]+(?: [\w.:/@+~,…-]+)*")
_MARKUP = re.compile(
    r"[\\`*\[\]<>|~]"
    # Between letters or digits it means nothing, and names and addresses are full of it
    r"|(?<![^\W_])_|_(?![^\W_])"
    # What could begin an entity
    r"|&(?=#?\w+;)"
    # What closes a heading
    r"|(?:(?<=\s)|^)#+(?=\s*$)"
)
# Would be made a link where it stands among other words
_LINK = re.compile(r"(?<=\w):(?=//)|(?<=\bwww)\.|(?<=[\w.+-])@", re.IGNORECASE)


def markdown_text(value: t.Any) -> str:
    """One line that shows the value, in a cell, a heading or a sentence, and formats or links nothing."""
    if value is None:
        return NOTHING
    text = shown(re.sub(r"\s+", " ", str(value)))
    escaped = _MARKUP.sub(_entities, text)
    return escaped if _ADDRESS.fullmatch(text) else _LINK.sub(_entities, escaped)


def markdown_code(value: t.Any) -> str:
    """A code span that shows the value exactly; HTML's where Markdown's would not."""
    if value is None:
        return NOTHING
    text = shown(value)
    return f"`{text}`" if _CODE.fullmatch(text) else f"<code>{markdown_text(text)}</code>"


def _entities(match: re.Match) -> str:
    return "".join({"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(sign, f"&#{ord(sign)};") for sign in match.group())


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"shown": shown, "markdown_text": markdown_text, "markdown_code": markdown_code}
