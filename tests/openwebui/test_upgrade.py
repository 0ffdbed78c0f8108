# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Open WebUI from 0.6.43 to 0.12.4, while somebody chats ten times a second; a failed upgrade before that.

The tests build on one another, in this order.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.operations import record_operation
from tests.kit.probe import CHAT, Probe
from tests.openwebui.conftest import ADMIN, NEWER, OLDER, SLUG, START_SECONDS, give_image

CLIENT = "older-inc"
UPGRADE = "playbooks/upgrade_client.yml"
TABLES = """
import json, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    database.execute(statement)
print(json.dumps([row[0] for row in database.execute("SELECT version_num FROM alembic_version")]))
"""


@pytest.fixture(scope="module")
def older(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Another client on the machine of the first, with the older release."""
    host = fleet.host(SLUG)
    image = give_image(host, OLDER)
    older = Fleet(fleet.project, fleet.openrouter, tmp_path_factory.mktemp("older"))
    older.put(
        CLIENT,
        host,
        mai_client_name="Older Inc.",
        mai_monthly_limit=50,
        mai_admin_email=ADMIN,
        mai_image=image,
        mai_image_pull="never",
        mai_port=8102,
        mai_database_create_table=True,
    )
    older.run(CLIENT, seconds=START_SECONDS)
    yield older
    host.exec("docker", "rm", "--force", older.service(CLIENT), check=False)


def revisions(fleet: Fleet, *statements: str) -> str:
    """What the migrations recorded in the database, after these statements."""
    database = f"{fleet.directory(CLIENT)}/data/webui.db"
    return fleet.host(CLIENT).exec("python3", "-c", TABLES, database, *statements).stdout


def version(api: httpx.Client) -> str:
    return api.get("/api/version").json()["version"]


def test_back_from_a_migration_that_fails_halfway(older: Fleet) -> None:
    with older.session(CLIENT) as api:
        assert version(api) == OLDER
        conversation = {"chat": {"title": "kept", "messages": [], "history": {"messages": {}, "currentId": None}}}
        assert api.post("/api/v1/chats/new", json=conversation).is_success
        # One of the last of the migrations on the way makes this table
        before = revisions(older, "CREATE TABLE app (id TEXT)")
        failed = older.run(CLIENT, "-e", f"new_image=open-webui:{NEWER}", playbook=UPGRADE, check=False, seconds=1200)
        said = " ".join(failed.stdout.split())
        assert failed.rc == 2 and "it runs on with its old image and the database it had" in said
        assert "table app already exists" in said
        assert revisions(older) == before
        assert version(api) == OLDER
        assert [chat["title"] for chat in api.get("/api/v1/chats/").json()] == ["kept"]
    assert older.writes == []
    assert f"mai_image: open-webui:{OLDER}" in (older.folder / "host_vars" / f"{CLIENT}.yml").read_text()


def test_upgraded_with_everything_that_was_there(older: Fleet) -> None:
    before = revisions(older, "DROP TABLE app")
    older.change(CLIENT, mai_image=f"open-webui:{NEWER}")
    with older.session(CLIENT) as api:
        with Probe(api) as probe:
            first = older.run(CLIENT, playbook=UPGRADE, seconds=1200)
        assert probe.answers > 10
        assert version(api) == NEWER
        assert [chat["title"] for chat in api.get("/api/v1/chats/").json()] == ["kept"]
        assert revisions(older) != before
        assert api.post("/api/chat/completions", json=CHAT).status_code == 200
    assert older.writes == []
    started = older.started(CLIENT)
    again = older.run(CLIENT, playbook=UPGRADE)
    assert again.total("changed") == 0 and older.started(CLIENT) == started
    assert older.run(CLIENT).total("changed") == 0
    record_operation("upgrade_client, Open WebUI 0.6.43 to 0.12.4", first=first, again=again, gap=probe.longest_gap)
