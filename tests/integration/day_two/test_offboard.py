# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""offboard_client.yml: usage recorded, instance and keys gone, the data archived or deleted; and nobody else's touched.

The tests build on one another, in this order: company-abc goes, comes back and goes again; then its neighbour goes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import re
import signal
import sqlite3

import pytest

from tests.hosts.project import Result
from tests.kit.agency import Agency

OFFBOARD = "playbooks/offboard_client.yml"
ROTATE = "playbooks/rotate_key.yml"
CHAT = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


def offboard(agency: Agency, slug: str, *arguments: str, confirm: str = "", **environment: str) -> Result:
    return agency.run(slug, "-e", f"confirm={confirm or slug}", *arguments, playbook=OFFBOARD, **environment)


def names(agency: Agency, slug: str) -> list[str]:
    """Of every key that was made for the client."""
    own = re.compile(rf"client-{slug}( ~.*)?")
    return sorted(key["name"] for key in agency.control.all_keys() if own.fullmatch(key["name"]))


def archives(agency: Agency, slug: str) -> list[pathlib.Path]:
    return sorted((agency.deployments / "archive").glob(f"client-{slug}-2*"))


def record(agency: Agency, slug: str) -> str:
    [file] = agency.handovers.glob(f"{slug}-offboarded-*.md")
    return file.read_text()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def client(agency: Agency, client: str) -> str:
    """It has a key in use and one that was replaced; its neighbour's slug is how its own begins."""
    agency.client(client, mai_client_name='Żółw & "Söhne" | $HOME')
    agency.onboard(f"{client},{agency.client('company')}")
    assert agency.run(client, playbook=ROTATE).rc == 0
    with agency.session(client) as people:
        people.post("/api/chat/completions", json=CHAT).raise_for_status()
    return client


def test_nothing_is_touched_unless_it_is_confirmed(agency: Agency, client: str) -> None:
    for slug, confirm in ((client, "company"), ("company,company-abc", "company-abc")):
        refused = offboard(agency, slug, confirm=confirm)
        assert refused.rc == 2 and "-e confirm=company-abc" in refused.said, refused.output
    assert agency.control.writes() == []
    agency.control.fault(kind="status", status=500, times=None)
    assert (refused := offboard(agency, client)).rc == 2 and "OpenRouter answered 500" in refused.said
    agency.control.clear_faults()
    agency.assert_converged(client)


def test_archived(agency: Agency, client: str) -> None:
    pid, secret, before = agency.pid(client), agency.secret(client), names(agency, client)
    key = agency.key(client)
    checked = offboard(agency, client, "--check", "--diff")
    assert checked.rc == 0 and checked.total("changed") == 2, checked.output
    assert "would be off-boarded" in checked.said and secret not in checked.output
    assert agency.control.writes() == [] and not list(agency.handovers.glob(f"{client}-offboarded*"))
    agency.assert_converged(client)

    gone = offboard(agency, client, "-vvv")
    assert gone.rc == 0, gone.output
    assert all(f"key {name}: deleted" in gone.said for name in before)
    assert len(before) == 2 and names(agency, client) == [] and not is_alive(pid)
    [archive] = archives(agency, client)
    assert not agency.directory(client).exists() and archive.parent.stat().st_mode & 0o777 == 0o700
    text = record(agency, client)
    for part in (*before, key["hash"], key["label"], str(archive), "Żółw", "1 × user"):
        assert part in text, part
    assert f"{key['usage']:.6f}" in text and key["usage"] > 0
    assert text == (archive / "OFFBOARDED.md").read_text()
    assert secret not in gone.output + text

    # What is needed to read the data is kept. The key is in its databases only, and opens nothing any more.
    assert (archive / "secrets.env").exists() and not list(archive.glob("*api_key*")) + list(archive.glob("*admin*"))
    holders = {path.name for path in archive.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()}
    assert holders <= {"webui.db", "webui-final.db"} and not agency.openrouter.works(secret)
    with contextlib.closing(sqlite3.connect(archive / "webui-final.db")) as database:
        assert database.execute("SELECT count(*) FROM user").fetchone() == (1,)
    assert not agency.lock(client).exists()


