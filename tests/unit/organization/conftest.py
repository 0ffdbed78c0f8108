# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of mAI in their generations, as real SQLite files."""

from __future__ import annotations

import pathlib
import sqlite3
from typing import Any, Callable

import pytest

from tests.kit import schema
from tests.unit.organization.process import KEY, run_module, start_module

SHAPES = {"guide": schema.GUIDE, "A": schema.A, "B": schema.B, "C": schema.C}


class Instance:
    """A client's directory on a target: its database and its key."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.database = directory / "webui.db"
        self.key_file = directory / "api_key.env"
        self.set_key(KEY)

    def set_key(self, key: str) -> None:
        self.key_file.write_text(f'OPENAI_API_KEY="{key}"\nOPENROUTER_API_KEY="{key}"\n')

    def create(self, ddl: str, *users: str) -> None:
        self.sql(schema.USER + ddl)
        for user in users:
            self.add_user(user)

    def add_user(self, user: str, role: str = "user") -> None:
        self.sql('INSERT INTO "user" (id, name, role) VALUES (?, ?, ?)', user, user, role)

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        connection = sqlite3.connect(self.database)
        connection.row_factory = sqlite3.Row
        try:
            if values or statement.lstrip().startswith("SELECT"):
                rows = [dict(row) for row in connection.execute(statement, values)]
            else:
                rows = []
                connection.executescript(statement)
            connection.commit()
        finally:
            connection.close()
        return rows

    def rows(self) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM client_organizations ORDER BY id")

    def dump(self) -> list[str]:
        connection = sqlite3.connect(self.database)
        try:
            return list(connection.iterdump())
        finally:
            connection.close()

    def organization(self, check: bool = False, **arguments: Any) -> dict[str, Any]:
        defaults = dict(database_path=str(self.database), id="company-abc-001")
        return run_module("client_organization", check, **dict(defaults, **arguments))

    def onboard(self, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Ask for the row as the role does."""
        return self.start(check, **arguments)()

    def start(self, check: bool = False, **arguments: Any) -> Callable[[], dict[str, Any]]:
        full = dict(
            database_path=str(self.database),
            id="company-abc-001",
            name="Company ABC",
            openrouter_api_key_file=str(self.key_file),
            markup_rate=1.3,
            monthly_limit=500,
            billing_email="billing@companyabc.com",
        )
        return start_module("client_organization", check, **dict(full, **arguments))


@pytest.fixture
def instance(tmp_path: pathlib.Path) -> Instance:
    return Instance(tmp_path)


@pytest.fixture
def seeded(instance: Instance) -> Callable[..., Instance]:
    """An instance of generation B that wrote its row itself at its start, in seconds."""

    def make(ddl: str = schema.B, **columns: Any) -> Instance:
        instance.create(ddl)
        row = dict(
            id="company-abc-001",
            name="Company ABC",
            openrouter_api_key=KEY,
            is_active=1,
            created_at=1755000000,
            updated_at=1755000000,
        )
        row.update(columns)
        marks = ", ".join("?" for name in row)
        instance.sql(f"INSERT INTO client_organizations ({', '.join(row)}) VALUES ({marks})", *row.values())
        return instance

    return make
