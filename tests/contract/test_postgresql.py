# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same instance on PostgreSQL, where mAI's own usage tracking does not work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from ansible_collections.mai.clients.plugins.module_utils import _envfile
from ansible_collections.mai.clients.plugins.modules import instance_password, instance_users

from tests.contract.conftest import Keys
from tests.contract.instance import SECRET_KEY, Instance, Target
from tests.contract.people import call, passwords
from tests.integration.postgresql.conftest import Server
from tests.openrouter_simulator import Simulator


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def url(server: Server, target: Target) -> str:
    name = target.name.replace("-", "_")
    with psycopg.connect(server.url("postgres"), autocommit=True) as database:
        database.execute(f'CREATE DATABASE "{name}"')
    return server.url(name)


@pytest.fixture(scope="module")
def on_postgresql(
    make_lasting: Callable[..., Instance], environment: dict[str, str], server: Server, url: str
) -> Instance:
    return make_lasting(**environment, DATABASE_URL=as_driver(url)).start()


@pytest.mark.form("rows")
def test_people_are_managed_there_too(on_postgresql: Instance, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    instance, email = on_postgresql, "o'brien@example.com"
    for name, variables in {"secrets": {"WEBUI_SECRET_KEY": SECRET_KEY}, "database": {"DATABASE_URL": url}}.items():
        (instance.folder / f"{name}.env").write_text(_envfile.dump(variables))

    def users(**person: Any) -> list[str]:
        done = call(capsys, instance, instance_users, users=[{"email": email, **person}])
        assert done["rc"] == 0, done
        return done["done"]

    assert users(name='Robert\'); DROP TABLE "user";--') == [f"{email}: added as user"]
    assert users() == []
    answer = instance.sign_in(email, passwords(instance)[email])
    assert (answer.status_code, answer.json()["name"]) == (200, 'Robert\'); DROP TABLE "user";--')
    assert call(capsys, instance, instance_password, email=email)["way"] == "api"
    assert instance.get("/api/models", answer.json()["token"]).status_code == 401
    (instance.folder / "secrets.env").write_text(_envfile.dump({"WEBUI_SECRET_KEY": "another"}))
    assert call(capsys, instance, instance_password, email=email)["way"] == "database"
    assert instance.sign_in(email, passwords(instance)[email]).status_code == 200
    (instance.folder / "secrets.env").write_text(_envfile.dump({"WEBUI_SECRET_KEY": SECRET_KEY}))
    assert users(state="absent", delete_chats=True) == [f"{email}: deleted, with all chats"]


def as_driver(url: str) -> str:
    """postgresql:// needs psycopg2 in Open WebUI; this spelling does not."""
    return url.replace("postgresql://", "postgresql+psycopg://")


@pytest.mark.form("rows")
def test_settings_are_stored_as_json_and_read_per_request(
    on_postgresql: Instance, url: str, keys: Keys, secret: str
) -> None:
    instance = on_postgresql
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


@pytest.fixture
def own_url(server: Server) -> str:
    with psycopg.connect(server.url("postgres"), autocommit=True) as database:
        database.execute("CREATE DATABASE of_mai")
    return server.url("of_mai")


@pytest.mark.mai
@pytest.mark.form("rows")
def test_mai_has_its_tables_but_tracks_nothing(
    make: Callable[..., Instance], environment: dict[str, str], own_url: str, secret: str, simulator: Simulator
) -> None:
    url = own_url
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
