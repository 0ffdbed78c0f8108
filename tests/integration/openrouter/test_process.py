# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as a process: start, files, log, stop and start again."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.openrouter_simulator import Control

STALE = "1"
ROOT = Path(__file__).parents[3]


@contextlib.contextmanager
def process(directory: Path, *options: str) -> Iterator[str]:
    """Its base URL; its output is added to directory/log."""
    port_file = directory / "port"
    port_file.write_text(STALE)
    files = ["--port-file", port_file, "--provisioning-key-file", directory / "key", "--state", directory / "state"]
    command = [sys.executable, "-m", "tests.openrouter_simulator", *map(str, files), *options]
    with open(directory / "log", "ab") as log:
        running = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 20
        while not port_file.exists() or port_file.read_text() == STALE:
            assert running.poll() is None and time.monotonic() < end, (directory / "log").read_text()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}"
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(10)


def test_stop_and_start_again(tmp_path: Path) -> None:
    chat = {"messages": [{"role": "user", "content": "hello"}]}
    with process(tmp_path, "--credits", "7") as root:
        management = {"Authorization": f"Bearer {(tmp_path / 'key').read_text().strip()}"}
        created = httpx.post(f"{root}/api/v1/keys", json={"name": "client-kept"}, headers=management).json()
        client = {"Authorization": f"Bearer {created['key']}"}
        assert httpx.post(f"{root}/api/v1/chat/completions", json=chat, headers=client).status_code == 200
        kept = Control(root).all_keys()
        # A client that mistakes a secret for a hash must not put it into the log.
        httpx.get(f"{root}/api/v1/keys/{created['key']}", headers=management)
    with process(tmp_path) as root:
        assert Control(root).all_keys() == kept and kept[0]["usage"] > 0
        assert httpx.get(f"{root}/api/v1/key", headers=client).json()["data"]["usage"] == kept[0]["usage"]
        account = httpx.get(f"{root}/api/v1/credits", headers=management).json()["data"]
        assert account == {"total_credits": 7, "total_usage": kept[0]["usage"]}

    for name in ("key", "state"):
        assert stat.S_IMODE(os.stat(tmp_path / name).st_mode) == 0o600
    log, state = (tmp_path / "log").read_text(), (tmp_path / "state").read_text()
    assert "POST /api/v1/keys 201" in log
    for secret in (created["key"], management["Authorization"].split()[1]):
        assert secret not in log and secret not in state


def test_latency(tmp_path: Path) -> None:
    with process(tmp_path, "--latency-ms", "300") as root:
        started = time.monotonic()
        assert httpx.get(f"{root}/api/v1/models").status_code == 200
        assert time.monotonic() - started >= 0.3


def test_an_empty_key_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    with pytest.raises(AssertionError, match="is empty"), process(tmp_path):
        pass


def test_control_answers_this_machine_only(tmp_path: Path) -> None:
    addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    own = next(address for address in addresses if ":" not in address)
    with process(tmp_path, "--host", "0.0.0.0") as root:
        assert Control(root).health()["status"] == "ok"
        elsewhere = root.replace("127.0.0.1", own)
        assert httpx.get(f"{elsewhere}/api/v1/models").status_code == 200
        assert httpx.get(f"{elsewhere}/__control__/keys").status_code == 403
