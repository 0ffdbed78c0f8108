# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything about a client; and whatever a look or OpenRouter says, what people read is lines of ours."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
import typing as t
from datetime import datetime, timezone

import pytest
from ansible_collections.mai.clients.plugins.filter.client_details import client_details, details_text
from ansible_collections.mai.clients.plugins.filter.client_overview import (
    client_overview,
    overview_alarms,
    overview_csv,
    overview_table,
)
from ansible_collections.mai.clients.plugins.filter.diagnosis import CHECKS, diagnosis, diagnosis_table
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.plugin_utils._client import unclaimed_keys
from ansible_collections.mai.clients.plugins.plugin_utils._plan.checks import CHECKS as VERIFIED
from ansible_collections.mai.clients.plugins.plugin_utils._plan.checks import verification

HASH = "a" * 64
URL = "https://openrouter.ai/api/v1"
GIB = 1024**3
CLIENT: dict[str, t.Any] = {
    "slug": "abc",
    "name": "ABC",
    "machine": "mai-01",
    "port": 8001,
    "url": "http://mai-01:8001",
    "key_name": "client-abc",
    "limit": 50.0,
    "deployment": "docker",
    "backup": {"wanted": False, "age_hours": None, "warnings": []},
    "usage_history": {"wanted": True, "why": [], "trouble": [], "notes": [], "unit": "mai-abc-usage"},
    "instance": {"settings_differ": [], "image_differs": False},
    "problems": [],
    "unreachable": False,
    "client_id": "abc-001",
    "client_name": "ABC",
    "admin_email": "boss@abc.example",
    "api_base_url": URL,
    "service": "mai-abc",
    "directory": "/opt/mai/client-abc",
    "inventory": "-i inventories/production",
    "disk_gib": 1,
    "memory_mib": 256,
}
KEY: dict[str, t.Any] = {
    "name": "client-abc",
    "hash": HASH,
    "label": "sk-or-v1-abc...xyz",
    "disabled": False,
    "limit": 50.0,
    "limit_remaining": 40.0,
    "limit_reset": "monthly",
    "usage": 10.0,
    "usage_daily": 1.0,
    "usage_weekly": 1.0,
    "usage_monthly": 10.0,
    "last_used_at": "2026-11-24T10:00:00Z",
    "created_at": "2026-11-01T10:00:00Z",
    "expires_at": None,
}
ACCOUNT: dict[str, t.Any] = {"management_key": True, "credits": {"left": 5.0}, "msg": None, "error": None}
CHAT: dict[str, t.Any] = {"status": "ok", "reason": None, "external_user": "abc-001_user_1"}
NEEDED = {
    "OPENROUTER_EXTERNAL_USER": sha256("abc-001"),
    "ORGANIZATION_NAME": sha256("ABC"),
    "OPENROUTER_API_KEY": HASH,
    "OPENAI_API_KEY": HASH,
}
SEEN: dict[str, t.Any] = {
    "machine": {
        "hostname": "mai-01",
        "system_id": "debian",
        "system_version": "13",
        "memory_available_bytes": GIB,
    },
    "docker": {"engine": "26.1.5", "data_root_free_bytes": 9 * GIB},
    "directory": {
        "path": "/opt/mai/client-abc",
        "exists": True,
        "empty": False,
        "managed": True,
        "mode": "0700",
        "free_bytes": 9 * GIB,
    },
    "files": {"HANDOVER.md": {"sha256": "x"}},
    "settings": dict(NEEDED),
    "environment": dict(NEEDED),
    "key_hash": HASH,
    "former_key_hashes": ["c" * 64],
    "containers": [
        {
            "name": "mai-abc",
            "managed": True,
            "state": "running",
            "health": "healthy",
            "image": "mai:1",
            "image_id": "sha256:1",
            "started_at": "2026-11-24T10:00:00Z",
            "restart_count": 0,
            "memory_limit_bytes": GIB,
        }
    ],
    "unit": {"exists": True, "managed": True},
    "image": {"present": True, "id": "sha256:1"},
    "port": {"ours": True},
    "health": {
        "url": "http://127.0.0.1:8001/health",
        "status": 200,
        "ok": True,
        "ready": True,
        "version": "0.12.4",
        "onboarding": False,
    },
    "stored_connection": {
        "form": "rows",
        "connections": [
            {"url": URL, "url_hash": sha256(URL), "key_hash": HASH},
            {"url": "https://other.example/v1", "url_hash": "d" * 64, "key_hash": "e" * 64},
        ],
    },
    "database": {
        "kind": "sqlite",
        "path": "/opt/mai/client-abc/data/webui.db",
        "exists": True,
        "error": None,
        "error_reason": None,
        "tracks_usage": True,
        "size_bytes": 4096,
        "schema_revision": "abc",
        "users": 1,
        "administrators": 1,
        "chats": 3,
        "organizations": [{"id": "abc-001", "name": "ABC", "is_active": True, "key_hash": HASH}],
        "tracking": {
            "used_today": 1.0,
            "users_not_mapped": 0,
            "users_not_members": 0,
            "provisioning_key_saved": False,
            "exchange_rate": {"date": "2026-11-26", "rate": 3.64, "source": "nbp"},
        },
    },
    "probe": {
        "key": {
            "ok": True,
            "status": 200,
            "reached": True,
            "limit_remaining": 40.0,
            "error": None,
            "effective_budget": {"scope": "workspace", "guardrail_id": "g", "limit_usd": 5, "remaining_usd": 3},
        },
        "models": {"status": "ok", "count": 3, "reason": None},
        "signup_closed": True,
        "usage_page": {"status": 200},
    },
}
# What anybody can put into a database, or answer
ODD: dict[str, t.Any] = {
    "null": None,
    "text": "abc",
    "huge text": "x" * 1_000_000,
    "number": 7,
    "huge number": 10**5000,
    "NaN": float("nan"),
    "infinite": float("-inf"),
    "-1": -1,
    "list": ["a", 1],
    "dict": {"a": 1, "x\nkey on the machine": "FORGED"},
    "true": True,
    "nested": [[[[[[[[[[[[["a"]]]]]]]]]]]]],
    "lines": "x\ny\u202ez\x1b[31m\u2028w\ud800",
    "Ansible's": {"__ansible_type": "X"},
    "formula": "=1+1",
}
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]")


