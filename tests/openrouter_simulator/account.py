# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account: keys, workspaces, credits and what was spent. It keeps hashes of keys, never a secret.

Everything here is called from one event loop and never awaits, so each call is atomic.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.openrouter_simulator.clock import Clock, stamp, window_end, window_start

PAGE_SIZE = 100
OWNER = "user_simulated_agency"
_GENERATIONS_KEPT = 1000


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    return "sk-or-v1-" + secrets.token_hex(32)


def label_of(secret: str) -> str:
    return f"{secret[:12]}...{secret[-3:]}"


@dataclass
class Spend:
    """What one model cost one key on one UTC day."""

    usage: float = 0.0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass
class Key:
    hash: str
    name: str
    label: str
    sequence: int
    created_at: str
    listed_from: str
    workspace_id: str
    creator_user_id: str | None = OWNER
    external_user: str | None = None
    disabled: bool = False
    limit: float | None = None
    limit_reset: str | None = None
    include_byok_in_limit: bool = False
    expires_at: str | None = None
    updated_at: str | None = None
    last_used_at: str | None = None
    # A deleted key is gone for every caller; what it spent stays spent.
    deleted: bool = False
    # Caps of its workspace and of guardrails, in the API's words; tests plant them.
    budgets_above: list[dict[str, Any]] = field(default_factory=list)
    # day → model → spend
    spend: dict[str, dict[str, Spend]] = field(default_factory=dict)

    def usage(self, since: date | None = None) -> float:
        first = since.isoformat() if since else ""
        days = (models for day, models in self.spend.items() if day >= first)
        return round(sum(spend.usage for models in days for spend in models.values()), 12)

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and datetime.fromisoformat(self.expires_at) <= now

    def limit_usage(self, now: datetime) -> float:
        return self.usage(window_start(self.limit_reset, now.date()) if self.limit_reset else None)

    def limit_remaining(self, now: datetime) -> float | None:
        return None if self.limit is None else max(0.0, round(self.limit - self.limit_usage(now), 12))

    def spending(self, now: datetime) -> dict[str, Any]:
        """The part of a key's description that GET /keys and GET /key have in common."""
        return {
            "label": self.label,
            "limit": self.limit,
            "limit_remaining": self.limit_remaining(now),
            "limit_reset": self.limit_reset,
            "include_byok_in_limit": self.include_byok_in_limit,
            "usage": self.usage(),
            "usage_daily": self.usage(window_start("daily", now.date())),
            "usage_weekly": self.usage(window_start("weekly", now.date())),
            "usage_monthly": self.usage(window_start("monthly", now.date())),
            "byok_usage": 0.0,
            "byok_usage_daily": 0.0,
            "byok_usage_weekly": 0.0,
            "byok_usage_monthly": 0.0,
            "expires_at": self.expires_at,
            "creator_user_id": self.creator_user_id,
            "workspace_id": self.workspace_id,
        }

    def describe(self, now: datetime) -> dict[str, Any]:
        return {
            "hash": self.hash,
            "name": self.name,
            "disabled": self.disabled,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "last_used_at": self.last_used_at,
            "external_user": self.external_user,
            **self.spending(now),
        }

    def budgets(self, now: datetime) -> list[dict[str, Any]]:
        if self.limit is None:
            return list(self.budgets_above)
        return [
            *self.budgets_above,
            {
                "scope": "key_limit",
                "budget_id": None,
                "guardrail_id": None,
                "include_byok": self.include_byok_in_limit,
                "limit_usd": self.limit,
                "spend_usd": self.limit_usage(now),
                "remaining_usd": self.limit_remaining(now),
                "reset_interval": self.limit_reset,
                "resets_at": stamp(window_end(self.limit_reset, now.date())) if self.limit_reset else None,
            },
        ]


