# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mAI's organisation row and usage records (reference: mai.md)."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from datetime import date
from typing import Any

from .database import Database, Transaction
from .errors import Refused
from .settings import Settings

log = logging.getLogger("mai_standin")

DEFAULT_MARKUP = 1.3


class Organization:
    """The organisation that this instance belongs to, found by OPENROUTER_EXTERNAL_USER (B, C) or by its users (A)."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    @property
    def exists(self) -> bool:
        return self._settings.generation != "none"

    def seed_from_environment(self) -> None:
        """B and C do this at every start, with seconds as the unit of time; a failure is only logged."""
        settings = self._settings
        if settings.generation not in ("B", "C"):
            return
        if not settings.usage_is_configured:
            log.info("No organisation in the environment: usage is not recorded")
            return
        try:
            if not self._database.is_sqlite:
                raise RuntimeError("usage tracking speaks SQLite only")
            with self._database.transaction() as transaction:
                self._upsert(transaction)
        except Exception as error:
            log.error("Initialising the organisation failed: %s", type(error).__name__)

    def _upsert(self, transaction: Transaction) -> None:
        settings, now = self._settings, int(time.time())
        if transaction.execute("SELECT id FROM client_organizations WHERE id = ?", settings.external_user):
            transaction.execute(
                "UPDATE client_organizations SET openrouter_api_key = ?, name = ?, updated_at = ? WHERE id = ?",
                *(settings.openrouter_api_key, settings.organization_name, now, settings.external_user),
            )
        else:
            transaction.execute(
                "INSERT INTO client_organizations (id, name, openrouter_api_key, markup_rate, timezone, is_active,"
                " created_at, updated_at) VALUES (?, ?, ?, ?, 'Europe/Warsaw', 1, ?, ?)",
                *(settings.external_user, settings.organization_name, settings.openrouter_api_key),
                *(DEFAULT_MARKUP, now, now),
            )

    def create_for_saved_key(self, keys: list[str]) -> None:
        """A makes a row of its own when an administrator saves an OpenRouter key under Connections."""
        if self._settings.generation != "A":
            return
        for key in (key for key in keys if key.startswith("sk-or-")):
            if not self._database.read("SELECT id FROM client_organizations WHERE openrouter_api_key = ?", key):
                name, now = self._settings.organization_name or "Default Organization", int(time.time())
                self._database.write(
                    "INSERT INTO client_organizations (id, name, openrouter_api_key, markup_rate, is_active,"
                    " created_at, updated_at) VALUES (?, ?, ?, ?, 1, ?, ?)",
                    *(f"mai_client_{hashlib.md5(name.encode()).hexdigest()[:8]}", name, key, DEFAULT_MARKUP, now, now),
                )

    def external_user_id(self, user_id: str) -> str | None:
        """What goes to OpenRouter as `user`; None sends nothing, as plain Open WebUI does."""
        if self._settings.generation == "A":
            rows = self._mapping(user_id)
            return rows[0]["openrouter_user_id"] if rows else None
        if self._settings.generation == "none" or not self._settings.external_user:
            return None
        return f"{self._settings.external_user}_user_{hashlib.sha256(user_id.encode()).hexdigest()[:8]}"

    def _mapping(self, user_id: str) -> list[dict[str, Any]]:
        return self._database.read(
            "SELECT openrouter_user_id, client_org_id FROM user_client_mapping WHERE user_id = ? AND is_active = 1",
            user_id,
        )

    def is_member(self, user_id: str) -> bool:
        return self._settings.generation == "C" and bool(
            self._database.read(
                "SELECT user_id FROM organization_members WHERE user_id = ? AND is_active = 1 AND organization_id = ?",
                *(user_id, self._settings.external_user),
            )
        )

    # Usage

    def record(self, url: str, user_id: str, model: str, answer: dict[str, Any]) -> None:
        """Write one answer's usage, if mAI would; a failure never reaches the chat."""
        try:
            if self._records(url):
                self._record(user_id, model, str(answer.get("id") or ""), answer.get("usage") or {})
        except Exception as error:
            log.error("Recording usage failed: %s: %s", type(error).__name__, error)

    def _records(self, url: str) -> bool:
        if not self._settings.is_tracked_url(url) or not self._database.is_sqlite:
            return False
        if self._settings.generation in ("B", "C"):
            return self._settings.usage_is_configured
        return self._settings.generation == "A"

    def _record(self, user_id: str, model: str, generation_id: str, usage: dict[str, Any]) -> None:
        organization_id = self._settings.external_user
        if self._settings.generation == "A":
            mapping = self._mapping(user_id)
            organization_id = mapping[0]["client_org_id"] if mapping else ""
        tokens, raw = int(usage.get("total_tokens") or 0), float(usage.get("cost") or 0)
        with self._database.transaction() as transaction:
            rows = transaction.execute("SELECT markup_rate FROM client_organizations WHERE id = ?", organization_id)
            if not rows:
                raise LookupError("organisation not found")
            cost = raw * rows[0]["markup_rate"]
            if self._settings.generation == "A":
                _count_live(transaction, organization_id, tokens, raw, cost)
                return
            if transaction.execute("SELECT id FROM processed_generations WHERE id = ?", generation_id):
                return
            transaction.execute(
                "INSERT INTO processed_generations VALUES (?, ?, ?, ?, ?, ?)",
                *(generation_id, organization_id, date.today().isoformat(), int(time.time()), raw, tokens),
            )
            who = {"user_id": user_id, "openrouter_user_id": self.external_user_id(user_id)}
            what = {"model_name": model, "provider": model.partition("/")[0]}
            _add(transaction, "client_user_daily_usage", organization_id, who, ("user_id",), tokens, raw, cost)
            _add(transaction, "client_model_daily_usage", organization_id, what, ("model_name",), tokens, raw, cost)
            _add(transaction, "client_daily_usage", organization_id, {"primary_model": model}, (), tokens, raw, cost)
            transaction.execute(
                "UPDATE client_daily_usage SET unique_users = (SELECT count(DISTINCT user_id) FROM"
                " client_user_daily_usage WHERE client_org_id = ? AND usage_date = ?)"
                " WHERE client_org_id = ? AND usage_date = ?",
                *(organization_id, date.today().isoformat()) * 2,
            )

    def summary(self) -> dict[str, Any]:
        """The dashboard's figures: those of the first active row, whatever the environment says."""
        if not self._database.is_sqlite:
            raise Refused(500, "Usage tracking speaks SQLite only")
        rows = self._database.read("SELECT id, name FROM client_organizations WHERE is_active = 1 LIMIT 1")
        if not rows:
            return {"success": False, "error": "No active organization found"}
        today = date.today().isoformat()
        return {
            "success": True,
            "client_id": rows[0]["id"],
            "stats": {
                "client_org_name": rows[0]["name"],
                "today": self._totals(rows[0]["id"], today, today),
                "this_month": self._totals(rows[0]["id"], today[:8] + "01", today),
            },
        }

    def _totals(self, organization_id: str, first: str, last: str) -> dict[str, Any]:
        if self._settings.generation == "A":
            table, day, prefix = "client_live_counters", '"current_date"', "today"
        else:
            table, day, prefix = "client_daily_usage", "usage_date", "total"
        raw, cost = ("today_raw_cost", "today_markup_cost") if prefix == "today" else ("raw_cost", "markup_cost")
        return self._database.read(
            f"SELECT coalesce(sum({prefix}_tokens), 0) AS tokens, coalesce(sum({prefix}_requests), 0) AS requests,"
            f" coalesce(sum({raw}), 0) AS raw_cost, coalesce(sum({cost}), 0) AS cost FROM {table}"
            f" WHERE client_org_id = ? AND {day} BETWEEN ? AND ?",
            *(organization_id, first, last),
        )[0]


