# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was spent: of a key, and by day and model. US dollars and UTC days throughout.

This is private to the collection.
"""

from __future__ import annotations

import math
import re
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown

from .errors import ServerFailed
from .keys import Key
from .values import number

SPENT = ("usage", "usage_daily", "usage_weekly", "usage_monthly")
_SHOWN = ("hash", "name", "disabled", *SPENT, "limit", "limit_reset", "limit_remaining", "last_used_at", "workspace_id")
# Ours, and what OpenRouter calls it.
_AMOUNTS = {
    "usage": "usage",
    "byok_usage": "byok_usage_inference",
    "requests": "requests",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "cached_tokens": "cached_tokens",
}

Row = t.Dict[str, t.Any]


def usage_of(key: Key) -> Row:
    return {**{name: key[name] for name in _SHOWN}, "percent_used": _percent_used(key["limit"], key["limit_remaining"])}


def _percent_used(limit: t.Any, remaining: t.Any) -> float | None:
    """Of the limit in the time that it counts for. Nothing is ever left of a limit of 0."""
    if limit is None or remaining is None:
        return None
    return number(round(100 * (limit - remaining) / limit, 2)) if limit else 100.0


def totals_of(keys: t.Sequence[Key]) -> Row:
    totals: Row = {name: _sum(key[name] for key in keys) for name in SPENT}
    return {"count": len(keys), "disabled": sum(key.disabled for key in keys), **totals}


def by_day_and_model(rows: t.Iterable[t.Mapping[str, t.Any]]) -> list[Row]:
    """OpenRouter tells providers apart; here a day and a model are one row, the latest day first."""
    grouped: dict[tuple[str, str], list[t.Mapping[str, t.Any]]] = {}
    for row in rows:
        date, model = row.get("date"), row.get("model")
        day = re.match(r"\d{4}-\d\d-\d\d", date, re.ASCII) if isinstance(date, str) else None
        if not day or not isinstance(model, str):
            raise ServerFailed("OpenRouter's answer to GET /activity has a row without its date or model.")
        grouped.setdefault((day.group(), shown(model)), []).append(row)
    latest_first = sorted(sorted(grouped), key=lambda group: group[0], reverse=True)
    return [{"date": group[0], "model": group[1], **_amounts(grouped[group])} for group in latest_first]


def _amounts(rows: t.Sequence[t.Mapping[str, t.Any]]) -> Row:
    return {ours: _sum(row.get(theirs) for row in rows) for ours, theirs in _AMOUNTS.items()}


def _sum(values: t.Iterable[t.Any]) -> t.Any:
    """Exact for counts; of amounts without the noise of binary fractions. What is not known adds nothing."""
    known = [value for value in map(number, values) if value is not None]
    return sum(known) if all(isinstance(value, int) for value in known) else round(math.fsum(known), 9)
