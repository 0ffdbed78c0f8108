# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups over SSH, to a path and by SFTP, and their way back. The faults come last; each of them is recovered from.

The tests build on one another: vaulted backs up to the other host, local to its own, as nobody should.
"""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Result
from tests.kit.figures import PLANTED

BACKUP, RESTORE = "playbooks/backup_client.yml", "playbooks/restore_client.yml"
PASSWORDS = {"mai_backup_password": "pass-of-%s $'\"", "mai_backup_recovery_password": "agency's recovery"}
WRITE = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
database.execute("PRAGMA journal_mode=WAL")
database.execute("CREATE TABLE IF NOT EXISTS chat (id TEXT PRIMARY KEY, user_id TEXT, updated_at BIGINT)")
until, number = time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < until or number < 100:
    number += 1
    database.execute("INSERT INTO chat VALUES (hex(randomblob(8)), 'u', 0)")
print(number)
"""
# What lies in a hostile instance's data, to be followed, to be waited for, or to be read for ever
PLANTS = """
cd "$1/data" && mkdir -p uploads cache && echo kept > uploads/kept && echo gone > cache/gone && echo log > audit.log
ln -s /etc uploads/etc && ln -s /etc/shadow uploads/shadow && mkfifo uploads/pipe && mknod uploads/null c 1 3
chmod 4755 uploads/kept && truncate -s 1T uploads/holes
python3 -c 'import os
for _ in range(200): os.mkdir("d"); os.chdir("d")'
"""


@pytest.fixture(scope="module")
def fleet(new_fleet: t.Callable[..., Fleet], ready_hosts: tuple[Host, Host]) -> Fleet:
    own, other = ready_hosts
    own.exec("sh", "-c", "[ -e /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519")
    key = {name: own.exec("cat", f"/root/.ssh/{name}").stdout for name in ("id_ed25519", "id_ed25519.pub")}
    other.exec("sh", "-c", "cat >> /root/.ssh/authorized_keys", data=key["id_ed25519.pub"])
    other.exec("sh", "-c", "umask 077; cat > /root/.ssh/id_ed25519", data=key["id_ed25519"])
    for host in ready_hosts:
        host.exec("sh", "-c", f"ssh-keyscan -t ed25519 {other.address()} >> /root/.ssh/known_hosts 2>/dev/null")
    fleet = new_fleet(mai_admin_email="boss@example.com", mai_backup_random_delay="0")
    places = {"vaulted": f"sftp:root@{other.address()}:/srv/backup/vaulted", "local": "/srv/backup/local"}
    for slug, place in places.items():
        passwords = {**PASSWORDS, "mai_backup_password": PASSWORDS["mai_backup_password"] % slug}
        fleet.put(slug, own, mai_backup_repository=place, **passwords)
    fleet.put("refuge", other)
    return fleet


@pytest.fixture(scope="module")
def onboarded(fleet: Fleet) -> Result:
    for host in (fleet.host("vaulted"), fleet.host("refuge")):
        host.exec("mkdir", "-p", "/var/lib/prometheus/node-exporter")
    return fleet.run("vaulted,local", "-vvv", "--diff")


def state(fleet: Fleet, slug: str) -> dict[str, t.Any]:
    return json.loads(fleet.file(slug, ".backup/state.json"))


def start(fleet: Fleet, slug: str) -> dict[str, t.Any]:
    """What the timer does, and what became of it."""
    fleet.sh(slug, f"systemctl start {fleet.service(slug)}-backup.service", check=False)
    return state(fleet, slug)


def write(fleet: Fleet, slug: str, seconds: float = 0) -> int:
    database = f"{fleet.directory(slug)}/data/webui.db"
    return int(fleet.host(slug).exec("python3", "-c", WRITE, database, str(seconds)).stdout)


def tables(fleet: Fleet) -> dict[str, t.Any]:
    """Of vaulted. At each start the instance notes the time in its organisation's row."""
    found = {name: fleet.table("vaulted", name) for name in ("user", "client_organizations", "chat")}
    for row in found["client_organizations"]:
        del row["updated_at"]
    return found


def test_onboarding_sets_up_and_makes_the_first_backup(fleet: Fleet, onboarded: Result) -> None:
    for slug in ("vaulted", "local"):
        assert state(fleet, slug)["last_success"] and state(fleet, slug)["error"] is None
        timer = fleet.sh(slug, f"systemctl show {fleet.service(slug)}-backup.timer -p ActiveState -p UnitFileState")
        assert timer.split() == ["ActiveState=active", "UnitFileState=enabled"]
        assert fleet.sh(slug, f"stat -c %a {fleet.directory(slug)}/.backup/settings.json") == "600\n"
        metrics = fleet.sh(slug, f"cat /var/lib/prometheus/node-exporter/mai_clients_backup_{slug}.prom")
        assert f'mai_clients_backup_last_run_ok{{client="{slug}"}} 1\n' in metrics
    assert "its backups lie on its own machine (/srv/backup/local) and are lost with it" in onboarded.said
    secrets = [PASSWORDS["mai_backup_password"] % slug for slug in ("vaulted", "local")]
    secrets += [PASSWORDS["mai_backup_recovery_password"], fleet.secret("vaulted")]
    assert not [secret for secret in secrets if secret in onboarded.output]


