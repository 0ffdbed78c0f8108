# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an instance works, judged from one look at it."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.mai.clients.plugins.filter.verification import CHECKS, verification

HASH = "a" * 64
EXPECTED = {
    "key": {"hash": HASH},
    "client_id": "company-abc-001",
    "client_name": "Company ABC",
    "api_base_url": "https://openrouter.ai/api/v1",
}
ROW = {"id": "company-abc-001", "name": "Company ABC", "key_hash": HASH, "is_active": True}
SEEN = {
    "health": {"ok": True, "ready": True, "url": "http://127.0.0.1:8001/health", "status": 200, "onboarding": False},
    "key_hash": HASH,
    "stored_connection": {
        "form": "rows",
        "connections": [{"url": "https://openrouter.ai/api/v1/", "key_hash": HASH}],
    },
    "database": {"error": None, "organizations": [ROW]},
    "probe": {
        "key": {"ok": True, "status": 200, "limit_remaining": 499.0, "error": None},
        "models": {"status": "ok", "count": 12, "reason": None},
        "signup_closed": True,
        "usage_page": {"status": 200},
    },
}


def judged(check: str, **parts: dict) -> dict:
    seen = copy.deepcopy(SEEN)
    for name, values in parts.items():
        seen[name] = {**seen[name], **values} if isinstance(values, dict) else values
    return next(result for result in verification(seen, EXPECTED) if result["name"] == check)


def probe(**values: object) -> dict:
    return {"probe": {**SEEN["probe"], **values}}


def test_a_working_instance_passes_every_check() -> None:
    results = verification(SEEN, EXPECTED)
    assert [result["name"] for result in results] == list(CHECKS)
    assert {result["status"] for result in results} == {"ok"}


@pytest.mark.parametrize(
    ("check", "parts", "status", "about"),
    [
        ("instance healthy", {"health": {"ok": False, "status": 500}}, "failed", "500"),
        ("instance healthy", {"health": {"ok": False, "status": None}}, "failed", "nothing"),
        ("instance healthy", {"health": {"ready": False}}, "failed", "not ready"),
        ("instance healthy", {"health": {"ready": None}}, "ok", "healthy"),
        ("key stored", {"key_hash": None}, "failed", "api_key.env"),
        ("key stored", {"key_hash": "b" * 64}, "failed", "api_key.env"),
        (
            "key accepted by OpenRouter",
            probe(key={"ok": False, "status": 401, "limit_remaining": None, "error": None}),
            "failed",
            "HTTP 401",
        ),
        (
            "key accepted by OpenRouter",
            probe(key={"ok": False, "status": None, "limit_remaining": None, "error": "timed out"}),
            "unknown",
            "timed out",
        ),
        (
            "key accepted by OpenRouter",
            probe(key={"ok": True, "status": 200, "limit_remaining": 0.0, "error": None}),
            "failed",
            "used up",
        ),
        (
            "key accepted by OpenRouter",
            probe(key={"ok": True, "status": 200, "limit_remaining": None, "error": None}),
            "ok",
            "accepts",
        ),
        (
            "key saved in Open WebUI",
            {"stored_connection": {"connections": [{"url": "https://openrouter.ai/api/v1", "key_hash": "b" * 64}]}},
            "failed",
            "somebody replaced it",
        ),
        (
            "key saved in Open WebUI",
            {"stored_connection": {"connections": [{"url": "https://elsewhere.example", "key_hash": HASH}]}},
            "failed",
            "another URL",
        ),
        ("key saved in Open WebUI", {"stored_connection": {"connections": []}}, "ok", "environment"),
        ("key saved in Open WebUI", {"stored_connection": {"form": "none", "connections": []}}, "ok", "environment"),
        ("models listed", probe(models={"status": "ok", "count": 0, "reason": None}), "failed", "no model"),
        ("models listed", probe(models={"status": "unknown", "count": None, "reason": "MFA"}), "unknown", "MFA"),
        ("models listed", probe(models={"status": "failed", "count": None, "reason": "502"}), "failed", "502"),
        ("sign-up closed", probe(signup_closed=False), "failed", "strangers can sign up"),
        ("sign-up closed", probe(signup_closed=None), "unknown", "could not be tried"),
        (
            "sign-up closed",
            {**probe(signup_closed=False), "health": {"onboarding": True}},
            "unknown",
            "no administrator",
        ),
        ("organisation recorded", {"database": {"organizations": []}}, "failed", "found: none"),
        (
            "organisation recorded",
            {"database": {"organizations": [ROW, {**ROW, "id": "other"}]}},
            "failed",
            "company-abc-001, other",
        ),
        ("organisation recorded", {"database": {"organizations": [ROW, {**ROW, "is_active": False}]}}, "ok", ""),
        ("organisation recorded", {"database": {"organizations": [{**ROW, "name": "X"}]}}, "failed", "'X'"),
        ("organisation recorded", {"database": {"organizations": [{**ROW, "id": "x"}]}}, "failed", "'x'"),
        ("organisation recorded", {"database": {"organizations": [{**ROW, "key_hash": "b"}]}}, "failed", "another key"),
        ("organisation recorded", {"database": {"error": "locked"}}, "unknown", "locked"),
        ("usage page", probe(usage_page={"status": 500}), "failed", "500"),
        ("usage page", probe(usage_page={"status": 404}), "unknown", "no usage page"),
        ("usage page", probe(usage_page={"status": None}), "unknown", "no usage page"),
    ],
)
def test_a_fault_is_found_by_its_check(check: str, parts: dict, status: str, about: str) -> None:
    result = judged(check, **parts)
    assert (result["status"], about in result["detail"]) == (status, True), result
