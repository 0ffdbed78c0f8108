# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same instance on PostgreSQL, where mAI's own usage tracking does not work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.contract.conftest import Keys
from tests.contract.instance import Instance
from tests.integration.postgresql.conftest import Server
from tests.openrouter_simulator import Simulator


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    name = "".join(character if character.isalnum() else "_" for character in request.node.name)
    with psycopg.connect(server.url("postgres"), autocommit=True) as database:
        database.execute(f'CREATE DATABASE "{name}"')
    return server.url(name)


def as_driver(url: str) -> str:
    """postgresql:// needs psycopg2 in Open WebUI; this spelling does not."""
    return url.replace("postgresql://", "postgresql+psycopg://")


@pytest.mark.form("rows")
def test_settings_are_stored_as_json_and_read_per_request(
    make: Callable[..., Instance], environment: dict[str, str], url: str, keys: Keys, secret: str
) -> None:
    instance = make(**environment, DATABASE_URL=as_driver(url)).start()
    admin = instance.admin()
    new, new_hash = keys.create("rotated")
    with psycopg.connect(url, autocommit=True) as database:
        kind = "SELECT data_type FROM information_schema.columns WHERE table_name = 'config' AND column_name = 'value'"
        assert database.execute(kind).fetchone() == ("json",)
        select = "SELECT value FROM config WHERE key = 'openai.api_keys'"
        assert database.execute(select).fetchone() == ([secret],)
        assert instance.chat(admin).status_code == 200
        database.execute("UPDATE config SET value = %s WHERE key = 'openai.api_keys'", [json.dumps([new])])
    assert instance.chat(admin).status_code == 200
    assert keys.last_used() == new_hash
    assert not (instance.folder / "data" / "webui.db").exists()


@pytest.mark.mai
@pytest.mark.form("rows")
def test_mai_has_its_tables_but_tracks_nothing(
    make: Callable[..., Instance], environment: dict[str, str], url: str, secret: str, simulator: Simulator
) -> None:
    instance = make(
        **{**environment, "OPENAI_API_BASE_URL": simulator.openrouter_like_url},
        OPENROUTER_API_KEY=secret,
        OPENROUTER_EXTERNAL_USER="company-abc-001",
        ORGANIZATION_NAME="Company ABC",
        DATABASE_URL=as_driver(url),
    ).start()
    assert instance.chat(instance.admin()).status_code == 200
    with psycopg.connect(url) as database:
        for table in ("client_organizations", "client_daily_usage"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    path = "/api/v1/usage-tracking/my-organization/usage-summary"
    assert instance.get(path, instance.admin()).status_code == 500