def places(value: t.Any, path: tuple[t.Any, ...] = ()) -> t.Iterator[tuple[t.Any, ...]]:
    """Every leaf, and every dictionary or list on the way to it."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in items:
        yield from places(one, (*path, name))


def changed(values: t.Any, path: tuple[t.Any, ...], odd: t.Any) -> t.Any:
    values = copy.deepcopy(values)
    inner = values
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = odd
    return values


def lines(text: str, number: int | None = None) -> None:
    assert not UNSEEN.search(text), UNSEEN.findall(text)
    assert len(text.splitlines()) == (text.count("\n") + 1 if number is None else number), text
    assert max(map(len, text.splitlines())) < 2000


def told(**odd: t.Any) -> list[dict]:
    """Everything that is read by people, as the playbooks put it together; of good parts, but for the odd one."""
    given = {"seen": SEEN, "keys": (KEY,), "account": ACCOUNT, "chat": CHAT, **odd}
    seen, keys, account, chat = given["seen"], list(given["keys"]), given["account"], given["chat"]
    row = client_overview(seen, CLIENT, keys)
    plain = client_overview(SEEN, {**CLIENT, "slug": "def"}, [KEY])
    unclaimed = unclaimed_keys(keys, [], "")
    differing = len(row["differs"]) + len(plain["differs"]) + len(unclaimed)
    table = overview_table([row, plain], unclaimed)
    lines(table, 3 + (2 + differing if differing else 0))
    assert max(map(len, table.splitlines()[:3])) < 500
    alarms = overview_alarms([row], "down,limit80,disk5")
    lines("\n".join(["alarms", *alarms]), len(alarms) + 1)
    text = overview_csv([row, plain])
    lines(text.replace("\r\n", "\n"), 3)
    cells = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [cell["client"] for cell in cells] == ["abc", "def"]
    details = client_details(seen, row, keys, "client-abc", "handovers/abc.md")
    lines(details_text(details))
    checks = diagnosis(seen, CLIENT, account, keys, chat)
    lines(diagnosis_table(checks), 2 + len(checks) + sum(bool(check["remedy"]) for check in checks))
    site = {"site": {"fqdn": "mai-abc.example", "tls": "acme", "held": "", "exists": True}, "off": False}
    people = {"people": {"listed": 1, "unknown": "", "steps": [], "notes": []}}
    now = datetime(2026, 11, 28, tzinfo=timezone.utc)
    verified = verification(seen, CLIENT | {"key": {"hash": HASH}, **site, **people, "now": now})
    assert {one["status"] for one in verified} <= {"ok", "failed", "unknown"} and len(verified) == len(VERIFIED)
    lines("\n".join(one["detail"] for one in verified), len(verified))
    json.dumps([row, details, checks, verified], allow_nan=False)
    return checks


def test_all_is_well() -> None:
    checks = told()
    assert [one for one in checks if one["result"] != "ok"] == [] and len(checks) == len(CHECKS) + 1


@pytest.mark.parametrize("odd", ODD)
def test_whatever_the_look_says(odd: str) -> None:
    for path in places(SEEN):
        told(seen=changed(SEEN, path, ODD[odd]))
    told(seen=ODD[odd])


@pytest.mark.parametrize("odd", ODD)
def test_whatever_openrouter_says(odd: str) -> None:
    for path in places(KEY):
        told(keys=[changed(KEY, path, ODD[odd])])
        told(keys=[KEY, changed(KEY | {"name": "client-abc ~retired-carried-0123456789"}, path, ODD[odd])])
    for path in places(ACCOUNT):
        told(account=changed(ACCOUNT, path, ODD[odd]))
    for path in places(CHAT):
        told(chat=changed(CHAT, path, ODD[odd]))
    told(keys=[KEY, ODD[odd]])


def test_one_odd_value_fails_its_check_and_no_other() -> None:
    def failed(*path: str, odd: t.Any) -> dict[str, str]:
        return {one["check"]: one["cause"] for one in told(seen=changed(SEEN, path, odd)) if one["result"] == "failed"}

    assert failed("database", "tracking", "used_today", odd="abc") == {
        "usage today": "what the look found cannot be read (usage today)"
    }
    assert set(failed("database", "administrators", odd=["x"])) == {"administrator"}
    assert set(failed("database", "organizations", odd=7)) == {"organisation", "users mapped", "users members"}
    assert set(failed("probe", "models", odd="x")) == {"models"}
    seen = changed(SEEN, ("stored_connection", "connections"), 7)
    assert client_overview(seen, CLIENT, [KEY])["differs"] == ["what the look found cannot be read (connections)"]
    details = client_details(seen, {}, [KEY], "client-abc", "x")
    assert details["connections saved in Open WebUI"].startswith("what the look found cannot be read")
    assert details["database"]["users"] == 1


def test_names_are_lines_too() -> None:
    """An answer of the instance may be a dictionary with any names."""
    seen = changed(SEEN, ("health", "version"), {"x\nkey on the machine": "FORGED"})
    text = details_text(client_details(seen, {"client": "abc"}, [KEY], "client-abc", "x"))
    assert "x␊key on the machine: FORGED" in text and "\nkey on the machine: FORGED" not in text


def test_a_long_text_makes_no_column_wide() -> None:
    seen = changed(SEEN, ("containers", 0, "image"), "i" * 400)
    row = client_overview(seen, CLIENT, [KEY])
    assert max(map(len, overview_table([row]).splitlines())) < 220 and len(row["image"]) == 400


def test_details() -> None:
    row = {"client": "abc", "name": "A\nBC", "state": "up", "differs": []}
    details = client_details(copy.deepcopy(SEEN), row, [{**KEY, "limit": None}], "client-abc", "handovers/abc.md")
    assert details["keys at OpenRouter"][0]["hash"] == HASH
    assert details["hand-over"] == {
        "on the machine": "/opt/mai/client-abc/HANDOVER.md",
        "on the controller": "handovers/abc.md",
    }
    assert details["connections saved in Open WebUI"][0] == {"url": URL, "key_hash": HASH}
    text = details_text(details)
    for line in (
        "  name: A␊BC",
        "  limit: NO LIMIT",
        "  free: 9,216.0 MiB",
        "  usage daily: 1",
        "  differs: -",
        "  managed: yes",
        "key on the machine: " + HASH,
    ):
        assert line in text.splitlines(), text
    assert client_details({}, row, None, "client-abc", "x") == {
        "client": {**row, "name": "A␊BC"},
        "keys at OpenRouter": None,
    }
