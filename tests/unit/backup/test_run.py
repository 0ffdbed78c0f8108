# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program on the machine, as the one file that it is, with a restic that says what a real one says."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import sqlite3
import subprocess
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._backup import machines, restic, settings, state
from ansible_collections.mai.clients.plugins.plugin_utils import _backup_program

SECRETS = {
    "password": "s3cret pass'word",
    "recovery_password": "r3covery",
    "environment": {"AWS_SECRET_ACCESS_KEY": "aws-s3cret"},
}
# Writes down how it was called, then does what $FAKE tells
FAKE = """#!/bin/sh
echo "$@" >> "$0.called"
case " $* " in
  *" cat config "*) [ -e "$0.config" ] || { echo "Fatal: unable to open config file: stat: no such file" >&2; exit 1; }
    if [ "$RESTIC_PASSWORD" = r3covery ] && [ ! -e "$0.recovery" ]; then
      echo "Fatal: wrong password or no key found" >&2; exit 1; fi
    echo '{"version":2,"id":"abc"}';;
  *" snapshots "*) cat "$0.snapshots" 2> /dev/null || echo null;;
  *" backup --host "*) echo "$@" > "$0.word";;
  *" init "*) touch "$0.config";;
  *" key add "*) cat /dev/fd/"${*##*/dev/fd/}" > "$0.recovery";;
  *" backup "*) if [ -e "$0.locked-backup" ]; then rm "$0.locked-backup"
    echo "Fatal: unable to create lock in backend: repository is already locked exclusively by PID 1" >&2; exit 11; fi
    ls -R "${*##* }" > "$0.tree"; cp "${*##* }/snapshot.json" "$0.snapshot"
    if [ -e "$0.fails" ]; then cat "$0.fails" >&2; exit 1; fi
    echo '{"message_type":"status","percent_done":0.5}'
    echo '{"message_type":"summary","snapshot_id":"0123456789abcdef","total_bytes_processed":9,"data_added":5}';;
  *" forget "*) if [ -e "$0.locked" ]; then rm "$0.locked"
    echo "Fatal: unable to create lock in backend: repository is already locked by PID 1" >&2; exit 1; fi;;
esac
"""


EARLY = "2026-01-01T00:00:00Z"


