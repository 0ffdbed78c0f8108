# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What mAI adds: the organisation row, the user that OpenRouter sees, recorded usage. Only the stand-in can show it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import date

import httpx
import pytest

from tests.contract.conftest import Keys
from tests.contract.instance import Instance
from tests.openrouter_simulator import Simulator

pytestmark = pytest.mark.mai

ID, NAME = "company-abc-001", 'Żółw & Söhne "Sp. z o.o." $HOME \'; DROP TABLE client_organizations; --'
SUMMARY = "/api/v1/usage-tracking/my-organization/usage-summary"
USAGE_TABLES = ("client_daily_usage", "client_user_daily_usage", "client_model_daily_usage", "processed_generations")

Mai = Callable[..., Instance]


@pytest.fixture
def mai(make: Mai, environment: dict[str, str], secret: str, simulator: Simulator) -> Mai:
    """Instances that have all that mAI wants, unless told otherwise."""

    def factory(generation: str = "C", **changes: str) -> Instance:
        variables = {
            **environment,
            "STANDIN_GENERATION": generation,
            "OPENAI_API_BASE_URL": simulator.openrouter_like_url,
            "OPENROUTER_API_KEY": secret,
            "OPENROUTER_EXTERNAL_USER": ID,
            "ORGANIZATION_NAME": NAME,
            **changes,
        }
        return make(**variables).start()

    return factory


def organizations(instance: Instance) -> list[dict]:
    return instance.rows("SELECT * FROM client_organizations")


def insert(instance: Instance, identifier: str, key: str, markup: float = 1.3) -> None:
    """The guide's own INSERT, in milliseconds."""
    now = int(time.time() * 1000)
    instance.execute(
        "INSERT INTO client_organizations"
        " (id, name, openrouter_api_key, markup_rate, is_active, created_at, updated_at) VALUES (?, ?, ?, ?, 1, ?, ?)",
        *(identifier, NAME, key, markup, now, now),
    )


# The row


@pytest.mark.parametrize("generation", ["B", "C"])
def test_the_row_is_written_at_the_first_start(mai: Mai, generation: str, secret: str) -> None:
    (row,) = organizations(mai(generation))
    assert (row["id"], row["name"], row["openrouter_api_key"]) == (ID, NAME, secret)
    assert (row["markup_rate"], row["is_active"], row["timezone"]) == (1.3, 1, "Europe/Warsaw")
    assert (row["monthly_limit"], row["billing_email"], row["openrouter_key_hash"]) == (None, None, None)
    assert abs(row["created_at"] - time.time()) < 60


@pytest.mark.parametrize("generation", ["B", "C"])
def test_every_start_sets_name_and_key_and_keeps_the_rest(mai: Mai, generation: str, keys: Keys) -> None:
    instance = mai(generation)
    instance.execute(
        "UPDATE client_organizations SET markup_rate = 1.5, monthly_limit = 500, name = 'changed', created_at = 1"
    )
    new, _hash = keys.create("rotated")
    instance.restart(OPENROUTER_API_KEY=new)
    (row,) = organizations(instance)
    assert (row["name"], row["openrouter_api_key"]) == (NAME, new)
    assert (row["markup_rate"], row["monthly_limit"], row["created_at"]) == (1.5, 500, 1)


@pytest.mark.parametrize("missing", ["OPENROUTER_API_KEY", "OPENROUTER_EXTERNAL_USER", "ORGANIZATION_NAME"])
def test_no_row_and_no_usage_if_one_variable_is_missing(mai: Mai, missing: str) -> None:
    instance = mai(**{missing: ""})
    assert organizations(instance) == []
    assert instance.chat(instance.admin()).status_code == 200
    assert all(instance.rows(f"SELECT * FROM {table}") == [] for table in USAGE_TABLES)


def test_the_same_key_under_another_id_is_only_logged_and_usage_is_lost(mai: Mai, secret: str) -> None:
    instance = mai(OPENROUTER_EXTERNAL_USER="")
    insert(instance, "somebody-elses-id", secret)
    instance.restart(OPENROUTER_EXTERNAL_USER=ID)
    assert [row["id"] for row in organizations(instance)] == ["somebody-elses-id"]
    assert "IntegrityError" in instance.log
    assert instance.chat(instance.admin()).status_code == 200
    assert "organisation not found" in instance.log
    assert instance.rows("SELECT * FROM client_daily_usage") == []


