# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What mAI's own tables say of its tracking. What a release has no table for is null."""

from __future__ import annotations

import time

from ansible_collections.mai.clients.plugins.module_utils._database_base import Database, number
from ansible_collections.mai.clients.plugins.module_utils._organization import members

# Which releases read which table: generation A counts by the mapping, C shows models to members only.
_READ_WHERE = {"user_client_mapping": "client_live_counters", "organization_members": "organization_members"}
# Table of usage → its column for the day, its column for the cost without markup.
_USAGE = {
    "client_daily_usage": ("usage_date", "raw_cost"),
    "client_live_counters": ("current_date", "today_raw_cost"),
}


def look(database: Database, organizations: list[str]) -> dict:
    """The identifiers of the organisations tell whose users must have a row."""
    now = int(time.time())
    return {
        "used_today": _used_today(database, time.strftime("%Y-%m-%d", time.gmtime(now))),
        "users_not_mapped": _without_row(database, organizations, "user_client_mapping", now),
        "users_not_members": _without_row(database, organizations, "organization_members", now),
        "users_gone": _gone(database, organizations, now),
        "provisioning_key_saved": _provisioning_key(database),
        "exchange_rate": _exchange_rate(database),
    }


def _used_today(database: Database, today: str) -> float | None:
    """USD in this UTC day. Generation A has the day in its counters, and in the other table when it is over."""
    found = [
        database.query(f'SELECT SUM("{cost}") AS cost FROM "{table}" WHERE CAST("{day}" AS TEXT) = ?', today)[0]["cost"]
        for table, (day, cost) in _USAGE.items()
        if {day, cost} <= set(database.columns(table))
    ]
    return max(number(cost) or 0.0 for cost in found) if found else None


def _without_row(database: Database, organizations: list[str], table: str, now: int) -> int | None:
    if len(organizations) != 1 or not database.columns(_READ_WHERE[table]):
        return None
    membership = members.observe(database, organizations[0], now)
    return sum(one.table == table for one in membership.missing) if table in membership.present else None


def _gone(database: Database, organizations: list[str], now: int) -> int | None:
    """Whose rows are there still."""
    if len(organizations) != 1:
        return None
    gone = members.observe(database, organizations[0], now).gone
    tables = {table for table, of_release in _READ_WHERE.items() if database.columns(of_release)}
    return len({user for table, user in gone if table in tables}) if tables else None


def _provisioning_key(database: Database) -> bool | None:
    name = "openrouter_provisioning_key"
    if name not in database.columns("global_settings"):
        return None
    rows = database.query(f"SELECT COUNT(*) AS number FROM global_settings WHERE {name} <> ''")
    return rows[0]["number"] > 0


def _exchange_rate(database: Database) -> dict | None:
    present = set(database.columns("daily_exchange_rates"))
    if not {"date", "rate"} <= present:
        return None
    names = [name for name in ("date", "rate", "source") if name in present]
    columns = ", ".join(f'CAST("{name}" AS TEXT) AS "{name}"' for name in names)
    rows = database.query(f'SELECT {columns} FROM daily_exchange_rates ORDER BY "date" DESC LIMIT 1')
    if not rows:
        return None
    newest = rows[0]
    # A rate that is no number is none: mAI itself writes no other, but its users can
    return {"date": newest["date"], "rate": number(newest["rate"]), "source": newest.get("source")}
