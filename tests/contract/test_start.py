# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, readiness, stop."""

from __future__ import annotations

import pathlib
import socket
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.contract.instance import Instance, Target
from tests.openrouter_simulator import Simulator


def test_health_answers_without_a_login(instance: Instance) -> None:
    for path in ("/health", "/health/db"):
        answer = instance.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": True})


@pytest.fixture(scope="module")
def new(make_lasting: Callable[..., Instance]) -> Instance:
    """One that nobody signs up at; Open WebUI 0.12 is given no secret key."""
    instance = make_lasting(ENV="prod")
    if instance.form == "rows":
        del instance.environment["WEBUI_SECRET_KEY"]
    return instance.start()


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


def test_the_first_200_means_migrated_and_without_users_asks_for_the_first(new: Instance) -> None:
    assert {"user", "auth", "config"} <= new.tables()
    assert new.get("/api/config").json()["onboarding"] is True


@pytest.mark.form("rows")
def test_the_first_start_copies_the_environment(instance: Instance, simulator: Simulator, secret: str) -> None:
    assert instance.stored("openai.api_keys") == [secret]
    assert instance.stored("openai.api_base_urls") == [simulator.url]
    assert instance.stored("ui.enable_signup") is False
    assert instance.stored("webui.url") == ""


def test_env_decides_on_the_api_documentation(instance: Instance, new: Instance) -> None:
    assert instance.environment["ENV"] == "prod"
    assert "swagger" not in instance.get("/docs").text.lower()
    new.restart(ENV="dev")
    assert "swagger" in new.get("/docs").text.lower()


@pytest.mark.parametrize("key", ["", "x" * 44], ids=["empty", "44 characters, no Fernet key"])
@pytest.mark.form("rows")
def test_an_unusable_secret_key_ends_the_start(make: Callable[..., Instance], key: str) -> None:
    instance = make(WEBUI_SECRET_KEY=key)
    instance.launch()
    assert instance.wait() == 1


@pytest.mark.form("rows")
def test_an_unset_secret_key_is_generated_into_the_working_directory(new: Instance) -> None:
    assert "WEBUI_SECRET_KEY" not in new.environment
    assert len((new.folder / ".webui_secret_key").read_text().strip()) >= 16


@pytest.mark.form("rows")
def test_an_unreachable_database_ends_the_start(make: Callable[..., Instance]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    instance = make(DATABASE_URL=f"postgresql+psycopg://webui:secret@127.0.0.1:{port}/webui")
    instance.launch()
    assert instance.wait() == 1


def test_sigterm_stops_it_at_once_and_extra_tables_survive(new: Instance) -> None:
    new.execute("CREATE TABLE somebody_elses (id TEXT)")
    new.execute("INSERT INTO somebody_elses VALUES ('kept')")
    begin = time.monotonic()
    assert new.stop() in (-15, 143)
    assert time.monotonic() - begin < 10
    new.start()
    assert new.rows("SELECT id FROM somebody_elses") == [{"id": "kept"}]


def test_the_stand_in_ends_with_the_tests_that_started_it(tmp_path: pathlib.Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as owner:
        instance = Instance(Target.standin("rows"), tmp_path, {"STANDIN_OWNER": str(owner.pid)}).start()
        owner.kill()
    # As who means to: nobody starts it again
    assert instance.wait(10) == 0