def test_again_there_is_nothing_to_do(agency: Agency, client: str) -> None:
    again = offboard(agency, client)
    assert (again.rc, again.total("changed")) == (0, 0), again.output
    assert "nothing to do" in again.said and "remove company-abc from the inventory" in again.said
    assert agency.control.writes() == []


def test_onboarded_again_it_is_a_new_client(agency: Agency, client: str) -> None:
    [archive] = archives(agency, client)
    old = hashlib.sha256((archive / "secrets.env").read_bytes()).hexdigest()
    agency.onboard(client)
    agency.assert_converged(client)
    assert len(names(agency, client)) == 1 and agency.query(client, "SELECT count(*) FROM user") == [(1,)]
    assert hashlib.sha256((agency.directory(client) / "secrets.env").read_bytes()).hexdigest() != old
    agency.assert_converged("company")


def test_what_is_interrupted_is_finished_by_the_next_run(agency: Agency, client: str) -> None:
    pid, [first] = agency.pid(client), archives(agency, client)
    agency.control.fault(kind="status", status=500, method="DELETE", when="before", times=None)
    failed = offboard(agency, client)
    assert failed.rc == 2 and "OpenRouter answered 500" in failed.said
    assert agency.key(client)["disabled"] and not is_alive(pid) and agency.directory(client).exists()
    agency.control.clear_faults()

    # The neighbour's archive is not its own, though the name begins in the same way.
    neighbours = first.parent / "client-company-2026-01-01"
    neighbours.mkdir()
    confirm = ("-e", f"confirm={client}")
    for task in ("Move the client's directory into the archive", "Delete the archived data"):
        purge = ("-e", "purge_data=true") if task == "Delete the archived data" else ()
        held = agency.start_until(task, client, *confirm, *purge, playbook=OFFBOARD)
        held.kill(signal.SIGKILL)
        held.file.unlink()
    assert names(agency, client) == [] and not agency.directory(client).exists()
    [one, other] = archives(agency, client)
    assert (one, other.name[: len(one.name) + 1]) == (first, one.name + ".")

    kept = offboard(agency, client)
    assert kept.total("changed") == 0 and f"kept until -e purge_data=true: {one}, {other}" in kept.said, kept.output
    agency.control.clear_journal()
    purged = offboard(agency, client, "-e", "purge_data=true")
    assert (purged.rc, purged.total("changed")) == (0, 1), purged.output
    assert archives(agency, client) == [] and neighbours.exists()
    # Each run appended its section, and none was lost.
    assert record(agency, client).count("was off-boarded") >= 4
    agency.assert_converged("company")


def test_what_somebody_else_made_stays(agency: Agency, client: str) -> None:
    agency.directory(client).mkdir()
    (agency.directory(client) / "by-hand").touch()
    refused = offboard(agency, client)
    assert refused.rc == 2 and "was not made by this collection" in refused.said, refused.output
    assert (agency.directory(client) / "by-hand").exists() and not agency.lock(client).exists()


def test_without_the_machine(agency: Agency) -> None:
    slug, pid = "company", agency.pid("company")
    agency.client(slug, ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    stopped = offboard(agency, slug)
    assert stopped.rc == 2 and "keys disabled, instance not reached" in stopped.said, stopped.output
    assert agency.key(slug)["disabled"] and not list(agency.handovers.glob("company-offboarded-*"))

    key = agency.key(slug)
    lost = offboard(agency, slug, "-e", "host_lost=true")
    assert lost.rc == 0 and "the machine was not touched" in lost.said, lost.output
    assert names(agency, slug) == [] and agency.directory(slug).exists()
    assert key["hash"] in record(agency, slug) and "given up as lost" in record(agency, slug)
    agency.control.clear_journal()
    again = offboard(agency, slug, "-e", "host_lost=true")
    assert (again.rc, again.total("changed"), agency.control.writes()) == (0, 0, []), again.output

    # It is found again, with the instance.
    agency.client(slug, ansible_connection=None, ansible_host=None, ansible_port=None)
    found = offboard(agency, slug, "-e", "purge_data=true")
    assert found.rc == 0 and not is_alive(pid) and not agency.directory(slug).exists(), found.output
    assert archives(agency, slug) == []
