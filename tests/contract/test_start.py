# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, readiness, stop."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from tests.contract.instance import Instance


def test_health_answers_without_a_login(instance: Instance) -> None:
    for path in ("/health", "/health/db"):
        answer = instance.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": True})


@pytest.mark.form("rows")
def test_ready_is_json(instance: Instance) -> None:
    answer = instance.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": True})


@pytest.mark.form("blob")
def test_without_ready_the_page_of_the_application_answers_200(instance: Instance) -> None:
    answer = instance.get("/ready")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_an_unknown_path_is_200_too(instance: Instance) -> None:
    for path in ("/", "/no/such/path", "/api/v1/no/such/path"):
        answer = instance.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")


def test_version_and_settings_need_no_login(instance: Instance) -> None:
    version = instance.get("/api/version").json()["version"]
    assert version.startswith("0.")
    settings = instance.get("/api/config").json()
    assert settings["status"] is True
    assert settings["version"] == version
    assert settings["features"]["enable_signup"] is False
    assert "onboarding" not in settings


def test_the_first_200_means_migrated_and_without_users_asks_for_the_first(make: Callable[..., Instance]) -> None:
    instance = make().start()
    assert {"user", "auth", "config"} <= instance.tables()
    assert instance.get("/api/config").json()["onboarding"] is True


def test_env_decides_on_the_api_documentation(make: Callable[..., Instance]) -> None:
    instance = make(ENV="prod").start()
    assert "swagger" not in instance.get("/docs").text.lower()
    instance.restart(ENV="dev")
    assert "swagger" in instance.get("/docs").text.lower()


@pytest.mark.parametrize("key", ["", "x" * 44], ids=["empty", "44 characters, no Fernet key"])
@pytest.mark.form("rows")
def test_an_unusable_secret_key_ends_the_start(make: Callable[..., Instance], key: str) -> None:
    instance = make(WEBUI_SECRET_KEY=key)
    instance.launch()
    assert instance.wait() == 1


@pytest.mark.form("rows")
def test_an_unset_secret_key_is_generated_into_the_working_directory(make: Callable[..., Instance]) -> None:
    instance = make()
    del instance.environment["WEBUI_SECRET_KEY"]
    instance.start()
    assert len((instance.folder / ".webui_secret_key").read_text().strip()) >= 16


@pytest.mark.form("rows")
def test_an_unreachable_database_ends_the_start(make: Callable[..., Instance]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    instance = make(DATABASE_URL=f"postgresql+psycopg://webui:secret@127.0.0.1:{port}/webui")
    instance.launch()
    assert instance.wait() == 1


def test_sigterm_stops_it_at_once(make: Callable[..., Instance]) -> None:
    instance = make().start()
    begin = time.monotonic()
    assert instance.stop() in (-15, 143)
    assert time.monotonic() - begin < 10


def test_extra_tables_survive_a_restart(make: Callable[..., Instance]) -> None:
    instance = make().start()
    instance.execute("CREATE TABLE somebody_elses (id TEXT)")
    instance.execute("INSERT INTO somebody_elses VALUES ('kept')")
    instance.restart()
    assert instance.rows("SELECT id FROM somebody_elses") == [{"id": "kept"}]
