# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account at a simulated OpenRouter, in a process of its own, every answer delayed as by a network."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import pathlib
import subprocess
import sys
import time
import typing as t

import httpx

from tests.hosts.paths import REPOSITORY
from tests.openrouter_simulator import Control

Key = t.Dict[str, t.Any]

# As many at once while keys are put there before something is measured.
_HANDS = 64


def wanted_keys(count: int) -> list[Key]:
    """What an agency with so many clients asks for."""
    return [{"name": f"client-{number:04}", "limit": 50, "limit_reset": "monthly"} for number in range(1, count + 1)]


class Account:
    def __init__(self, root: str, provisioning_key: str) -> None:
        self.url = f"{root}/api/v1"
        self.provisioning_key = provisioning_key
        self.control = Control(root)

    @classmethod
    @contextlib.contextmanager
    def fresh(cls, folder: pathlib.Path, latency_ms: float) -> t.Iterator[Account]:
        folder.mkdir()
        port, key = folder / "port", folder / "provisioning_key"
        command = [sys.executable, "-m", "tests.openrouter_simulator", "--latency-ms", str(latency_ms)]
        command += ["--port-file", str(port), "--provisioning-key-file", str(key)]
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while not port.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"The simulator did not start:\n{(folder / 'log').read_text()}")
                time.sleep(0.05)
            account = cls(f"http://127.0.0.1:{port.read_text().strip()}", key.read_text().strip())
            try:
                yield account
            finally:
                account.control.close()
        finally:
            process.terminate()
            process.wait(10)

    @property
    def environment(self) -> dict[str, str]:
        return {"OPENROUTER_BASE_URL": self.url, "OPENROUTER_PROVISIONING_KEY": self.provisioning_key}

    def calls(self) -> dict[str, int]:
        """Management calls since the journal was cleared, by method."""
        return dict(collections.Counter(call["method"] for call in self.control.journal()))

    def put(self, keys: list[Key]) -> None:
        asyncio.run(self._send([("POST", "/keys", key) for key in keys]))

    def drift(self, count: int) -> None:
        """Somebody lowers the limit of so many keys, spread over all of them."""
        keys = self.control.all_keys()
        some = keys[:: len(keys) // count][:count]
        asyncio.run(self._send([("PATCH", f"/keys/{key['hash']}", {"limit": 1}) for key in some]))

    async def _send(self, requests: list[tuple[str, str, Key]]) -> None:
        pending = iter(requests)
        limits = httpx.Limits(max_connections=_HANDS, max_keepalive_connections=_HANDS)
        headers = {"Authorization": f"Bearer {self.provisioning_key}"}
        # Plain HTTP to this machine: neither a proxy nor certificates are wanted.
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, limits=limits, trust_env=False, verify=False, timeout=60
        ) as http:

            async def work() -> None:
                for method, path, body in pending:
                    (await http.request(method, path, json=body)).raise_for_status()

            await asyncio.gather(*(work() for _hand in range(_HANDS)))

    def assert_holds(self, keys: list[Key]) -> None:
        """What was measured did its work: these keys, with these limits, and no others."""
        fields = ("name", "limit", "limit_reset")
        there = sorted(tuple(key[field] for field in fields) for key in self.control.all_keys())
        asked = sorted(tuple(key[field] for field in fields) for key in keys)
        if there != asked:
            strange = sorted(set(there) ^ set(asked))[:5]
            raise AssertionError(f"{len(there)} keys instead of {len(asked)}, or other ones: {strange}")