def _add(
    transaction: Transaction,
    table: str,
    organization_id: str,
    values: dict[str, Any],
    identity: tuple[str, ...],
    tokens: int,
    raw: float,
    cost: float,
) -> None:
    """Add one answer to the day's row of a usage table; table and column names are this file's own."""
    now, today = int(time.time()), date.today().isoformat()
    found = transaction.execute(
        f"SELECT id FROM {table} WHERE client_org_id = ? AND usage_date = ?"
        + "".join(f" AND {c} = ?" for c in identity),
        *(organization_id, today, *(values[column] for column in identity)),
    )
    if found:
        transaction.execute(
            f"UPDATE {table} SET total_tokens = total_tokens + ?, total_requests = total_requests + 1,"
            " raw_cost = raw_cost + ?, markup_cost = markup_cost + ?, updated_at = ? WHERE id = ?",
            *(tokens, raw, cost, now, found[0]["id"]),
        )
        return
    row = {
        "id": str(uuid.uuid4()),
        "client_org_id": organization_id,
        "usage_date": today,
        "total_tokens": tokens,
        "total_requests": 1,
        "raw_cost": raw,
        "markup_cost": cost,
        "created_at": now,
        "updated_at": now,
        **values,
    }
    transaction.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values())


def _count_live(transaction: Transaction, organization_id: str, tokens: int, raw: float, cost: float) -> None:
    today, now = date.today().isoformat(), int(time.time())
    if transaction.execute(
        'SELECT client_org_id FROM client_live_counters WHERE client_org_id = ? AND "current_date" = ?',
        *(organization_id, today),
    ):
        transaction.execute(
            "UPDATE client_live_counters SET today_tokens = today_tokens + ?, today_requests = today_requests + 1,"
            " today_raw_cost = today_raw_cost + ?, today_markup_cost = today_markup_cost + ?, last_updated = ?"
            " WHERE client_org_id = ?",
            *(tokens, raw, cost, now, organization_id),
        )
    else:
        transaction.execute("DELETE FROM client_live_counters WHERE client_org_id = ?", organization_id)
        transaction.execute(
            "INSERT INTO client_live_counters VALUES (?, ?, ?, 1, ?, ?, ?)",
            *(organization_id, today, tokens, raw, cost, now),
        )
