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


def stored(instance: Instance, key: str) -> object:
    return json.loads(instance.rows('SELECT value FROM config WHERE "key" = ?', key)[0]["value"])


def connection_in_use(instance: Instance, keys: Keys) -> str:
    """The hash of the key that pays for a chat sent now."""
    answer = instance.chat(instance.admin())
    assert answer.status_code == 200, answer.text
    return keys.last_used()


@pytest.fixture
def own(make: Callable[..., Instance], environment: dict[str, str]) -> Instance:
    return make(**environment).start()


# A row per key


@pytest.mark.form("rows")
def test_the_first_start_copies_the_environment(own: Instance, simulator: Simulator, secret: str) -> None:
    assert stored(own, "openai.api_keys") == [secret]
    assert stored(own, "openai.api_base_urls") == [simulator.url]
    assert stored(own, "ui.enable_signup") is False
    assert stored(own, "webui.url") == ""


@pytest.mark.form("rows")
def test_a_later_environment_is_ignored(own: Instance, keys: Keys, secret: str) -> None:
    before = connection_in_use(own, keys)
    own.restart(
        OPENAI_API_KEY=keys.create("rotated")[0],
        OPENAI_API_BASE_URL="http://127.0.0.1:9/v1",
        ENABLE_SIGNUP="true",
        WEBUI_URL="https://mai-companyabc.example.com",
        DEFAULT_USER_ROLE="user",
    )
    assert connection_in_use(own, keys) == before
    assert stored(own, "openai.api_keys") == [secret]
    assert stored(own, "webui.url") == ""
    assert stored(own, "ui.default_user_role") == "pending"
    assert own.sign_up("stranger@example.com").status_code == 403


@pytest.mark.form("rows")
def test_an_edited_row_counts_at_the_next_request(own: Instance, keys: Keys, secret: str) -> None:
    new, new_hash = keys.create("rotated")
    assert connection_in_use(own, keys) != new_hash
    own.execute("UPDATE config SET value = replace(value, ?, ?) WHERE instr(value, ?)", secret, new, secret)
    assert connection_in_use(own, keys) == new_hash
    own.restart()
    assert connection_in_use(own, keys) == new_hash


# One blob


def blob(instance: Instance) -> dict:
    return json.loads(instance.rows("SELECT data FROM config")[0]["data"])


@pytest.mark.form("blob")
def test_the_environment_counts_until_connections_are_saved(own: Instance, keys: Keys, secret: str) -> None:
    connection_in_use(own, keys)
    assert "openai" not in blob(own)
    second, second_hash = keys.create("second")
    own.restart(OPENAI_API_KEY=second)
    assert connection_in_use(own, keys) == second_hash

    admin = own.admin()
    assert own.post("/openai/config/update", own.get("/openai/config", admin).json(), admin).status_code == 200
    assert blob(own)["openai"]["api_keys"] == [second]
    own.restart(OPENAI_API_KEY=secret)
    assert connection_in_use(own, keys) == second_hash


@pytest.mark.form("blob")
def test_an_edited_blob_counts_after_a_restart_unless_it_is_overwritten(own: Instance, keys: Keys, secret: str) -> None:
    admin = own.admin()
    unchanged = own.get("/openai/config", admin).json()
    own.post("/openai/config/update", unchanged, admin)
    old_hash = connection_in_use(own, keys)
    new, new_hash = keys.create("rotated")

    def edit() -> None:
        own.execute("UPDATE config SET data = replace(data, ?, ?)", secret, new)

    edit()
    assert connection_in_use(own, keys) == old_hash
    own.post("/openai/config/update", unchanged, admin)
    assert blob(own)["openai"]["api_keys"] == [secret]

    own.stop()
    edit()
    own.start()
    assert connection_in_use(own, keys) == new_hash


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
    settings = own.get("/openai/config", admin).json()
    other, _hash = keys.create("theirs")
    settings["OPENAI_API_BASE_URLS"].append(simulator.openrouter_like_url)
    settings["OPENAI_API_KEYS"].append(other)
    saved = own.post("/openai/config/update", settings, admin).json()
    assert saved["OPENAI_API_KEYS"] == settings["OPENAI_API_KEYS"]
    assert len(saved["OPENAI_API_BASE_URLS"]) == 2
    assert own.chat(admin).status_code == 200


@pytest.mark.form("rows")
def test_settings_without_a_connection_of_ours(make: Callable[..., Instance]) -> None:
    """Without variables the vendor's own URL and one empty key are stored."""
    instance = make(WEBUI_ADMIN_EMAIL=ADMIN["email"], WEBUI_ADMIN_PASSWORD=ADMIN["password"]).start()
    assert stored(instance, "openai.api_keys") == [""]
    assert stored(instance, "openai.api_base_urls") == ["https://api.openai.com/v1"]