class Client:
    def __init__(self, folder: pathlib.Path) -> None:
        self.directory, self.programs = folder / "client-abc", folder / "bin"
        self.own, self.fake = self.directory / ".backup", self.programs / "restic"
        for place in (self.own, self.directory / "data" / "uploads", self.programs):
            place.mkdir(parents=True)
        (self.own / "backup.py").write_text(_backup_program.text())
        self.fake.write_text(FAKE)
        self.fake.chmod(0o755)
        (self.directory / "secrets.env").write_text('WEBUI_SECRET_KEY="x"\n')
        (self.directory / "data" / "uploads" / "file").write_text("kept")
        with sqlite3.connect(self.directory / "data" / "webui.db") as database:
            database.execute("CREATE TABLE user (id TEXT, role TEXT, created_at INT)")
            database.execute("INSERT INTO user VALUES ('u', 'admin', 1)")
        self.told = {"client": "abc", "service": "mai-abc-test", "repository": "rest:https://h.example/abc"}
        self.told.update(keep={"daily": 7}, metrics_dir=str(folder), client_id="abc-001")
        self.set_up()

    def set_up(self, **changes: t.Any) -> None:
        (self.own / "settings.json").write_text(settings.dump({**self.told, **changes}, SECRETS))

    def run(self) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"}
        command = ["/usr/bin/python3", "-I", "-B", str(self.own / "backup.py")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")

    def file(self, end: str) -> str:
        return (self.programs / f"restic.{end}").read_text()

    @property
    def state(self) -> dict[str, t.Any]:
        return state.read(str(self.directory)) or {}


@pytest.fixture
def client(tmp_path: pathlib.Path) -> Client:
    return Client(tmp_path)


def test_a_backup_from_nothing(client: Client, tmp_path: pathlib.Path) -> None:
    done = client.run()
    assert (done.returncode, done.stdout) == (0, "snapshot 0123456789abcdef\n"), done.stderr
    assert client.state["snapshot"] == "0123456789abcdef" and client.state["repository_id"] == "abc"
    noted = json.loads(client.file("snapshot"))
    assert noted["counts"] == {"user": 1} and noted["client"] == "abc" and noted["files"] == 1
    tree = client.file("tree").split()
    assert {"webui.db", "secrets.env", "snapshot.json", "file"} <= set(tree) and tree.count("webui.db") == 1
    assert not (client.own / "stage").exists()
    metrics = (tmp_path / "mai_clients_backup_abc.prom").read_text()
    assert 'mai_clients_backup_last_run_ok{client="abc"} 1\n' in metrics


def test_the_recovery_key_is_added_once(client: Client) -> None:
    client.run()
    assert client.file("recovery") == "r3covery"
    client.run()
    assert client.file("called").count("key add") == 1 and client.file("called").count("init") == 1


def test_no_secret_is_an_argument_or_printed(client: Client) -> None:
    done = client.run()
    told = client.file("called") + done.stdout + done.stderr + json.dumps(client.state)
    assert not [secret for secret in ("s3cret", "r3covery", "aws-s3cret", "h.example/abc ") if secret in told[:5000]]


def test_a_stale_lock_is_removed_and_nothing_removed_of_append_only_storage(client: Client) -> None:
    (client.programs / "restic.locked").touch()
    client.run()
    assert client.file("called").count("unlock") == 1 and client.state["warning"] is None
    (client.programs / "restic.locked-backup").touch()
    assert client.run().returncode == 0
    assert client.file("called").count("unlock") == 2 and not client.state["error"]
    assert "forget --host abc --group-by host --prune --keep-within=3d --keep-daily=7" in client.file("called")
    (client.programs / "restic.called").unlink()
    client.set_up(keep={})
    client.run()
    assert "forget" not in client.file("called")


def test_a_repository_that_is_gone_is_not_made_anew(client: Client) -> None:
    client.run()
    (client.programs / "restic.config").unlink()
    assert client.run().returncode == 1
    assert client.state["error_reason"] == "gone" and client.state["last_success"]
    assert client.file("called").count("init") == 1


@pytest.mark.parametrize(
    ("said", "reason", "sentence"),
    [
        ("Fatal: wrong password or no key found", "password", "does not open with mai_backup_password"),
        ("Fatal: unable to save snapshot: write /x: no space left on device", "full", "has no room left"),
        ("Fatal: dial tcp 192.0.2.1:8000: connect: connection refused", "unreachable", "does not answer"),
        ("Fatal: server said s3cret pass'word and aws-s3cret", "restic", "could not be worked with"),
        ("subprocess ssh: Host key verification failed.\nFatal: EOF", "unreachable", "(Host key verification failed.)"),
        ("", "restic", "it gave no reason"),
    ],
)
def test_what_goes_wrong_is_one_sentence(client: Client, said: str, reason: str, sentence: str) -> None:
    (client.programs / "restic.fails").write_text(f"{said}\n")
    assert client.run().returncode == 1
    assert client.state["error_reason"] == reason and sentence in client.state["error"]
    assert "s3cret" not in client.state["error"] and not (client.own / "stage").exists()


def test_a_damaged_database_is_no_backup(client: Client) -> None:
    database = client.directory / "data" / "webui.db"
    whole = database.read_bytes()
    database.write_bytes(whole[:4096] + b"\xff" * 4096)
    assert client.run().returncode == 1
    assert client.state["error_reason"] == "damaged" and "backup " not in client.file("called")
    database.write_bytes(whole)
    assert client.run().returncode == 0


def test_one_at_a_time(client: Client) -> None:
    with open(client.own / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert client.run().returncode == 75


def test_without_settings_it_does_nothing(client: Client) -> None:
    (client.own / "settings.json").write_text("[]")
    assert client.run().returncode == 2


def test_a_state_of_any_kind_is_read() -> None:
    assert state.read("/nowhere") is None


@pytest.mark.parametrize(
    "text", ["[]", "5", "{", '{"error": 5, "bytes": "x", "last_success": "a\\u202eb\\n"}', "[" * 9999]
)
def test_a_strange_state_is_no_fault(client: Client, text: str) -> None:
    (client.own / "state.json").write_text(text)
    found = client.state
    assert found.get("error") is None and found.get("bytes") is None and "\n" not in (found.get("last_success") or "")


@pytest.mark.parametrize(
    ("repository", "command"),
    [
        ("sftp:user@host:/srv/x", " -l user host -s sftp"),
        ("sftp://user@host:2222//srv/x", " -p 2222 -l user host -s sftp"),
        ("sftp:host:relative", " host -s sftp"),
    ],
)
def test_sftp_waits_for_nobody(repository: str, command: str) -> None:
    asked = restic.Restic({"repository": repository}, SECRETS, "/cache")
    [_o, option] = asked._options
    assert option.endswith(command) and "BatchMode=yes" in option and "ConnectTimeout=20" in option


def test_a_rest_server_is_entered_by_its_url_which_is_no_argument() -> None:
    own = {"password": "p", "environment": {"RESTIC_REST_USERNAME": "a@b", "RESTIC_REST_PASSWORD": "x/y"}}
    asked = restic.Restic({"repository": "rest:https://h.example/abc"}, own, "/cache")
    assert asked._environment()["RESTIC_REPOSITORY"] == "rest:https://a%40b:x%2Fy@h.example/abc"


def from_another_machine(since: str, time: str, host: str = "abc") -> str:
    return json.dumps([{"hostname": host, "time": time, "tags": [*machines.tags("another", since)]}])


def test_a_machine_that_the_client_was_moved_from_saves_nothing_and_leaves_word(client: Client) -> None:
    client.run()
    assert f"--tag machine={machines.identity()} --tag since=" in client.file("called")
    (client.programs / "restic.snapshots").write_text(
        from_another_machine("2999-01-01T00:00:00Z", "2999-01-01T00:00:00Z")
    )
    done = client.run()
    assert done.returncode == 1 and "Stop this instance and the timer of its backups" in client.state["error"]
    assert client.state["error_reason"] == "moved" and "--host returned-abc" in client.file("word")
    assert client.file("called").count("backup --json") == 1 and not (client.own / "stage").exists()
    # It was restored here: from then on this machine counts
    (client.own / "state.json").write_text(json.dumps({**client.state, "since": "2999-01-02T00:00:00Z"}))
    assert client.run().returncode == 0


def test_a_machine_hears_of_the_one_that_came_back(client: Client) -> None:
    moment = state.now()
    client.run()
    (client.own / "state.json").write_text(json.dumps({**client.state, "since": EARLY, "last_success": EARLY}))
    (client.programs / "restic.snapshots").write_text(from_another_machine(EARLY, moment, "returned-abc"))
    assert client.run().returncode == 0
    assert f"another machine of abc is at work ({moment})" in client.state["warning"]
    (client.programs / "restic.snapshots").unlink()
    client.run()
    assert client.state["warning"] is None
