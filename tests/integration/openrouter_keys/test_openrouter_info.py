# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account has, and what its keys have spent."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from tests.integration.openrouter_keys.conftest import SECRETS_OF, Bulk

YESTERDAY, BEFORE = ((datetime.now(timezone.utc) - timedelta(days=days)).date().isoformat() for days in (1, 2))


def usage_task(**options: t.Any) -> dict[str, t.Any]:
    return {"mai.clients.openrouter_usage_info": options}


def calls(stage: Bulk) -> list[tuple[str, str]]:
    found = [(call["method"], call["path"].rpartition("/v1")[2]) for call in stage.control.journal()]
    stage.control.clear_journal()
    return found


def test_usage(stage: Bulk) -> None:
    stage.keys([{"name": name, "limit": 10, "limit_reset": "monthly"} for name in ("client-a", "client-b", "other")])
    hashes = {key["name"]: key["hash"] for key in stage.control.all_keys()}
    stage.control.usage(hashes["client-a"], 1.5, date=YESTERDAY, model="m/one", requests=3)
    stage.control.usage(hashes["client-a"], 0.5, date=BEFORE, model="m/two")
    stage.control.usage(hashes["client-a"], 0.25)  # today: counts for the key, not yet for the activity
    stage.control.usage(hashes["other"], 4, date=YESTERDAY, model="m/one")
    stage.control.clear_journal()

    everything = stage.play(usage_task()).result
    assert calls(stage) == [("GET", "/keys"), ("GET", "/activity")]
    assert {one["name"] for one in everything["api_keys"]} == set(hashes)
    assert (everything["totals"]["count"], everything["totals"]["usage"]) == (3, 6.25)
    rows = [(row["date"], row["model"], row["usage"], row["requests"]) for row in everything["activity"]]
    assert rows == [(YESTERDAY, "m/one", 5.5, 4), (BEFORE, "m/two", 0.5, 1)]

    one = stage.play(usage_task(name="client-a", date=YESTERDAY)).result
    assert calls(stage) == [("GET", "/keys"), ("GET", "/activity")]
    assert [(row["name"], row["date"], row["usage"]) for row in one["activity"]] == [("client-a", YESTERDAY, 1.5)]
    [key] = one["api_keys"]
    assert (key["usage"], key["limit"]) == (2.25, 10.0)
    assert key["percent_used"] == round(100 * (10 - key["limit_remaining"]) / 10, 2) > 0

    some = stage.play(usage_task(name_prefix="client-", activity=False)).result
    assert calls(stage) == [("GET", "/keys")]
    assert sorted(one["name"] for one in some["api_keys"]) == ["client-a", "client-b"] and "activity" not in some
    by_hash, nobody, exclusive, date = stage.each(
        usage_task(hash=hashes["other"]),
        usage_task(name="nobody"),
        usage_task(name="a", hash="b"),
        usage_task(date="today"),
    )
    assert [row["usage"] for row in by_hash["activity"]] == [4]
    assert nobody["totals"]["count"] == 0
    assert "mutually exclusive" in exclusive["msg"]
    assert "date must be a UTC day" in date["msg"]


def account_task(**options: t.Any) -> dict[str, t.Any]:
    return {"mai.clients.openrouter_account_info": options}


def test_account(stage: Bulk) -> None:
    good = stage.play(account_task(require_management_key=True)).result
    assert (good["valid"], good["management_key"]) == (True, True)
    assert good["credits"] == {"total": 100.0, "used": 0.0, "left": 100.0}
    assert calls(stage) == [("GET", "/credits")]

    _made, ordinary, unknown, refused = stage.each(
        stage.keys_task([{"name": "ordinary"}]),
        account_task(provisioning_key=SECRETS_OF),
        account_task(provisioning_key="sk-or-v1-unknown"),
        account_task(provisioning_key="sk-or-v1-unknown", require_management_key=True),
    )
    assert (ordinary["valid"], ordinary["management_key"], ordinary["credits"]) == (True, False, None)
    assert "not a management key" in ordinary["msg"] and "a valid key, but of another kind" in ordinary["msg"]
    assert (unknown["valid"], unknown["management_key"], unknown["status"]) == (False, False, 401)
    assert "not valid for anything" in unknown["msg"]
    assert "failed" not in unknown and "failed" not in ordinary
    assert refused["failed"] and refused["error"] == "not_a_management_key" and refused["msg"] == unknown["msg"]
