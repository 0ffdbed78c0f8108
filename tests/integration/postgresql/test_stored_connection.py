# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stored_connection on a real PostgreSQL server, through both drivers."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

from tests.kit.schema import config
from tests.unit.organization.process import FOREIGN_KEY, KEY, MARK, OLD_KEY

URL = "https://openrouter.ai/api/v1"
OLD_URL = "http://127.0.0.1:8400/api/v1"
SETTINGS = {
    "openai.api_keys": [FOREIGN_KEY, OLD_KEY],
    "openai.api_base_urls": ["https://llm.example.com/v1", OLD_URL],
    "rag.openai.api_key": OLD_KEY,
    "ui.banners": [{"content": "Żółw % ? %s 🐢", "n": 0}],
}


def options(**more):
    return dict(base_url=URL, replaces=[sha256(OLD_KEY)], replaces_urls=[OLD_URL], **more)


@pytest.mark.parametrize("json_type", ["JSON", "JSONB", "TEXT"])
def test_rows(instance, json_type):
    instance.sql(config("rows", json_type))
    for name, value in SETTINGS.items():
        instance.sql("INSERT INTO config VALUES (%s, %s, 1)", name, json.dumps(value))
    texts = 'SELECT "key", CAST(value AS TEXT) AS text FROM config ORDER BY "key"'
    before = {row["key"]: row["text"] for row in instance.sql(texts)}

    told = instance.connection(check=True, **options())
    assert told["status"] == "replaced"
    assert {row["key"]: row["text"] for row in instance.sql(texts)} == before
    done = instance.connection(**options())
    assert done == told
    assert done["form"] == "rows"
    assert [connection["ours"] for connection in done["connections"]] == ["foreign", "old"]
    after = {row["key"]: row["text"] for row in instance.sql(texts)}
    expected = {name: text.replace(OLD_KEY, KEY).replace(OLD_URL, URL) for name, text in before.items()}
    assert after == expected
    again = instance.connection(**options())
    assert (again["changed"], again["status"]) == (False, "current")


def test_blob(instance):
    instance.sql(config("blob").replace("INTEGER NOT NULL PRIMARY", "SERIAL PRIMARY"))
    tree = {"version": 0, "openai": {"api_keys": [OLD_KEY], "api_base_urls": [OLD_URL]}, "ui": {"name": "Żółw ? %s"}}
    instance.sql("INSERT INTO config (data, version) VALUES (%s, 0)", json.dumps({"openai": {"api_keys": [OLD_KEY]}}))
    instance.sql("INSERT INTO config (data, version) VALUES (%s, 0)", json.dumps(tree))
    refused = instance.connection(**options())
    assert refused["reason"] == "running"
    done = instance.connection(**options(instance_running=False))
    assert done["status"] == "replaced"
    assert done["restart_required"] is True
    old, new = instance.sql("SELECT CAST(data AS TEXT) AS text FROM config ORDER BY id")
    assert new["text"] == json.dumps(tree).replace(OLD_KEY, KEY).replace(OLD_URL, URL)
    assert OLD_KEY in old["text"]
    assert instance.connection(**options())["status"] == "current"


def test_key_that_looks_like_sql_and_placeholders(instance):
    key = MARK + "'; DROP TABLE config; -- %s ? \\u0041"
    instance.key_file.write_text('OPENAI_API_KEY="{}"\n'.format(key.replace("\\", "\\\\")))
    instance.sql(config("rows"))
    instance.sql("INSERT INTO config VALUES ('openai.api_keys', %s, 1)", json.dumps([OLD_KEY]))
    assert instance.connection(replaces=[sha256(OLD_KEY)])["status"] == "replaced"
    assert instance.sql("SELECT value FROM config") == [{"value": [key]}]


def test_not_stored(instance):
    assert instance.connection(**options())["status"] == "not_stored"


def test_locked(instance):
    instance.sql(config("rows"))
    instance.sql("INSERT INTO config VALUES ('openai.api_keys', %s, 1)", json.dumps([OLD_KEY]))
    with instance.connect() as other:
        other.execute("BEGIN")
        other.execute("UPDATE config SET updated_at = 2")
        assert instance.connection(replaces=[sha256(OLD_KEY)], wait_timeout=0.5)["reason"] == "locked"
        other.execute("COMMIT")
    assert instance.connection(replaces=[sha256(OLD_KEY)])["status"] == "replaced"
    assert instance.sql("SELECT updated_at FROM config") == [{"updated_at": 2}]
