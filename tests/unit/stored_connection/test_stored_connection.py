# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stored_connection on real SQLite files in both forms that Open WebUI has had, run as a process."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time

import pytest
from ansible_collections.mai.clients.plugins.module_utils._envfile import dump
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

from tests.kit.schema import config
from tests.unit.organization.process import FOREIGN_KEY, KEY, MARK, OLD_KEY, ROOT, run_module

URL = "https://openrouter.ai/api/v1"
OLD_URL = "http://127.0.0.1:8400/api/v1"
FOREIGN_URL = f"https://admin:{MARK}@llm.example.com:8443/v1?token={MARK}"

DDL = {form: config(form) for form in ("rows", "blob")}


class Instance:
    """The settings of an instance in one of the two forms."""

    def __init__(self, directory, form):
        self.form = form
        self.database = directory / "webui.db"
        self.key_file = directory / "api_key.env"
        self.key_file.write_text(f'OPENAI_API_KEY="{KEY}"\n')

    def sql(self, statement, *values):
        connection = sqlite3.connect(self.database)
        try:
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
        finally:
            connection.close()
        return rows

    def save(self, settings, **style):
        """Store settings as an instance of that form does, from their dotted names."""
        self.sql(DDL[self.form])
        if self.form == "rows":
            for name, value in settings.items():
                self.sql("INSERT INTO config VALUES (?, ?, 1755000000)", name, json.dumps(value, **style))
        else:
            tree = {}
            for name, value in settings.items():
                *parents, last = name.split(".")
                branch = tree
                for parent in parents:
                    branch = branch.setdefault(parent, {})
                branch[last] = value
            self.sql("INSERT INTO config (data, version) VALUES (?, 0)", json.dumps(tree, **style))

    def settings(self):
        """Return what is stored as one text for each setting of the first level."""
        if self.form == "rows":
            # SQLite gives a column of type JSON numeric affinity: it keeps 0 as a number.
            return dict(self.sql('SELECT "key", CAST(value AS TEXT) FROM config'))
        (text,) = self.sql("SELECT data FROM config ORDER BY id DESC LIMIT 1")[0]
        return {"blob": text}

    def connection(self, check=False, **arguments):
        defaults = dict(
            database_path=str(self.database),
            secret_file=str(self.key_file),
            base_url=URL,
            replaces=[sha256(OLD_KEY)],
            replaces_urls=[OLD_URL],
            instance_running=self.form == "rows",
        )
        defaults.update(arguments)
        return run_module(
            "stored_connection", check, **{name: value for name, value in defaults.items() if value is not None}
        )


@pytest.fixture(params=["rows", "blob"])
def instance(request, tmp_path):
    return Instance(tmp_path, request.param)


@pytest.fixture
def rows(tmp_path):
    return Instance(tmp_path, "rows")


@pytest.fixture
def blob(tmp_path):
    return Instance(tmp_path, "blob")


