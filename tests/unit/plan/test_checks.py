# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an instance works, judged from one look at it."""

from __future__ import annotations

import copy
from datetime import datetime, timezone

import pytest
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.plugin_utils._plan.checks import CHECKS, verification

HASH = "a" * 64
EXPECTED = {
    "key": {"hash": HASH},
    "expiry": "",
    "answered": True,
    "same_api": True,
    "client_id": "company-abc-001",
    "client_name": "Company ABC",
    "api_base_url": "https://openrouter.ai/api/v1",
    "site": {"fqdn": "mai-companyabc.example.com", "tls": "acme", "held": "", "exists": True},
    "off": False,
    "people": {"listed": 1, "unknown": "", "steps": [], "notes": []},
    "now": datetime(2026, 11, 28, tzinfo=timezone.utc),
}
ROW = {"id": "company-abc-001", "name": "Company ABC", "key_hash": HASH, "is_active": True}
SEEN = {
    "containers": [{"name": "mai-companyabc", "managed": True, "health": "healthy"}],
    "health": {"ok": True, "ready": True, "url": "http://127.0.0.1:8001/health", "status": 200, "onboarding": False},
    "key_hash": HASH,
    "stored_connection": {
        "form": "rows",
        "connections": [{"url": "https://openrouter.ai/api/v1/", "key_hash": HASH}],
    },
    "database": {"error": None, "organizations": [ROW]},
    "probe": {
        "key": {"ok": True, "refused": False, "reached": True, "status": 200, "limit_remaining": 499.0, "error": None},
        "models": {"status": "ok", "count": 12, "reason": None},
        "signup_closed": True,
        "usage_page": {"status": 200},
    },
    "proxy": {
        "active": True,
        "answer": {
            "certificate": {"issuer": "E7", "not_before": "2026-11-01T00:00:00Z", "not_after": "2027-01-30T00:00:00Z"},
            **{"verified": True, "code": None, "reason": None, "error": None, "complaint": None},
            **{"status": 200, "websocket": 101, "websocket_direct": 101},
        },
    },
}


NO_ANSWER = {
    **{"ok": False, "refused": False, "reached": False, "status": None, "limit_remaining": None},
    "error": "timed out",
}
NO_MODELS = {"status": "failed", "count": 0, "reason": "the instance lists no model"}


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
            probe(key={**NO_ANSWER, "status": 401, "refused": True, "reached": True}),
            "failed",
            "HTTP 401",
        ),
        (
            "key accepted by OpenRouter",
            probe(key=NO_ANSWER),
            "unknown",
            "timed out",
        ),
        # Something in between is not OpenRouter
        (
            "key accepted by OpenRouter",
            probe(key={**NO_ANSWER, "status": 403, "error": "HTTP 403"}),
            "unknown",
            "HTTP 403",
        ),
        (
            "OpenRouter from the machine",
            probe(key=NO_ANSWER, models=NO_MODELS),
            "failed",
            "though the controller does: timed",
        ),
        ("OpenRouter from the machine", probe(key=NO_ANSWER), "ok", "answers the machine"),
        (
            "OpenRouter from the machine",
            probe(key={**NO_ANSWER, "reached": None, "error": "no certificates"}, models=NO_MODELS),
            "unknown",
            "could not be tried: no certificates",
        ),
        (
            "OpenRouter from the machine",
            probe(key={**NO_ANSWER, "status": 401, "refused": True, "reached": True}, models=NO_MODELS),
            "ok",
            "answers the machine",
        ),
        (
            "instance healthy",
            {"containers": [{"name": "mai-companyabc", "managed": True, "health": "unhealthy"}]},
            "failed",
            "Docker calls the container unhealthy",
        ),
        (
            "instance healthy",
            {"containers": [{"name": "mai-companyabc", "managed": True, "health": "starting"}]},
            "ok",
            "healthy",
        ),
        (
            "key accepted by OpenRouter",
            probe(key={"ok": True, "status": 200, "reached": True, "limit_remaining": 0.0, "error": None}),
            "failed",
            "used up",
        ),
        (
            "key accepted by OpenRouter",
            probe(key={"ok": True, "status": 200, "reached": True, "limit_remaining": None, "error": None}),
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
        ("organisation recorded", {"database": {"error": "In use", "error_reason": "locked"}}, "unknown", "In use"),
        ("organisation recorded", {"database": {"error": "In use", "error_reason": "busy"}}, "unknown", "In use"),
        ("organisation recorded", {"database": {"error": "Away", "error_reason": "unreachable"}}, "unknown", "Away"),
        ("organisation recorded", {"database": {"error": "A link", "error_reason": "foreign"}}, "failed", "A link"),
        ("organisation recorded", {"database": {"error": "Endless", "error_reason": "endless"}}, "failed", "Endless"),
        ("organisation recorded", {"database": {"error": "Torn", "error_reason": "damaged"}}, "failed", "Torn"),
        ("organisation recorded", {"database": {"organizations": 7}}, "failed", "cannot be read (organisation"),
        ("key saved in Open WebUI", {"database": {"error": "In use"}}, "unknown", "not known"),
        ("models listed", probe(models={"status": ["x"], "count": 0, "reason": None}), "failed", "cannot be read (mod"),
        ("usage page", probe(usage_page={"status": 500}), "failed", "500"),
        ("usage page", probe(usage_page={"status": 404}), "unknown", "no usage page"),
        ("usage page", probe(usage_page={"status": None}), "unknown", "no usage page"),
    ],
)
def test_a_fault_is_found_by_its_check(check: str, parts: dict, status: str, about: str) -> None:
    result = judged(check, **parts)
    assert (result["status"], about in result["detail"]) == (status, True), result


