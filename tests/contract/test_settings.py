# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the connection and the other stored settings come from, and who wins."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.contract.conftest import Keys
from tests.contract.instance import ADMIN, Instance
from tests.openrouter_simulator import Simulator


def connection_in_use(instance: Instance, keys: Keys) -> str:
    """The hash of the key that pays for a chat sent now."""
    answer = instance.chat(instance.admin())
    assert answer.status_code == 200, answer.text
    return keys.last_used()


@pytest.fixture(scope="module")
def own(make_lasting: Callable[..., Instance], environment: dict[str, str]) -> Instance:
    """One whose settings each test changes from whatever they are."""
    return make_lasting(**environment).start()


@pytest.fixture
def fresh(make: Callable[..., Instance], environment: dict[str, str]) -> Instance:
    return make(**environment).start()


# A row per key


@pytest.mark.form("rows")
def test_a_later_environment_is_ignored(own: Instance, keys: Keys) -> None:
    before, known = connection_in_use(own, keys), own.stored("openai.api_keys")
    own.restart(
        OPENAI_API_KEY=keys.create("rotated")[0],
        OPENAI_API_BASE_URL="http://127.0.0.1:9/v1",
        ENABLE_SIGNUP="true",
        WEBUI_URL="https://mai-companyabc.example.com",
        DEFAULT_USER_ROLE="user",
    )
    assert connection_in_use(own, keys) == before
    assert own.stored("openai.api_keys") == known
    assert own.stored("webui.url") == ""
    assert own.stored("ui.default_user_role") == "pending"
    assert own.sign_up("stranger@example.com").status_code == 403


@pytest.mark.form("rows")
def test_an_edited_row_counts_at_the_next_request(own: Instance, keys: Keys) -> None:
    new, new_hash = keys.create("rotated")
    [secret] = own.stored("openai.api_keys")
    assert connection_in_use(own, keys) != new_hash
    own.execute("UPDATE config SET value = replace(value, ?, ?) WHERE instr(value, ?)", secret, new, secret)
    assert connection_in_use(own, keys) == new_hash
    own.restart()
    assert connection_in_use(own, keys) == new_hash


# One blob


def blob(instance: Instance) -> dict:
    return json.loads(instance.rows("SELECT data FROM config")[0]["data"])


@pytest.mark.form("blob")
def test_the_environment_counts_until_connections_are_saved(fresh: Instance, keys: Keys, secret: str) -> None:
    connection_in_use(fresh, keys)
    assert "openai" not in blob(fresh)
    second, second_hash = keys.create("second")
    fresh.restart(OPENAI_API_KEY=second)
    assert connection_in_use(fresh, keys) == second_hash

    admin = fresh.admin()
    assert fresh.post("/openai/config/update", fresh.get("/openai/config", admin).json(), admin).status_code == 200
    assert blob(fresh)["openai"]["api_keys"] == [second]
    fresh.restart(OPENAI_API_KEY=secret)
    assert connection_in_use(fresh, keys) == second_hash


@pytest.mark.form("blob")
def test_an_edited_blob_counts_after_a_restart_unless_it_is_overwritten(
    fresh: Instance, keys: Keys, secret: str
) -> None:
    admin = fresh.admin()
    unchanged = fresh.get("/openai/config", admin).json()
    fresh.post("/openai/config/update", unchanged, admin)
    old_hash = connection_in_use(fresh, keys)
    new, new_hash = keys.create("rotated")

    def edit() -> None:
        fresh.execute("UPDATE config SET data = replace(data, ?, ?)", secret, new)

    edit()
    assert connection_in_use(fresh, keys) == old_hash
    fresh.post("/openai/config/update", unchanged, admin)
    assert blob(fresh)["openai"]["api_keys"] == [secret]

    fresh.stop()
    edit()
    fresh.start()
    assert connection_in_use(fresh, keys) == new_hash


# Both


def test_variables_that_are_not_stored_count_at_every_start(own: Instance) -> None:
    own.restart(WEBUI_NAME="Company ABC")
    assert own.get("/api/config").json()["name"].startswith("Company ABC")


def test_the_admin_api_changes_connections_at_once_and_for_good(own: Instance, keys: Keys) -> None:
    admin = own.admin()
    new, new_hash = keys.create("rotated")
    settings = own.get("/openai/config", admin).json()
    assert own.post("/openai/config/update", {**settings, "OPENAI_API_KEYS": [new]}, admin).status_code == 200
    assert connection_in_use(own, keys) == new_hash
    own.restart()
    assert connection_in_use(own, keys) == new_hash


def test_an_administrator_adds_a_connection_beside_ours(own: Instance, simulator: Simulator, keys: Keys) -> None:
    admin = own.admin()
    before = own.get("/openai/config", admin).json()
    other, _hash = keys.create("theirs")
    settings = {
        **before,
        "OPENAI_API_BASE_URLS": [*before["OPENAI_API_BASE_URLS"], simulator.openrouter_like_url],
        "OPENAI_API_KEYS": [*before["OPENAI_API_KEYS"], other],
    }
    try:
        saved = own.post("/openai/config/update", settings, admin).json()
        assert saved["OPENAI_API_KEYS"] == settings["OPENAI_API_KEYS"]
        assert len(saved["OPENAI_API_BASE_URLS"]) == 2
        assert own.chat(admin).status_code == 200
    finally:
        own.post("/openai/config/update", before, admin)


@pytest.mark.form("rows")
def test_settings_without_a_connection_of_ours(make: Callable[..., Instance]) -> None:
    """Without variables the vendor's own URL and one empty key are stored."""
    instance = make(WEBUI_ADMIN_EMAIL=ADMIN["email"], WEBUI_ADMIN_PASSWORD=ADMIN["password"]).start()
    assert instance.stored("openai.api_keys") == [""]
    assert instance.stored("openai.api_base_urls") == ["https://api.openai.com/v1"]
