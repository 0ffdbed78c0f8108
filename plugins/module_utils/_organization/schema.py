# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the table client_organizations looks like: each generation of mAI has other columns, types and units."""

from __future__ import annotations

import struct
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._database_base import number

TABLE = "client_organizations"

COLUMNS = (
    "id",
    "name",
    "openrouter_api_key",
    "openrouter_key_hash",
    "markup_rate",
    "monthly_limit",
    "billing_email",
    "timezone",
    "is_active",
    "created_at",
    "updated_at",
)
# What everybody may see of a row
PUBLIC_COLUMNS = tuple(name for name in COLUMNS if name not in ("openrouter_api_key", "openrouter_key_hash"))
INDISPENSABLE = ("id", "name", "openrouter_api_key")

# mAI's own, newest form. SQLite reads DOUBLE PRECISION as its REAL; PostgreSQL's REAL has only six digits.
CREATE_TABLE = """\
CREATE TABLE "client_organizations" (
    "id" TEXT PRIMARY KEY,
    "name" TEXT NOT NULL,
    "openrouter_api_key" TEXT NOT NULL UNIQUE,
    "openrouter_key_hash" TEXT,
    "markup_rate" DOUBLE PRECISION DEFAULT 1.3,
    "monthly_limit" DOUBLE PRECISION,
    "billing_email" TEXT,
    "timezone" TEXT DEFAULT 'Europe/Warsaw',
    "is_active" INTEGER DEFAULT 1,
    "created_at" BIGINT NOT NULL,
    "updated_at" BIGINT NOT NULL
)"""
CREATED_TYPES = {
    "id": "text",
    "name": "text",
    "openrouter_api_key": "text",
    "openrouter_key_hash": "text",
    "markup_rate": "double precision",
    "monthly_limit": "double precision",
    "billing_email": "text",
    "timezone": "text",
    "is_active": "integer",
    "created_at": "bigint",
    "updated_at": "bigint",
}

# Between seconds up to the year 5138 and milliseconds since 1973.
_MILLISECONDS_FROM = 100_000_000_000


def encode(value: Any, declared_type: str) -> Any:
    """Return the value as a column of that type takes it."""
    if isinstance(value, bool):
        return value if declared_type == "boolean" else int(value)
    return value


def same(current: Any, wanted: Any, declared_type: str, kind: str) -> bool:
    """Whether a column already holds what is wanted."""
    if current is None or wanted is None:
        return current is wanted
    if isinstance(wanted, bool):
        return bool(current) == wanted
    if isinstance(wanted, float):
        current = number(current)
        if current is not None and kind == "postgresql" and declared_type == "real":
            # PostgreSQL has rounded what it was given to four bytes, and would differ for ever.
            return _four_bytes(current) == _four_bytes(wanted)
    return current == wanted


def timestamp_unit(asked: str, row: dict[str, Any] | None, others: list[dict[str, Any]]) -> str:
    """Return ms or s: what is asked for, else what the row or the table uses, else ms as in the guide."""
    if asked != "auto":
        return asked
    for used in ([row] if row else []) + others:
        for column in ("created_at", "updated_at"):
            value = used.get(column)
            if isinstance(value, (int, float)) and value > 0:
                return "ms" if value >= _MILLISECONDS_FROM else "s"
    return "ms"


def _four_bytes(number: float) -> bytes:
    try:
        return struct.pack("f", number)
    except OverflowError:
        return b"infinite"