def test_each_repository_opens_with_the_recovery_key(fleet: Fleet, onboarded: Result) -> None:
    opened = fleet.host("local").exec(
        *("env", f"RESTIC_PASSWORD={PASSWORDS['mai_backup_recovery_password']}"),
        *("restic", "-r", "/srv/backup/local", "snapshots", "--json"),
    )
    [snapshot] = json.loads(opened.stdout)
    assert snapshot["hostname"] == "local" and snapshot["tags"][:2] == ["mai.clients", "image=mai-standin:test"]


def test_a_second_run_changes_nothing(fleet: Fleet, onboarded: Result) -> None:
    again = fleet.run("vaulted,local")
    assert again.total("changed") == 0 and fleet.writes == []
    checked = fleet.run("vaulted", "--check", "--diff", playbook=RESTORE)
    assert "vaulted would be restored" in checked.said.replace("vaulted (vaulted)", "vaulted")


@pytest.fixture(scope="module")
def backed_up(fleet: Fleet, onboarded: Result) -> Result:
    """While the instance writes, with a hostile folder."""
    fleet.host("vaulted").exec("sh", "-ec", PLANTS, "sh", fleet.directory("vaulted"))
    script = 'python3 -c "$1" "$2" 20 > /tmp/written 2>&1 & sleep 1'
    fleet.host("vaulted").exec("sh", "-c", script, "sh", WRITE, f"{fleet.directory('vaulted')}/data/webui.db")
    return fleet.run("vaulted,local", playbook=BACKUP)


def test_a_backup_is_made_while_the_instance_writes(fleet: Fleet, backed_up: Result) -> None:
    assert backed_up.said.count("was backed up to") == 2
    assert state(fleet, "vaulted")["left_out"] == 4  # the pipe, the device, the holes, what is nested too deeply
    listing = fleet.sh("local", "cat /etc/shadow | head -1")
    assert listing not in backed_up.output


def test_the_lists_know_it(fleet: Fleet, backed_up: Result) -> None:
    listed = fleet.run("vaulted,local", "-e", "fail_on=backup26", playbook="playbooks/list_clients.yml")
    assert "BACKUP" in listed.stdout and "its backups leave out 4 things" in listed.said


def test_a_backup_is_verified(fleet: Fleet, backed_up: Result) -> None:
    verified = fleet.run("vaulted", playbook="playbooks/verify_backup.yml")
    assert " × chat" in verified.said and "1 × client_organizations" in verified.said
    assert fleet.sh("vaulted", f"ls -d {fleet.directory('vaulted')}/.verify", check=False) == ""


@pytest.fixture(scope="module")
def restored(fleet: Fleet, backed_up: Result) -> Result:
    # Nobody writes any more: what is restored can be compared
    fleet.sh("vaulted", "while pgrep -f '[r]andomblob' > /dev/null; do sleep 0.2; done")
    start(fleet, "vaulted")
    fleet.before = tables(fleet)  # type: ignore[attr-defined]
    with fleet.session("vaulted") as api:
        somebody = {"name": "Late", "email": "late@example.com", "password": "a-password", "role": "user"}
        api.post("/api/v1/auths/add", json=somebody).raise_for_status()
    fleet.sh("vaulted", f"rm {fleet.directory('vaulted')}/data/uploads/kept")
    return fleet.run("vaulted", playbook=RESTORE)


def test_a_restore_brings_back_what_was(fleet: Fleet, restored: Result) -> None:
    before = fleet.before  # type: ignore[attr-defined]
    assert tables(fleet) == before
    kept = f"{fleet.directory('vaulted')}/data/uploads/kept"
    assert fleet.sh("vaulted", f"cat {kept}; stat -c %a {kept}") == "kept\n755\n"
    assert (
        fleet.sh("vaulted", f"cd {fleet.directory('vaulted')}/data && ls cache audit.log uploads/pipe", check=False)
        == ""
    )
    assert fleet.sign_in("vaulted").status_code == 200
    # What there was is kept, and the key is the one that it was
    aside = fleet.sh("vaulted", f"ls -d {fleet.directory('vaulted')}/.before-restore-*/data").strip()
    assert fleet.sh("vaulted", f"ls {aside}/webui.db").strip() == f"{aside}/webui.db"
    assert fleet.writes == [] and fleet.run("vaulted").total("changed") == 0


