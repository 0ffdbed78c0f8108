# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The organisation of a client in its instance's database: what it should be, and whether it is.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._variables import money

Values = t.Mapping[str, t.Any]


def organization(client: Values, seen: Values, key: Values, starts: bool, moves: bool = False) -> dict[str, t.Any]:
    """``starts``: what a start of the instance may write after the look is asked for again; ``moves``: people do."""
    rows = seen["database"]["organizations"]
    # Texts as they are shown, since those that were seen are so
    wanted = {
        "id": shown(client["mai_client_id"]),
        "name": shown(client["mai_client_name"]),
        "key_hash": key["hash"],
        "markup_rate": float(client["mai_markup_rate"]),
        "monthly_limit": money(client["mai_monthly_limit"]),
        "billing_email": shown(client["mai_billing_email"]) if client["mai_billing_email"] else None,
        "is_active": not key["disabled"],
    }
    fields = [] if len(rows) != 1 else [name for name in wanted if wanted[name] != rows[0].get(name, _NONE)]
    users, gone = users_left_out(seen), (seen["database"]["tracking"] or {}).get("users_gone") or 0
    follows = moves and _has_lines(seen)
    due = starts or len(rows) != 1 or bool(fields) or users > 0 or gone > 0 or follows
    return {"due": due, "differs": fields, "wanted": wanted, "users": users, "gone": gone}


def _has_lines(seen: Values) -> bool:
    """Whether this mAI has a table with a line for each user."""
    tracking = seen["database"]["tracking"] or {}
    return any(tracking.get(name) is not None for name in ("users_not_mapped", "users_not_members"))


def users_left_out(seen: Values) -> int:
    """Who came since the last run, and has no line of the organisation's yet: not counted, or shown no models."""
    tracking = seen["database"]["tracking"] or {}
    return max(tracking.get("users_not_mapped") or 0, tracking.get("users_not_members") or 0)


_NONE = object()