def settings(keys, urls, **more):
    return {
        "version": 0,
        "ui.enable_signup": False,
        "ui.banners": [{"content": 'Żółw & "Söhne" 🐢 \\ $HOME', "dismissible": True, "timestamp": 1755000000.25}],
        "openai.enable": True,
        "openai.api_keys": keys,
        "openai.api_base_urls": urls,
        "openai.api_configs": {"0": {"model_ids": ["openai/gpt-4o"], "enable": True}, "1": {"headers": None}},
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def test_current(instance):
    instance.save(settings([KEY], [URL]))
    content = instance.database.read_bytes()
    result = instance.connection()
    assert result["changed"] is False
    assert result["form"] == instance.form
    assert result["status"] == "current"
    assert result["connections"] == [{"url": URL, "key_hash": sha256(KEY), "ours": "current"}]
    assert result["replaced"] == []
    assert result["restart_required"] is False
    assert result["diff"]["before"] == result["diff"]["after"] == {}
    assert instance.database.read_bytes() == content


@pytest.mark.parametrize("former", [OLD_URL, OLD_URL + "/", sha256(OLD_URL), sha256(OLD_URL + "/")])
@pytest.mark.parametrize("saved", [OLD_URL, OLD_URL + "/"])
@pytest.mark.parametrize("wanted", [URL, URL + "/"])
def test_a_slash_at_the_end_of_a_url_makes_no_difference(rows, former, saved, wanted):
    rows.save(settings([KEY], [saved]))
    result = rows.connection(replaces_urls=[former], base_url=wanted)
    assert (result["status"], result["changed"]) == ("replaced", True)
    again = rows.connection(replaces_urls=[former], base_url=URL)
    assert (again["status"], again["changed"]) == ("current", False)


def test_replaces_our_key_and_url_and_nothing_else(instance):
    before = settings(
        [FOREIGN_KEY, OLD_KEY, "", OLD_KEY, FOREIGN_KEY],
        [FOREIGN_URL, OLD_URL + "/", OLD_URL, URL, OLD_URL],
        rag__openai__api_key=OLD_KEY,
        rag__openai__api_base_url=OLD_URL,
        audio__tts__openai__api_key=OLD_KEY,
        audio__tts__openai__api_base_url="https://api.openai.com/v1",
        image_generation__openai__api_key=FOREIGN_KEY,
        image_generation__openai__api_base_url=OLD_URL,
        note__text=f"mentions {OLD_KEY} in a sentence",
    )
    instance.save(before)
    stored = instance.settings()
    result = instance.connection()
    assert result["changed"] is True
    assert result["status"] == "replaced"
    assert sorted(result["replaced"]) == [
        "audio.tts.openai.api_key",
        "openai.api_base_urls.1",
        "openai.api_keys.1",
        "openai.api_keys.3",
        "rag.openai.api_base_url",
        "rag.openai.api_key",
    ]
    assert [connection["ours"] for connection in result["connections"]] == [
        "foreign",
        "old",
        "foreign",
        "old",
        "foreign",
    ]
    assert result["connections"][0]["url"] == "https://llm.example.com:8443/v1"
    assert result["connections"][2]["key_hash"] is None
    assert result["restart_required"] is (instance.form == "blob")

    before["openai.api_keys"] = [FOREIGN_KEY, KEY, "", KEY, FOREIGN_KEY]
    before["openai.api_base_urls"] = [FOREIGN_URL, URL, OLD_URL, URL, OLD_URL]
    before["rag.openai.api_key"] = before["audio.tts.openai.api_key"] = KEY
    before["rag.openai.api_base_url"] = URL
    expected = Instance(instance.database.parent, instance.form)
    expected.database = instance.database.with_name("expected.db")
    expected.save(before)
    assert instance.settings() == expected.settings(), "everything else must be the same to the byte"
    assert instance.settings() != stored
    if instance.form == "rows":
        assert instance.sql("SELECT DISTINCT updated_at FROM config") == [(1755000000,)]

    content = instance.database.read_bytes()
    again = instance.connection()
    assert again["changed"] is False
    assert again["status"] == "current"
    assert instance.database.read_bytes() == content


@pytest.mark.parametrize(
    "style",
    [{}, {"ensure_ascii": False}, {"separators": (",", ":")}, {"separators": (",", ":"), "ensure_ascii": False}],
)
def test_writing_of_json_is_kept(instance, style):
    instance.save(settings([OLD_KEY], [URL]), **style)
    stored = instance.settings()
    assert instance.connection()["changed"] is True
    assert instance.settings() == {name: text.replace(OLD_KEY, KEY) for name, text in stored.items()}


@pytest.mark.parametrize("key", ['"\\', "ż $HOME `x`", "'; DROP TABLE config; --", "\n%s ?"])
def test_any_key_is_data(instance, key):
    key = MARK + key
    instance.key_file.write_text(dump({"MY_KEY": key}), encoding="utf-8")
    instance.save(settings([OLD_KEY], [URL]))
    assert instance.connection(secret_variable="MY_KEY")["connections"][0]["ours"] == "old"
    result = instance.connection(secret_variable="MY_KEY")
    assert result["status"] == "current"
    assert result["connections"][0]["key_hash"] == sha256(key)


def test_check_mode_and_diff(instance):
    instance.save(settings([OLD_KEY], [OLD_URL]))
    content = instance.database.read_bytes()
    told = instance.connection(check=True, instance_running=True)
    assert instance.database.read_bytes() == content
    assert told["changed"] is True
    assert told["status"] == "replaced"
    done = instance.connection()
    assert told == done
    assert told["diff"]["before"] == {
        "openai.api_keys.0": f"SHA-256 {sha256(OLD_KEY)[:12]}…",
        "openai.api_base_urls.0": OLD_URL,
    }
    assert told["diff"]["after"] == {
        "openai.api_keys.0": f"SHA-256 {sha256(KEY)[:12]}…",
        "openai.api_base_urls.0": URL,
    }


def test_a_blob_is_not_changed_while_the_instance_runs(blob):
    blob.save(settings([OLD_KEY], [URL]))
    content = blob.database.read_bytes()
    for running in (True, None):
        result = blob.connection(instance_running=running)
        assert result["failed"] is True
        assert result["reason"] == "running"
        assert "Stop the instance" in result["msg"]
        assert result["restart_required"] is True
        assert result["form"] == "blob"
        assert result["connections"][0]["ours"] == "old"
    assert blob.database.read_bytes() == content


def test_a_blob_that_is_current_is_no_problem_while_the_instance_runs(blob):
    blob.save(settings([KEY], [URL]))
    assert blob.connection(instance_running=True)["status"] == "current"


def test_only_the_newest_blob_counts(blob):
    blob.save(settings([KEY], [URL]))
    blob.sql("INSERT INTO config (data, version) VALUES (?, 0)", json.dumps({"openai": {"api_keys": [OLD_KEY]}}))
    blob.sql("INSERT INTO config (id, data, version) VALUES (-1, ?, 0)", "no json")
    result = blob.connection(base_url=None)
    assert result["status"] == "replaced"
    first, second = blob.sql("SELECT data FROM config WHERE id > 0 ORDER BY id")
    assert json.loads(second[0]) == {"openai": {"api_keys": [KEY]}}
    assert json.loads(first[0])["openai"]["api_keys"] == [KEY]


def test_an_administrator_replaced_our_key(instance):
    instance.save(settings([FOREIGN_KEY, ""], [URL, OLD_URL]))
    stored = instance.settings()
    result = instance.connection()
    assert result["status"] == "foreign"
    assert result["changed"] is False
    assert instance.settings() == stored


@pytest.mark.parametrize("keys", [[], [""], ["", ""], "text", None, 5, [None, 7, {}]])
def test_no_key_is_saved(instance, keys):
    instance.save(settings(keys, [URL]))
    result = instance.connection()
    assert result["status"] == "missing"
    assert result["changed"] is False


@pytest.mark.parametrize("ddl", [*DDL.values(), "CREATE TABLE other (a)", "CREATE TABLE config (other TEXT)"])
def test_nothing_is_stored_yet(rows, ddl):
    rows.sql(ddl)
    result = rows.connection()
    assert result["status"] == "not_stored"
    assert result["changed"] is False
    assert result["form"] == next((form for form, known in DDL.items() if known == ddl), "none")


def test_connections_were_never_saved_but_a_copy_was(instance):
    instance.save({"rag.openai.api_key": OLD_KEY})
    result = instance.connection()
    assert result["status"] == "not_stored"
    assert result["replaced"] == ["rag.openai.api_key"]
    assert instance.connection()["changed"] is False


def test_url_that_somebody_else_set(instance):
    instance.save(settings([KEY, OLD_KEY], [FOREIGN_URL, FOREIGN_URL]))
    result = instance.connection()
    assert result["status"] == "url_differs"
    assert result["replaced"] == ["openai.api_keys.1"]
    assert FOREIGN_URL in instance.settings()["blob" if instance.form == "blob" else "openai.api_base_urls"]
    assert instance.connection(base_url=None)["status"] == "current"
    assert instance.connection()["changed"] is False


def test_only_the_url_changes(instance):
    instance.save(settings([KEY], [OLD_URL]))
    assert instance.connection(replaces=[], replaces_urls=[])["status"] == "url_differs"
    assert instance.connection(replaces=[])["replaced"] == ["openai.api_base_urls.0"]
    assert instance.connection()["status"] == "current"


def test_lists_of_different_lengths(instance):
    instance.save(settings([OLD_KEY, KEY], [URL]))
    result = instance.connection()
    assert result["status"] == "replaced"
    assert result["connections"][1]["url"] == "not a URL"


def test_a_row_that_is_not_json_is_left_alone(rows):
    rows.save(settings([OLD_KEY], [URL]))
    rows.sql("INSERT INTO config VALUES ('odd', ?, 0)", f"{{{OLD_KEY}")
    assert rows.connection()["status"] == "replaced"
    assert rows.sql("SELECT value FROM config WHERE \"key\" = 'odd'") == [(f"{{{OLD_KEY}",)]


def test_numbers_that_are_none_are_no_reason_to_write(instance):
    instance.save(settings([KEY], [URL], odd__number=float("nan")))
    assert instance.connection()["changed"] is False


def test_former_keys_must_be_hashes(instance):
    instance.save(settings([OLD_KEY], [URL]))
    result = instance.connection(replaces=[OLD_KEY])
    assert result["reason"] == "invalid"
    assert "64 hex digits" in result["msg"]
    assert instance.connection(replaces=[sha256(OLD_KEY).upper()])["status"] == "replaced"


def test_missing_secret_and_database(rows):
    assert rows.connection()["reason"] == "missing"
    assert not rows.database.exists()
    rows.save({})
    rows.key_file.unlink()
    result = rows.connection()
    assert result["reason"] == "secret"
    assert str(rows.key_file) in result["msg"]


def test_locked_database(rows):
    rows.save(settings([OLD_KEY], [URL]))
    rows.sql("PRAGMA journal_mode=wal")
    writer = sqlite3.connect(rows.database, isolation_level=None)
    try:
        writer.execute("BEGIN IMMEDIATE")
        assert rows.connection(wait_timeout=0.2)["reason"] == "locked"
        assert rows.connection(check=True, wait_timeout=0.2)["status"] == "replaced"
    finally:
        writer.close()
    assert rows.connection()["status"] == "replaced"


def test_live_beside_an_instance_that_reads_and_saves_other_settings(rows):
    rows.save(settings([OLD_KEY], [URL]))
    rows.sql("PRAGMA journal_mode=wal")
    script = (
        "import json, sqlite3, sys, time\n"
        "connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)\n"
        "for number in range(10**9):\n"
        "    connection.execute(\"UPDATE config SET updated_at = ? WHERE key = 'ui.banners'\", (number,))\n"
        "    keys = connection.execute(\"SELECT value FROM config WHERE key = 'openai.api_keys'\").fetchone()[0]\n"
        "    assert len(json.loads(keys)) == 1\n"
        "    time.sleep(0.001)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(rows.database)])
    try:
        while rows.sql("SELECT updated_at FROM config WHERE \"key\" = 'ui.banners'")[0][0] in (0, 1755000000):
            assert other.poll() is None
            time.sleep(0.01)
        assert rows.connection()["status"] == "replaced"
        assert rows.connection()["status"] == "current"
        assert other.poll() is None, "the instance's own reading and writing failed"
    finally:
        other.kill()
        other.wait()
    assert json.loads(rows.settings()["openai.api_keys"]) == [KEY]


def test_nothing_leaks_when_ansible_runs_it_at_its_most_talkative(rows, tmp_path):
    rows.save(settings([OLD_KEY, FOREIGN_KEY], [OLD_URL, FOREIGN_URL]))
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Replace
      mai.clients.stored_connection:
        database_path: {rows.database}
        secret_file: {rows.key_file}
        base_url: {URL}
        replaces: ["{sha256(OLD_KEY)}"]
        replaces_urls: ["{OLD_URL}"]
      register: saved
    - name: The administrator's connection is listed and ours is present
      ansible.builtin.assert:
        that: saved.status == "replaced" and saved.connections | length == 2
""")
    process = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-vvvv", "--diff", str(playbook)],
        cwd=ROOT,
        env=dict(os.environ, ANSIBLE_DEBUG="1", HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, output[-3000:]
    assert MARK not in output
    assert json.loads(rows.settings()["openai.api_keys"]) == [KEY, FOREIGN_KEY]