class Account:
    def __init__(self, clock: Clock, credit: float = 100.0, state_file: Path | None = None) -> None:
        self.clock = clock
        self.credit = credit
        self._first_credit = credit
        self.list_lag = 0.0
        self.workspaces: dict[str, dict[str, Any]] = {}
        self.generations: deque[dict[str, Any]] = deque(maxlen=_GENERATIONS_KEPT)
        self._keys: dict[str, Key] = {}
        self._state_file = state_file
        if state_file and state_file.exists():
            self._load(json.loads(state_file.read_text(encoding="utf-8")))
        else:
            self.default_workspace = self.add_workspace("Default", "default")["id"]
            self.save()

    def reset(self) -> None:
        """As it was when it was new, but for its workspaces."""
        self.clock.offset = 0.0
        self.credit = self._first_credit
        self.list_lag = 0.0
        self.generations.clear()
        self._keys.clear()
        self.save()

    # Keys

    def create(self, values: dict[str, Any]) -> tuple[Key, str]:
        """A new key and its secret, which is not kept."""
        secret, now = new_secret(), self.clock.now()
        key = Key(
            hash=hash_of(secret),
            label=label_of(secret),
            sequence=len(self._keys),
            created_at=stamp(now),
            listed_from=stamp(now + timedelta(seconds=self.list_lag)),
            **{"workspace_id": self.default_workspace, **values},
        )
        self._keys[key.hash] = key
        self.save()
        return key, secret

    def find(self, key_hash: str) -> Key | None:
        key = self._keys.get(key_hash)
        return None if key is None or key.deleted else key

    def update(self, key: Key, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(key, name, value)
        key.updated_at = stamp(self.clock.now())
        self.save()

    def delete(self, key: Key) -> None:
        key.deleted = True
        self.save()

    def all_keys(self) -> list[Key]:
        """Every key that is not deleted, the most recent first."""
        return sorted((key for key in self._keys.values() if not key.deleted), key=lambda key: -key.sequence)

    def page(self, offset: int, workspace_id: str, include_disabled: bool, include_expired: bool) -> list[Key]:
        now = self.clock.now()
        stamp_now = stamp(now)  # once: it is compared with each of thousands of keys
        found = [
            key
            for key in self.all_keys()
            if key.workspace_id == workspace_id
            and key.listed_from <= stamp_now
            and (include_disabled or not key.disabled)
            and (include_expired or not key.expired(now))
        ]
        return found[offset : offset + PAGE_SIZE]

    # Spending

    def charge(self, key: Key, model: str, spend: Spend, day: date | None = None) -> None:
        now = self.clock.now()
        models = key.spend.setdefault((day or now.date()).isoformat(), {})
        total = models.setdefault(model, Spend())
        total.usage = round(total.usage + spend.usage, 12)
        total.requests += spend.requests
        total.prompt_tokens += spend.prompt_tokens
        total.completion_tokens += spend.completion_tokens
        key.last_used_at = stamp(now)
        self.save()

    def total_usage(self) -> float:
        return round(sum(key.usage() for key in self._keys.values()), 12)

    def credit_left(self) -> float:
        return self.credit - self.total_usage()

    def spent_on(self, days: Iterable[str]) -> list[tuple[Key, str, str, Spend]]:
        """(key, day, model, spend) of those days, deleted keys included."""
        wanted = set(days)
        return [
            (key, day, model, spend)
            for key in self._keys.values()
            for day, models in key.spend.items()
            if day in wanted
            for model, spend in models.items()
        ]

    # Workspaces

    def add_workspace(self, name: str, slug: str, description: str | None = None) -> dict[str, Any]:
        workspace = {
            "id": str(uuid.uuid4()),
            "name": name,
            "slug": slug,
            "description": description,
            "created_at": stamp(self.clock.now()),
            "updated_at": None,
            "created_by": OWNER,
            "default_guardrail_id": str(uuid.uuid4()),
            "default_image_model": None,
            "default_provider_sort": None,
            "default_text_model": None,
            "io_logging_api_key_ids": None,
            "io_logging_sampling_rate": 1,
            "is_data_discount_logging_enabled": False,
            "is_observability_broadcast_enabled": False,
            "is_observability_io_logging_enabled": False,
        }
        self.workspaces[workspace["id"]] = workspace
        return workspace

    def workspace(self, reference: str) -> dict[str, Any] | None:
        """By id or slug."""
        return next((one for one in self.workspaces.values() if reference in (one["id"], one["slug"])), None)

    # The state file

    def save(self) -> None:
        if self._state_file is None:
            return
        state = {
            "clock_offset": self.clock.offset,
            "credit": self.credit,
            "default_workspace": self.default_workspace,
            "workspaces": self.workspaces,
            "generations": list(self.generations),
            "keys": [dataclasses.asdict(key) for key in self._keys.values()],
        }
        temporary = self._state_file.with_name(self._state_file.name + ".new")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(state, file)
        temporary.replace(self._state_file)

    def _load(self, state: dict[str, Any]) -> None:
        self.clock.offset = state["clock_offset"]
        self.credit = state["credit"]
        self.default_workspace = state["default_workspace"]
        self.workspaces = state["workspaces"]
        self.generations.extend(state["generations"])
        for stored in state["keys"]:
            spend = {
                day: {model: Spend(**values) for model, values in models.items()}
                for day, models in stored.pop("spend").items()
            }
            self._keys[stored["hash"]] = Key(**stored, spend=spend)
