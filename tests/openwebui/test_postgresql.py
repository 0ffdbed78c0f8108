# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Open WebUI with a PostgreSQL of its own beside it: onboarded, used, with another key, and the same again."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.hosts.project import Result
from tests.openwebui.conftest import SLUG, START_SECONDS

OTHER = "northwind"


@pytest.fixture(scope="module")
def beside(fleet: Fleet, onboarded: Result, postgresql_image: Image) -> Result:
    host = fleet.host(SLUG)
    host.load_image(postgresql_image.archive)
    fleet.put(OTHER, host, **{**fleet.known(SLUG), "mai_client_name": "Northwind", "mai_port": 8105})
    fleet.change(
        OTHER, mai_database="postgresql", mai_database_image=postgresql_image.name, mai_database_driver="psycopg"
    )
    return fleet.run(OTHER, seconds=START_SECONDS)


def saved_keys(fleet: Fleet) -> list[str]:
    command = ["docker", "exec", f"{fleet.service(OTHER)}-database", "psql", "-qtAU", "mai", "-d", "mai", "-c"]
    statement = """SELECT value FROM config WHERE "key" = 'openai.api_keys'"""
    return json.loads(fleet.host(OTHER).exec(*command, statement).stdout)


def test_it_works_with_postgresql(fleet: Fleet, beside: Result) -> None:
    assert beside.total("failed") == 0
    assert saved_keys(fleet) == [fleet.secret(OTHER)]
    with fleet.session(OTHER) as api:
        body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Good morning"}]}
        assert api.post("/api/chat/completions", json=body).status_code == 200
    assert fleet.only_key(OTHER)["usage"] > 0


def test_another_key_is_saved_there_while_it_runs(fleet: Fleet, beside: Result) -> None:
    before, started = fleet.secret(OTHER), fleet.started(OTHER)
    fleet.run(OTHER, playbook="playbooks/rotate_key.yml")
    assert saved_keys(fleet) == [fleet.secret(OTHER)] != [before]
    again = fleet.run(OTHER)
    assert again.total("changed") == 0 and fleet.writes == []
    assert fleet.started(OTHER) == started


@pytest.mark.parametrize("slug", [SLUG, OTHER])
def test_chats_come_back_from_a_backup(fleet: Fleet, beside: Result, slug: str) -> None:
    """With SQLite and with PostgreSQL."""

    def titles() -> list[str]:
        with fleet.session(slug) as api:
            return sorted(chat["title"] for chat in api.get("/api/v1/chats/").json() if "chat" in chat["title"])

    def write(title: str) -> None:
        with fleet.session(slug) as api:
            chat = {"title": title, "models": [], "messages": [], "history": {"messages": {}, "currentId": None}}
            api.post("/api/v1/chats/new", json={"chat": chat}).raise_for_status()

    write("a chat before")
    # The first backup comes with its repository
    fleet.change(slug, mai_backup_repository=f"/srv/backup/{slug}", mai_backup_password="of the vault")
    fleet.run(slug)
    write("a chat after")
    assert titles() == ["a chat after", "a chat before"]
    key = fleet.secret(slug)
    fleet.run(slug, playbook="playbooks/restore_client.yml", seconds=START_SECONDS)
    assert titles() == ["a chat before"] and fleet.secret(slug) == key
    assert fleet.run(slug).total("changed") == 0
