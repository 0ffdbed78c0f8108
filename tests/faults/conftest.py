# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulator in a process of its own; a new account and a new target for every cell; and what ran, as a table."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import time
import typing as t

import pytest

from tests.faults.report import Report
from tests.faults.world import World
from tests.openrouter_simulator import Control

ROOT = pathlib.Path(__file__).parents[2]


class Server(t.NamedTuple):
    root: str
    provisioning_key: str
    control: Control


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Server]:
    """Not in this process: a run that is to be killed is a fork of it."""
    directory = tmp_path_factory.mktemp("openrouter")
    port, key = directory / "port", directory / "key"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.openrouter_simulator", "--port-file", port, "--provisioning-key-file", key],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while not port.exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        root = f"http://127.0.0.1:{port.read_text().strip()}"
        control = Control(root)
        yield Server(root, key.read_text().strip(), control)
        control.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@pytest.fixture
def world(server: Server) -> t.Iterator[World]:
    one = World(server.control, server.root, server.provisioning_key)
    yield one
    one.close()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist reports to this process
        config.pluginmanager.register(Report(ROOT / "build" / "report.d"))