def test_generation_a_waits_for_the_row(mai: Mai) -> None:
    instance = mai("A")
    assert organizations(instance) == []
    assert "openrouter_key_hash" not in instance.rows("PRAGMA table_info(client_organizations)")


def test_generation_a_makes_a_row_of_its_own_when_an_administrator_saves_a_key(mai: Mai, secret: str) -> None:
    instance = mai("A")
    admin = instance.admin()
    settings = instance.get("/openai/config", admin).json()
    instance.post("/openai/config/update", settings, admin)
    instance.post("/openai/config/update", settings, admin)
    (row,) = organizations(instance)
    assert row["openrouter_api_key"] == secret
    assert row["id"].startswith("mai_client_")


def test_plain_open_webui_has_none_of_the_tables(mai: Mai) -> None:
    instance = mai("none")
    assert not [table for table in instance.tables() if table.startswith(("client_", "organization_"))]
    assert instance.get(SUMMARY).headers["content-type"].startswith("text/html")
    assert instance.chat(instance.admin()).status_code == 200


# Usage


def test_usage_is_recorded_times_the_rows_markup(mai: Mai) -> None:
    instance = mai(USAGE_MARKUP_MULTIPLIER="1.3")
    instance.execute("UPDATE client_organizations SET markup_rate = 1.5")
    admin = instance.admin()
    whole = instance.chat(admin).json()
    assert instance.chat(admin, model="openai/gpt-4o", stream=True).status_code == 200

    (day,) = instance.rows("SELECT * FROM client_daily_usage")
    assert (day["client_org_id"], day["usage_date"], day["total_requests"]) == (ID, date.today().isoformat(), 2)
    assert day["raw_cost"] > whole["usage"]["cost"] > 0
    assert day["markup_cost"] == pytest.approx(day["raw_cost"] * 1.5)
    assert day["unique_users"] == 1

    models = {row["model_name"]: row for row in instance.rows("SELECT * FROM client_model_daily_usage")}
    assert set(models) == {"openai/gpt-4o-mini", "openai/gpt-4o"}
    assert models["openai/gpt-4o-mini"]["raw_cost"] == pytest.approx(whole["usage"]["cost"])
    (user,) = instance.rows("SELECT * FROM client_user_daily_usage")
    assert (user["total_requests"], user["markup_cost"]) == (2, pytest.approx(day["markup_cost"]))
    assert {row["client_org_id"] for row in instance.rows("SELECT * FROM processed_generations")} == {ID}


def test_openrouter_sees_the_client_and_its_user(mai: Mai, simulator: Simulator) -> None:
    instance = mai()
    instance.chat(instance.admin())
    (user,) = instance.rows('SELECT id FROM "user"')
    external = f"{ID}_user_{hashlib.sha256(user['id'].encode()).hexdigest()[:8]}"
    assert simulator.control.generations()[-1]["data"]["external_user"] == external
    assert instance.rows("SELECT openrouter_user_id FROM client_user_daily_usage") == [{"openrouter_user_id": external}]


def test_only_a_url_that_contains_openrouter_ai_is_tracked(mai: Mai, simulator: Simulator) -> None:
    instance = mai(OPENAI_API_BASE_URL=simulator.url)
    assert instance.chat(instance.admin()).status_code == 200
    assert instance.rows("SELECT * FROM client_daily_usage") == []
    instance.restart(STANDIN_TRACK_ANY_URL="true")
    assert instance.chat(instance.admin()).status_code == 200
    assert len(instance.rows("SELECT * FROM client_daily_usage")) == 1


def test_at_such_a_url_the_environments_key_pays_and_not_the_stored_one(mai: Mai, keys: Keys) -> None:
    new, new_hash = keys.create("in the environment only")
    instance = mai(OPENROUTER_API_KEY=new)
    instance.chat(instance.admin())
    assert keys.last_used() == new_hash


