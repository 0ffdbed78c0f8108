# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine is destroyed, and its clients come back on another one: one with SQLite, one with a PostgreSQL beside it.

The tests build on one another. How long it took, and what was lost, is in build/report.md.
"""

from __future__ import annotations

import json
import time
import typing as t

import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.kit.figures import Table

SQLITE, POSTGRESQL = "phoenix", "ledger"
BOTH = (SQLITE, POSTGRESQL)
BACKUP, RESTORE = "playbooks/backup_client.yml", "playbooks/restore_client.yml"
AUTHORITY = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
STORAGE = """
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends rclone > /dev/null
mkdir -p /srv/vault
setsid rclone serve restic --addr :8300 --append-only --user vault --pass 'w0rd of the vault' /srv/vault < /dev/null \
    > /srv/rclone.log 2>&1 &
"""
PURGE = "systemctl stop caddy; apt-get purge -qqy caddy >/dev/null 2>&1; rm -rf /etc/caddy /var/lib/caddy"


@pytest.fixture(scope="module")
def fleet(
    boot: t.Callable[..., Host],
    new_fleet: t.Callable[..., Fleet],
    ready_hosts: tuple[Host, Host],
    standin_image: Image,
    postgresql_image: Image,
) -> t.Iterator[Fleet]:
    """Two clients on a machine that is going to be lost, their backups on another one."""
    doomed, storage = boot(), ready_hosts[1]
    storage.exec("sh", "-c", "[ -e /root/.ssh/id_vault ] || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_vault")
    storage.exec("sh", "-c", "cat /root/.ssh/id_vault.pub >> /root/.ssh/authorized_keys")
    key = storage.exec("cat", "/root/.ssh/id_vault").stdout
    for host in (doomed, ready_hosts[0]):
        # As an agency's image of a machine has it
        host.exec("sh", "-c", "umask 077; mkdir -p /root/.ssh; cat > /root/.ssh/id_ed25519", data=key)
        host.exec("sh", "-c", f"ssh-keyscan -t ed25519 {storage.address()} >> /root/.ssh/known_hosts 2>/dev/null")
    # The other kind of storage: one that lets a machine add, and remove nothing
    storage.exec("sh", "-ec", STORAGE)
    fleet = new_fleet(
        mai_admin_email="boss@example.com",
        mai_domain="clients.example",
        mai_tls="internal",
        mai_image_archive=str(standin_image.archive),
        mai_database_image=postgresql_image.name,
        mai_database_image_archive=str(postgresql_image.archive),
        mai_extra_env={"STANDIN_CONFIG": "rows"},
        mai_backup_password="of the vault",
        mai_backup_recovery_password="agency's recovery",
    )
    for slug in BOTH:
        database = "sqlite" if slug == SQLITE else "postgresql"
        place = f"sftp:root@{storage.address()}:/srv/vault/{slug}"
        fleet.put(slug, doomed, mai_database=database, mai_backup_repository=place, mai_database_driver="psycopg")
    fleet.change(
        POSTGRESQL,
        mai_backup_repository=f"rest:http://{storage.address()}:8300/{POSTGRESQL}",
        mai_backup_environment={"RESTIC_REST_USERNAME": "vault", "RESTIC_REST_PASSWORD": "w0rd of the vault"},
        mai_backup_keep={},
    )
    fleet.run(",".join(BOTH))
    yield fleet
    # Other tests go on with these hosts
    ready_hosts[0].exec("sh", "-c", f"{PURGE}; rm -f /root/.ssh/id_ed25519")
    storage.exec("pkill", "rclone")


def table(fleet: Fleet, slug: str, name: str) -> list[dict[str, t.Any]]:
    """Without what each start and each sign-in notes."""
    if slug == SQLITE:
        rows = fleet.table(slug, name)
    else:
        command = ["docker", "exec", "--interactive", "mai-ledger-database", "psql", "-qtA", "-U", "mai", "mai"]
        statement = f"SELECT coalesce(json_agg(r), '[]') FROM \"{name}\" r"
        rows = json.loads(fleet.host(slug).exec(*command, data=statement).stdout)
    kept = [{column: value for column, value in row.items() if column[-3:] != "_at"} for row in rows]
    return sorted(kept, key=lambda row: str(row["id"]))


def ask(fleet: Fleet, slug: str, path: str, body: t.Any = None, token: str = "") -> t.Any:
    """Through the instance, which only its own machine reaches past the proxy."""
    url = f"http://127.0.0.1:{fleet.known(slug)['mai_port']}/api{path}"
    command = ["curl", "-sS", "--fail-with-body", "-H", f"Authorization: Bearer {token}", url]
    if body:
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    return json.loads(fleet.host(slug).exec(*command).stdout)


def sign_in(fleet: Fleet, slug: str) -> str:
    known = fleet.variables(slug, "admin.env")
    form = {"email": known["WEBUI_ADMIN_EMAIL"], "password": known["WEBUI_ADMIN_PASSWORD"]}
    return str(ask(fleet, slug, "/v1/auths/signin", form)["token"])


def write(fleet: Fleet, slug: str, first: int, last: int) -> None:
    """People, through the instance."""
    token = sign_in(fleet, slug)
    for number in range(first, last):
        somebody = {"name": f"P{number}", "email": f"p{number}@example.com", "password": "a-password", "role": "user"}
        ask(fleet, slug, "/v1/auths/add", somebody, token)


def everything(fleet: Fleet, slug: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {name: table(fleet, slug, name) for name in ("user", "client_organizations")}
    found["upload"] = fleet.sh(slug, f"cat {fleet.directory(slug)}/data/uploads/kept")
    found["secrets"] = fleet.file(slug, "secrets.env")
    found["key"] = fleet.only_key(slug)["hash"]
    return found


@pytest.fixture(scope="module")
def saved(fleet: Fleet) -> dict[str, dict[str, t.Any]]:
    """What was there when the last backup was made."""
    for slug in BOTH:
        write(fleet, slug, 0, 5)
        fleet.sh(slug, f"cd {fleet.directory(slug)}/data; mkdir -p uploads; echo {slug} > uploads/kept")
    # People who came since are noted as the client's
    fleet.run(",".join(BOTH))
    fleet.run(",".join(BOTH), playbook=BACKUP)
    return {slug: everything(fleet, slug) for slug in BOTH}


def test_both_are_verified(fleet: Fleet, saved: dict[str, t.Any]) -> None:
    verified = fleet.run(",".join(BOTH), playbook="playbooks/verify_backup.yml")
    assert verified.said.count("6 × user,") == 2 and verified.said.count("1 × client_organizations") == 2
    again = fleet.run(",".join(BOTH))
    assert again.total("changed") == 0, again.output


def test_a_postgresql_that_is_down_is_said_and_keeps_the_backups(fleet: Fleet, saved: dict[str, t.Any]) -> None:
    fleet.sh(POSTGRESQL, "docker stop mai-ledger-database")
    fleet.sh(POSTGRESQL, "systemctl start mai-ledger-backup.service", check=False)
    state = json.loads(fleet.file(POSTGRESQL, ".backup/state.json"))
    assert "mai-ledger-database does not run" in state["error"] and state["last_success"]
    fleet.run(POSTGRESQL)
    fleet.sh(POSTGRESQL, "systemctl start mai-ledger-backup.service")


def test_a_postgresql_is_restored_where_it_is(fleet: Fleet, saved: dict[str, t.Any]) -> None:
    write(fleet, POSTGRESQL, 5, 6)
    restored = fleet.run(POSTGRESQL, playbook=RESTORE)
    assert "6 × user," in restored.said and fleet.writes == []
    assert everything(fleet, POSTGRESQL) == saved[POSTGRESQL]
    aside = fleet.sh(POSTGRESQL, f"ls -d {fleet.directory(POSTGRESQL)}/.before-restore-*/database.dump").strip()
    assert "PGDMP" in fleet.sh(POSTGRESQL, f"head -c 5 {aside}")
    again = fleet.run(POSTGRESQL)
    assert again.total("changed") == 0, again.output


def test_a_server_that_does_not_start_any_more_is_made_anew(fleet: Fleet, saved: dict[str, t.Any]) -> None:
    directory = fleet.directory(POSTGRESQL)
    fleet.sh(POSTGRESQL, f"docker stop mai-ledger-database; rm {directory}/postgresql/data/global/pg_control")
    restored = fleet.run(POSTGRESQL, playbook=RESTORE)
    assert everything(fleet, POSTGRESQL) == saved[POSTGRESQL], restored.output
    assert fleet.sh(POSTGRESQL, f"ls -d {directory}/.before-restore-*/postgresql/data") != ""


@pytest.fixture(scope="module")
def moved(fleet: Fleet, saved: dict[str, t.Any], ready_hosts: tuple[Host, Host]) -> dict[str, float]:
    """The machine is gone. Seconds from that on until each client is published again."""
    for slug in BOTH:
        write(fleet, slug, 6, 9)
    fleet.host(SQLITE).down()
    seconds = {}
    for slug in BOTH:
        fleet.put(slug, ready_hosts[0])
    for slug in BOTH:
        began = time.monotonic()
        fleet.run(slug, playbook=RESTORE)
        assert fleet.writes == []
        fleet.run(slug)
        seconds[slug] = time.monotonic() - began
    return seconds


def test_they_come_back_with_the_last_backup_and_the_same_key(
    fleet: Fleet, saved: dict[str, t.Any], moved: dict[str, float]
) -> None:
    for slug in BOTH:
        assert everything(fleet, slug) == saved[slug]
        assert ask(fleet, slug, "/models", token=sign_in(fleet, slug))["data"]
        published = f"curl -sS --cacert {AUTHORITY} --resolve mai-{slug}.clients.example:443:127.0.0.1"
        assert fleet.sh(slug, f"{published} https://mai-{slug}.clients.example/health") == '{"status":true}'
        timer = fleet.sh(slug, f"systemctl is-enabled {fleet.service(slug)}-backup.timer")
        assert timer == "enabled\n"
    again = fleet.run(",".join(BOTH))
    assert again.total("changed") == 0, again.output


def test_the_figures(fleet: Fleet, saved: dict[str, t.Any], moved: dict[str, float]) -> None:
    """Three people of each were written after the last backup; nothing else is lost."""
    figures = Table("disaster", "A destroyed machine", ("client", "back and published after:", "rows lost:", "of:"))
    for slug, kind in ((SQLITE, "SQLite"), (POSTGRESQL, "PostgreSQL")):
        there = len(table(fleet, slug, "user"))
        assert there == len(saved[slug]["user"]) == 6
        figures.add(kind, f"{moved[slug]:.0f} s", f"{9 - there} written after the last backup", "9 people")
