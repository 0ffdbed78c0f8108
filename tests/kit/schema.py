# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of an instance: the stand-in's own, and what it does not make but others have in their databases."""

from __future__ import annotations

from tests.mai_standin import schema as standin


def _one(statement: str, json: str = "JSON") -> str:
    """On one line, and a failure where the table is there already."""
    return " ".join(statement.replace("{json}", json).replace(" IF NOT EXISTS", "").split()) + ";\n"


def config(form: str, json: str = "JSON") -> str:
    return _one(standin.CONFIG[form], json)


def organizations(key_hash: bool = True, timezone: bool = True) -> str:
    return _one(standin.ORGANIZATIONS.format(**standin.columns(key_hash, timezone)))


def loose(tables: str) -> str:
    """The same without the obligation to fill every column."""
    return tables.replace(" NOT NULL", "")


USER = _one(standin.USER)
AUTH = _one(standin.AUTH["rows"])
REVISION = "CREATE TABLE alembic_version (version_num TEXT);\n"
MAPPING = _one(standin.USER_MAPPING)
MEMBERS = _one(standin.ORGANIZATION_MEMBERS).replace("joined_at BIGINT", "joined_at BIGINT NOT NULL")
COUNTERS = _one(standin.LIVE_COUNTERS)
DAILY_USAGE = _one(standin.DAILY_USAGE[0])
# Without types: a value stays what it is.
RATES = "CREATE TABLE daily_exchange_rates (date, rate, source);\n"
GLOBAL_SETTINGS = "CREATE TABLE global_settings (id TEXT, openrouter_provisioning_key TEXT);\n"

# A: the guide and the Alembic revision of July. B: the instance's own DDL. C: B with members and models.
GUIDE = """
CREATE TABLE client_organizations (id TEXT PRIMARY KEY, name TEXT, openrouter_api_key TEXT UNIQUE, markup_rate REAL,
  monthly_limit REAL, billing_email TEXT, is_active INTEGER, created_at BIGINT, updated_at BIGINT);
"""
A = organizations(timezone=False) + MAPPING
B = organizations() + _one(standin.GENERATIONS_SEEN)
C = B + MEMBERS + _one(standin.ORGANIZATION_MODELS)

# In PostgreSQL: the types of the ORM, and what somebody might have made of it by hand.
ORM = organizations().replace("REAL", "DOUBLE PRECISION") + MAPPING.replace(
    "client_org_id TEXT NOT NULL", "client_org_id TEXT NOT NULL REFERENCES client_organizations (id)"
)
BY_HAND = """
CREATE TABLE client_organizations (id VARCHAR(255) PRIMARY KEY, name VARCHAR(255) NOT NULL,
  openrouter_api_key VARCHAR(255) NOT NULL UNIQUE, markup_rate NUMERIC(10, 4), monthly_limit NUMERIC(12, 2),
  billing_email VARCHAR(255), is_active BOOLEAN NOT NULL DEFAULT true, created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL);
CREATE TABLE organization_members (id SERIAL PRIMARY KEY, organization_id TEXT, user_id TEXT, role TEXT,
  is_active BOOLEAN, joined_at BIGINT NOT NULL, UNIQUE (organization_id, user_id));
"""