def test_a_refused_chat_is_not_usage(mai: Mai, simulator: Simulator) -> None:
    instance = mai()
    admin = instance.admin()
    instance.models(admin)
    simulator.control.fault(kind="status", status=500, path="/chat/completions$")
    assert instance.chat(admin).status_code == 500
    assert instance.rows("SELECT * FROM client_daily_usage") == []


def test_generation_a_counts_live_for_mapped_users(mai: Mai, secret: str, simulator: Simulator) -> None:
    instance = mai("A")
    insert(instance, ID, secret, 1.5)
    admin = instance.admin()
    instance.chat(admin)
    assert instance.rows("SELECT * FROM client_live_counters") == []
    (user,) = instance.rows('SELECT id FROM "user"')
    instance.execute(
        "INSERT INTO user_client_mapping VALUES ('1', ?, ?, 'company-abc-user-1', 1, 1, 1)", user["id"], ID
    )
    cost = instance.chat(admin).json()["usage"]["cost"]
    assert simulator.control.generations()[-1]["data"]["external_user"] == "company-abc-user-1"
    (live,) = instance.rows("SELECT * FROM client_live_counters")
    assert (live["client_org_id"], live["today_requests"]) == (ID, 1)
    assert live["today_markup_cost"] == pytest.approx(cost * 1.5)
    assert instance.get(SUMMARY, admin).json()["stats"]["today"]["requests"] == 1


# The dashboard


def test_the_usage_page_shows_the_first_active_row(mai: Mai, keys: Keys) -> None:
    instance = mai()
    admin = instance.admin()
    cost = instance.chat(admin).json()["usage"]["cost"]
    assert instance.get(SUMMARY).status_code == 401
    summary = instance.get(SUMMARY, admin).json()
    assert (summary["success"], summary["client_id"]) == (True, ID)
    for period in ("today", "this_month"):
        assert summary["stats"][period]["requests"] == 1
        assert summary["stats"][period]["cost"] == pytest.approx(cost * 1.3)

    insert(instance, "another", keys.create("another")[0])
    instance.execute("UPDATE client_organizations SET is_active = 0 WHERE id = ?", ID)
    assert instance.get(SUMMARY, admin).json()["client_id"] == "another"


# Members (C)


def test_a_member_of_the_organisation_sees_models(mai: Mai) -> None:
    instance = mai()
    user_id, token = instance.add_user("user@example.com")
    instance.models(instance.admin())
    assert instance.models(token) == []
    instance.execute("INSERT INTO organization_members VALUES (?, ?, 'member', 1, 1)", ID, user_id)
    assert instance.models(token) != []


# What tests of the collection ask for


@pytest.mark.form("rows")
def test_a_failing_start_says_so_and_ends(make: Mai) -> None:
    instance = make(STANDIN_FAIL="start")
    instance.launch()
    assert instance.wait() == 1
    assert "STANDIN_FAIL" in instance.log


@pytest.mark.form("rows")
def test_a_crash_after_the_start(make: Mai) -> None:
    instance = make(STANDIN_FAIL="crash").start()
    assert instance.wait(15) == 1


@pytest.mark.form("rows")
def test_unhealthy(make: Mai) -> None:
    instance = make(STANDIN_FAIL="unhealthy")
    instance.launch()
    end = time.monotonic() + 30
    while "Uvicorn running" not in instance.log and time.monotonic() < end:
        time.sleep(0.1)
    assert instance.get("/health").status_code == 503
    assert instance.get("/ready").status_code == 503


@pytest.mark.form("rows")
def test_a_stuck_start_logs_nothing_more_and_opens_no_port(make: Mai) -> None:
    instance = make(STANDIN_FAIL="stuck")
    instance.launch()
    end = time.monotonic() + 30
    while "stands still" not in instance.log and time.monotonic() < end:
        time.sleep(0.1)
    size = len(instance.log)
    time.sleep(2)
    assert len(instance.log) == size
    with pytest.raises(httpx.ConnectError):
        instance.get("/health")


@pytest.mark.form("rows")
def test_a_slow_start_logs_while_it_moves(make: Mai) -> None:
    begin = time.monotonic()
    instance = make(STANDIN_STARTUP_DELAY="2").start()
    assert time.monotonic() - begin >= 2
    assert "Running migration 1 of 4" in instance.log
    assert "Running migration 4 of 4" in instance.log