def test_a_client_is_restored_on_another_machine(fleet: Fleet, restored: Result) -> None:
    before, key = fleet.before, fleet.only_key("vaulted")  # type: ignore[attr-defined]
    start(fleet, "vaulted")
    fleet.sh(
        "vaulted",
        f"docker stop {fleet.service('vaulted')}; systemctl disable --now {fleet.service('vaulted')}-backup.timer",
    )
    moved = fleet.run("vaulted", "-e", "restore_to=refuge", playbook=RESTORE)
    assert "set ansible_host of vaulted to" in moved.said and fleet.writes == []
    fleet.put("vaulted", fleet.host("refuge"))
    assert tables(fleet) == before
    assert fleet.sign_in("vaulted").status_code == 200 and fleet.only_key("vaulted") == key
    assert fleet.sh("vaulted", f"ls -d {fleet.directory('vaulted')}/.before-restore-*", check=False) == ""


FAULTS = {
    "the repository is gone": (
        "mv /srv/backup/local /srv/backup/away",
        "mv /srv/backup/away /srv/backup/local",
        "It was there before, so none is made in its place",
    ),
    "the disk of the repository is full": (
        "mount -t tmpfs -o size=3m none /mnt && cp -a /srv/backup/local/. /mnt && dd if=/dev/zero of=/mnt/x bs=64k "
        "2>/dev/null; mount --bind /mnt /srv/backup/local",
        "umount /srv/backup/local /mnt",
        "has no room left",
    ),
    "the database is damaged": (
        # What is in its log would hide it, and a file that is put in place would be another one than the instance's
        "python3 -c \"import sqlite3; db = sqlite3.connect('$D/data/webui.db'); "
        "db.execute('PRAGMA wal_checkpoint(TRUNCATE)')\"; "
        "cp -a $D/data/webui.db /tmp/whole; dd if=/dev/urandom of=$D/data/webui.db bs=4096 seek=1 count=8 conv=notrunc "
        "2>/dev/null",
        "cat /tmp/whole > $D/data/webui.db",
        "damaged",
    ),
    "the database is a link": (
        "mv $D/data/webui.db /tmp/moved && ln -s /tmp/moved $D/data/webui.db",
        "rm $D/data/webui.db && mv /tmp/moved $D/data/webui.db",
        "is not the instance's own file",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_and_the_next_run_recovers(fleet: Fleet, restored: Result, fault: str) -> None:
    make, mend, sentence = FAULTS[fault]
    directory = f"D={fleet.directory('local')};"
    before = state(fleet, "local")["last_success"]
    instance = fleet.started("local")
    fleet.sh("local", f"{directory} docker pause {fleet.service('local')}; {make}")
    try:
        after = start(fleet, "local")
    finally:
        fleet.sh("local", f"{directory} {mend}; docker unpause {fleet.service('local')}")
    assert sentence in (after["error"] or "no error") and after["last_success"] == before
    assert start(fleet, "local")["error"] is None
    assert fleet.started("local") == instance
    assert fleet.sh("local", f"ls -A {fleet.directory('local')}/.backup").split() == [
        *("backup.py", "lock", "settings.json", "state.json")
    ]
    PLANTED.add(f"backup: {fault}", sentence, "the instance goes on, the next backup succeeds")


def test_a_killed_backup_leaves_nothing_in_the_way(fleet: Fleet, restored: Result) -> None:
    unit = f"{fleet.service('local')}-backup.service"
    fleet.sh("local", f"dd if=/dev/urandom of={fleet.directory('local')}/data/big bs=1M count=200 2>/dev/null")
    fleet.sh("local", f"systemctl start --no-block {unit}; sleep 2.5; systemctl kill -s KILL {unit}; sleep 0.5")
    killed = fleet.sh("local", f"systemctl show -p Result {unit}")
    assert killed == "Result=signal\n"
    fleet.sh("local", f"rm {fleet.directory('local')}/data/big")
    after = start(fleet, "local")
    assert after["error"] is None and after["warning"] is None
    assert fleet.sh("local", f"ls {fleet.directory('local')}/.backup/stage", check=False) == ""
    PLANTED.add("backup: killed", "", "nothing of it is left, the next backup succeeds")


def test_a_wrong_password_fails_and_the_others_are_backed_up(fleet: Fleet, restored: Result) -> None:
    fleet.change("local", mai_backup_password="another one")
    ended = fleet.run("vaulted,local", playbook=BACKUP, check=False)
    assert ended.rc == 2 and "does not open with mai_backup_password" in ended.said
    assert "vaulted was backed up to" in ended.said and "another one" not in ended.output
    PLANTED.add("backup: wrong password", "does not open with mai_backup_password", "others are backed up")


def test_an_off_boarding_begins_with_a_backup_and_ends_them(fleet: Fleet, restored: Result) -> None:
    fleet.change("local", mai_backup_password=PASSWORDS["mai_backup_password"] % "local")
    ended = fleet.run("local", "-e", "confirm=local", playbook="playbooks/offboard_client.yml")
    assert "last backup: snapshot" in ended.said
    assert fleet.sh("local", "ls /etc/systemd/system | grep mai-local", check=False) == ""
    assert fleet.sh("local", "ls -d /opt/mai/deployments/archive/client-local-*/.backup", check=False) == ""
    assert fleet.sh("local", "ls /var/lib/prometheus/node-exporter/*_local.prom", check=False) == ""
