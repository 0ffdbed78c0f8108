# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native instances as plain processes: started, waited for, stopped. Real processes, real ports."""

from __future__ import annotations

import os
import socket
import sys
import textwrap
import time
from pathlib import Path

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance import system
from ansible_collections.mai.clients.plugins.modules import instance_health, instance_process

from .conftest import KEY, SECRET_KEY

# What the scripts below share: a server that answers /health with a status; /ready is unknown, as in old releases.
SERVER = """
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(STATUS if self.path == "/health" else 404); self.end_headers()
    def log_message(self, *a):
        print("asked for", self.path, flush=True)
def serve():
    http.server.HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def instance(tmp_path: Path, port: int, run_module):
    """instance(script, status) writes a start script; its process is ended after the test."""
    (tmp_path / "api_key.env").write_text(f'OPENAI_API_KEY="{KEY}"\n')
    (tmp_path / "secrets.env").write_text(f'WEBUI_SECRET_KEY="{SECRET_KEY}"\n')

    def instance(script: str, status: int = 200) -> Path:
        program = SERVER.replace("PORT", str(port)).replace("STATUS", str(status)) + textwrap.dedent(script)
        (tmp_path / "program.py").write_text(program)
        start = tmp_path / "start-mai-instance.sh"
        start.write_text(f"#!/bin/sh\nexec {sys.executable} program.py\n")
        start.chmod(0o700)
        return tmp_path

    yield instance
    run_module(instance_process, deployment_dir=str(tmp_path), state="stopped", stop_timeout=2)


@pytest.fixture
def started(instance, run_module):
    def started(script: str, status: int = 200) -> Path:
        directory = instance(script, status)
        assert run_module(instance_process, deployment_dir=str(directory))["changed"]
        return directory

    return started


@pytest.fixture
def health(run_module, port: int):
    def health(directory: Path, timeout: int = 2) -> dict:
        (directory / "settings.env").write_text(f'HOST="127.0.0.1"\nPORT="{port}"\n')
        return run_module(
            instance_health,
            client="company-abc",
            service="mai-companyabc",
            deployment="native",
            deployment_dir=str(directory),
            timeout=timeout,
        )

    return health


def test_started_twice_is_one_process(instance, run_module) -> None:
    directory = instance("serve()")
    first = run_module(instance_process, deployment_dir=str(directory))
    second = run_module(instance_process, deployment_dir=str(directory))
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["pid"] == second["pid"] and system.is_running(first["pid"])
    # On a busy machine setsid may not have run yet
    deadline = time.monotonic() + 10
    while os.getsid(first["pid"]) != first["pid"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert os.getsid(first["pid"]) == first["pid"], "it must outlive the connection that started it"
    assert (directory / "instance.log").stat().st_mode & 0o777 == 0o600


def test_restarted_is_another_process_and_stopped_is_none(started, run_module) -> None:
    directory = started("serve()")
    before = int((directory / "instance.pid").read_text())
    after = run_module(instance_process, deployment_dir=str(directory), state="restarted")["pid"]
    assert after != before and not system.is_running(before)
    assert run_module(instance_process, deployment_dir=str(directory), state="stopped")["changed"]
    assert not system.is_running(after)
    assert not run_module(instance_process, deployment_dir=str(directory), state="stopped")["changed"]


def test_check_mode_neither_starts_nor_stops(instance, run_module) -> None:
    directory = instance("serve()")
    assert run_module(instance_process, _check=True, deployment_dir=str(directory))["changed"]
    assert not (directory / "instance.pid").exists()
    pid = run_module(instance_process, deployment_dir=str(directory))["pid"]
    assert run_module(instance_process, _check=True, deployment_dir=str(directory), state="stopped")["changed"]
    assert system.is_running(pid)


def test_a_process_of_somebody_else_is_never_stopped(tmp_path: Path, run_module) -> None:
    (tmp_path / "instance.pid").write_text(f"{os.getppid()}\n")
    assert not run_module(instance_process, deployment_dir=str(tmp_path), state="stopped")["changed"]


def test_a_process_that_ignores_the_request_is_ended(started, run_module) -> None:
    directory = started(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); serve()"
    )
    pid = int((directory / "instance.pid").read_text())
    deadline = time.monotonic() + 10
    while "deaf" not in (directory / "instance.log").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    run_module(instance_process, deployment_dir=str(directory), state="stopped", stop_timeout=1)
    assert not system.is_running(pid)


def test_a_missing_start_script_is_an_error(tmp_path: Path, run_module) -> None:
    result = run_module(instance_process, deployment_dir=str(tmp_path))
    assert result["failed"] and "start-mai-instance.sh cannot be started" in result["msg"]


def test_an_instance_that_comes_up_is_waited_for(started, health) -> None:
    result = health(started("time.sleep(1); serve()"))
    assert not result.get("failed"), result
    assert result["seconds"] >= 0.5


def test_a_log_that_moves_is_waited_for_beyond_the_timeout(started, health) -> None:
    directory = started("for n in range(8): print('migration', n, flush=True); time.sleep(0.5)\nserve()")
    result = health(directory, timeout=2)
    assert not result.get("failed"), result
    assert result["seconds"] > 2


def test_a_log_that_moves_for_ever_is_given_up(started, health) -> None:
    result = health(started("for n in range(600): print('migration', n, flush=True); time.sleep(0.1)"), timeout=1)
    assert result["failed"] and "though it has been logging for" in result["msg"]


def test_a_silent_instance_fails_after_the_timeout(started, health) -> None:
    result = health(started("print('begin', flush=True); time.sleep(60)"), timeout=1)
    assert result["failed"] and "nothing new was logged for 1 seconds" in result["msg"]
    assert "begin" in result["msg"]


def test_requests_in_the_log_are_no_progress_of_an_unhealthy_instance(started, health) -> None:
    result = health(started("serve()", status=500), timeout=2)
    assert result["failed"] and "/health answers with HTTP 500" in result["msg"]
    assert result["seconds"] < 20


def test_an_instance_that_ends_fails_at_once_with_its_masked_log(started, health) -> None:
    directory = started(f"print('cannot use {KEY} and {SECRET_KEY}', flush=True); sys.exit(3)")
    result = health(directory, timeout=60)
    assert result["failed"] and "its process has ended" in result["msg"]
    assert "cannot use *** and ***" in result["msg"]
    assert KEY not in str(result) and SECRET_KEY not in str(result)


def test_an_instance_that_was_never_started_fails_at_once(tmp_path: Path, health) -> None:
    result = health(tmp_path, timeout=60)
    assert result["failed"] and "was not started" in result["msg"]