def test_texts_are_compared_as_they_are_shown() -> None:
    seen = {**SEEN, "database": {"error": None, "organizations": [{**ROW, "id": "a␊b", "name": "c<U+202E>d"}]}}
    expected = {**EXPECTED, "client_id": "a\nb", "client_name": "c\u202ed"}
    assert {result["status"] for result in verification(seen, expected)} == {"ok"}
    [told] = [one for one in verification(seen, {**expected, "client_name": "x\ny"}) if one["status"] == "failed"]
    assert told["detail"] == "the organisation's name in the database is 'c<U+202E>d', not 'x␊y'"


@pytest.mark.parametrize(
    ("url", "saved", "status"),
    [
        ("https://x/v1", "https://x/v1", "ok"),
        ("https://x/v1", "https://x/v1/", "ok"),
        ("https://x/v1/", "https://x/v1", "ok"),
        ("https://x/v1", "https://x/v2", "failed"),
        # Shown as the client's, but for what is not shown
        ("https://x/v1", "https://x/v1?key=1", "failed"),
    ],
)
def test_the_url_is_known_by_its_hash(url: str, saved: str, status: str) -> None:
    shown_whole = "?" not in saved
    connection = {"url": saved.partition("?")[0], "url_hash": sha256(saved) if shown_whole else None, "key_hash": HASH}
    seen = {**SEEN, "stored_connection": {"form": "rows", "connections": [connection]}}
    [result] = [
        one for one in verification(seen, {**EXPECTED, "api_base_url": url}) if one["name"] == "key saved in Open WebUI"
    ]
    assert result["status"] == status


def test_a_thousand_organisations_are_not_all_named() -> None:
    rows = [{**ROW, "id": f"{number}-" + "x" * 400} for number in range(1000)]
    detail = judged("organisation recorded", database={"organizations": rows})["detail"]
    assert len(detail) < 500 and detail.endswith("and 995 more")


def test_a_controller_without_an_answer_says_nothing_about_the_machine() -> None:
    seen = {**SEEN, "probe": {**SEEN["probe"], "key": NO_ANSWER, "models": NO_MODELS}}
    [found] = [
        one
        for one in verification(seen, {**EXPECTED, "answered": False})
        if one["name"] == "OpenRouter from the machine"
    ]
    assert found["status"] == "unknown"


def test_a_key_that_is_refused_because_it_expired_is_told_as_that() -> None:
    refused = {**NO_ANSWER, "status": 401, "refused": True, "reached": True}
    seen = {**SEEN, "probe": {**SEEN["probe"], "key": refused}}
    told = [one["detail"] for one in verification(seen, {**EXPECTED, "expiry": "the key expired at X"})]
    assert "the key expired at X" in told


def test_what_somebodys_own_gateway_answers_says_nothing_about_the_way_to_openrouter() -> None:
    page = {**NO_ANSWER, "status": 401, "reached": False, "error": "GET /key answered HTTP 401 without a key's data"}
    for same_api, expected in ((True, "failed"), (False, "unknown")):
        seen = {**SEEN, "probe": {**SEEN["probe"], "key": page, "models": NO_MODELS}}
        found = {one["name"]: one["status"] for one in verification(seen, {**EXPECTED, "same_api": same_api})}
        assert found["OpenRouter from the machine"] == expected
