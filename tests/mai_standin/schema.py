# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables: Open WebUI's own that matter here, and those of mAI's generations (reference: mai.md, open-webui.md)."""

from __future__ import annotations

from .database import Database
from .settings import Settings

USER = """CREATE TABLE IF NOT EXISTS "user" (
    id VARCHAR NOT NULL PRIMARY KEY, name VARCHAR, email VARCHAR, role VARCHAR, profile_image_url TEXT,
    last_active_at BIGINT, updated_at BIGINT, created_at BIGINT, settings {json}, info {json})"""
USER_EMAIL = 'CREATE UNIQUE INDEX IF NOT EXISTS uq_user_email_lower ON "user" (lower(email))'

AUTH = {
    "rows": """CREATE TABLE IF NOT EXISTS auth (
        id VARCHAR NOT NULL PRIMARY KEY, email VARCHAR, password TEXT, active BOOLEAN, mfa {json},
        session_stamp TEXT)""",
    "blob": """CREATE TABLE IF NOT EXISTS auth (
        id VARCHAR NOT NULL PRIMARY KEY, email VARCHAR, password TEXT, active BOOLEAN)""",
}
CONFIG = {
    "rows": """CREATE TABLE IF NOT EXISTS config (
        "key" TEXT NOT NULL PRIMARY KEY, value {json} NOT NULL, updated_at BIGINT)""",
    "blob": """CREATE TABLE IF NOT EXISTS config (
        id INTEGER NOT NULL PRIMARY KEY, data {json} NOT NULL, version INTEGER NOT NULL,
        created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP)""",
}

# Made with the first chat: what has none, need not be one that keeps any
CHAT = """CREATE TABLE IF NOT EXISTS chat (
    id VARCHAR NOT NULL PRIMARY KEY, user_id VARCHAR, title TEXT, chat JSON, created_at BIGINT, updated_at BIGINT)"""

ORGANIZATIONS = """CREATE TABLE IF NOT EXISTS client_organizations (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, openrouter_api_key TEXT NOT NULL UNIQUE, {hash}
    markup_rate REAL DEFAULT 1.3, monthly_limit REAL, billing_email TEXT, {timezone}
    is_active INTEGER DEFAULT 1, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)"""
USER_MAPPING = """CREATE TABLE IF NOT EXISTS user_client_mapping (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL, client_org_id TEXT NOT NULL, openrouter_user_id TEXT NOT NULL,
    is_active INTEGER DEFAULT 1, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)"""
LIVE_COUNTERS = """CREATE TABLE IF NOT EXISTS client_live_counters (
    client_org_id TEXT PRIMARY KEY, "current_date" DATE NOT NULL, today_tokens BIGINT DEFAULT 0,
    today_requests INTEGER DEFAULT 0, today_raw_cost REAL DEFAULT 0, today_markup_cost REAL DEFAULT 0,
    last_updated BIGINT NOT NULL)"""
_TOTALS = """usage_date DATE NOT NULL, total_tokens BIGINT DEFAULT 0, total_requests INTEGER DEFAULT 0,
    raw_cost REAL DEFAULT 0, markup_cost REAL DEFAULT 0, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL"""
DAILY_USAGE = (
    f"""CREATE TABLE IF NOT EXISTS client_daily_usage (
    id TEXT PRIMARY KEY, client_org_id TEXT NOT NULL, primary_model TEXT, unique_users INTEGER DEFAULT 1, {_TOTALS})""",
    f"""CREATE TABLE IF NOT EXISTS client_user_daily_usage (
    id TEXT PRIMARY KEY, client_org_id TEXT NOT NULL, user_id TEXT NOT NULL, openrouter_user_id TEXT NOT NULL,
    {_TOTALS})""",
    f"""CREATE TABLE IF NOT EXISTS client_model_daily_usage (
    id TEXT PRIMARY KEY, client_org_id TEXT NOT NULL, model_name TEXT NOT NULL, provider TEXT, {_TOTALS})""",
)
GENERATIONS_SEEN = """CREATE TABLE IF NOT EXISTS processed_generations (
    id TEXT PRIMARY KEY, client_org_id TEXT NOT NULL, generation_date DATE NOT NULL, processed_at BIGINT NOT NULL,
    total_cost REAL, total_tokens BIGINT)"""
ORGANIZATION_MODELS = """CREATE TABLE IF NOT EXISTS organization_models (
    organization_id TEXT NOT NULL, model_id TEXT NOT NULL, is_active INTEGER DEFAULT 1,
    created_at BIGINT, updated_at BIGINT, PRIMARY KEY (organization_id, model_id))"""
ORGANIZATION_MEMBERS = """CREATE TABLE IF NOT EXISTS organization_members (
    organization_id TEXT NOT NULL, user_id TEXT NOT NULL, role TEXT DEFAULT 'member',
    is_active INTEGER DEFAULT 1, joined_at BIGINT, PRIMARY KEY (organization_id, user_id))"""
AVAILABLE_MODELS = """user_available_models AS
    SELECT member.user_id, model.model_id, model.organization_id FROM organization_members member
    JOIN organization_models model ON model.organization_id = member.organization_id
    WHERE member.is_active = 1 AND model.is_active = 1"""


def columns(key_hash: bool, timezone: bool) -> dict[str, str]:
    """What ORGANIZATIONS has in some generations only."""
    return {
        "hash": "openrouter_key_hash TEXT," if key_hash else "",
        "timezone": "timezone TEXT DEFAULT 'Europe/Warsaw'," if timezone else "",
    }


def statements(settings: Settings, is_sqlite: bool) -> list[str]:
    """Every statement that this form and generation runs at each start, in order."""
    sql = [USER, USER_EMAIL, AUTH[settings.form], CONFIG[settings.form]]
    if settings.generation in ("A", "B", "C"):
        newer = settings.generation in ("B", "C")
        sql += [ORGANIZATIONS.format(**columns(newer, newer)), USER_MAPPING, *DAILY_USAGE]
        sql += [GENERATIONS_SEEN] if newer else [LIVE_COUNTERS]
    if settings.generation == "C":
        create_view = "CREATE VIEW IF NOT EXISTS" if is_sqlite else "CREATE OR REPLACE VIEW"
        sql += [ORGANIZATION_MODELS, ORGANIZATION_MEMBERS, f"{create_view} {AVAILABLE_MODELS}"]
    return [statement.replace("{json}", "JSON") for statement in sql]


def create(database: Database, settings: Settings) -> None:
    with database.transaction() as transaction:
        for statement in statements(settings, database.is_sqlite):
            transaction.execute(statement)
