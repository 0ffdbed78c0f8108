# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance under test: a process of its own, its address, its database, its log."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
ADMIN = {"email": "admin@example.com", "password": "first-password", "name": "Admin"}
SECRET_KEY = "5a" * 32
START_SECONDS = 180


class Target:
    """What can be started: the stand-in in one of its forms, or the real Open WebUI."""

    def __init__(self, name: str, form: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.form = form
        self.command = command
        self.environment = environment

    @classmethod
    def standin(cls, form: str) -> Target:
        environment = {"STANDIN_CONFIG": form, "STANDIN_OWNER": str(os.getpid())}
        return cls(f"standin-{form}", form, [sys.executable, "-m", "tests.mai_standin"], environment)

    @classmethod
    def openwebui(cls, venv: Path) -> Target:
        environment = {
            "OFFLINE_MODE": "true",
            "ENABLE_OLLAMA_API": "false",
            "ANONYMIZED_TELEMETRY": "false",
            "BYPASS_EMBEDDING_AND_RETRIEVAL": "true",
        }
        return cls("openwebui", "rows", [str(venv / "bin" / "open-webui"), "serve"], environment)


class Instance:
    def __init__(self, target: Target, folder: Path, environment: dict[str, str]) -> None:
        self.target = target
        self.form = target.form
        self.folder = folder
        self.environment = {
            **target.environment,
            "WEBUI_SECRET_KEY": SECRET_KEY,
            "ENV": "prod",
            "DATA_DIR": str(folder / "data"),
            "STATIC_DIR": str(folder / "static"),
            **environment,
        }
        self.port = 0
        self._http = httpx.Client(trust_env=False, timeout=60)
        # A session is what a test passes as a token, never a cookie of an earlier answer.
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("data", "static"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    # Life

    def launch(self) -> None:
        """Start the process and do not wait for anything."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [*self.target.command, "--host", "127.0.0.1", "--port", str(self.port)],
                env={**kept, "HOME": str(self.folder), "PYTHONPATH": str(ROOT), **self.environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self) -> Instance:
        """Start the process and wait for the first 200 of /health."""
        self.launch()
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if self.get("/health").status_code == 200:
                    return self
            time.sleep(0.1)
        self.stop()
        raise AssertionError(f"{self.target.name} did not become healthy:\n{self.log[-4000:]}")

    def wait(self, seconds: float = START_SECONDS) -> int:
        """The exit status of a process that ends by itself."""
        return self._process.wait(seconds)

    def stop(self) -> int | None:
        """SIGTERM; what is left of its process group after 30 s is killed."""
        if self._process is None:
            return None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise AssertionError(f"{self.target.name} does not stop on SIGTERM") from None
        finally:
            self._process = None

    def restart(self, **environment: str) -> None:
        self.stop()
        self.environment.update(environment)
        self.start()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    # HTTP

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers.update(more.pop("headers", {}))
        return self._http.request(method, self.url + path, headers=headers, **more)

    def get(self, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        return self.request("GET", path, token, **more)

    def post(self, path: str, body: Any, token: str | None = None) -> httpx.Response:
        return self.request("POST", path, token, json=body)

    def sign_in(self, email: str = ADMIN["email"], password: str = ADMIN["password"]) -> httpx.Response:
        return self.post("/api/v1/auths/signin", {"email": email, "password": password})

    def sign_up(self, email: str, password: str = "a-password", name: str = "Somebody") -> httpx.Response:
        return self.post("/api/v1/auths/signup", {"email": email, "password": password, "name": name})

    def admin(self) -> str:
        """A token of the administrator, who is made by the portable recipe if there is none."""
        answer = self.sign_in()
        if answer.status_code != 200:
            assert self.get("/api/config").json()["onboarding"] is True
            answer = self.sign_up(ADMIN["email"], ADMIN["password"], ADMIN["name"])
            # Accounts have their age in seconds: the first one is the only one of its second
            time.sleep(1 - time.time() % 1)
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]

    def add_user(
        self, email: str, role: str = "user", password: str = "a-password", admin: str | None = None
    ) -> tuple[str, str]:
        """The id and a token of a new user. With an administrator's token nobody signs in: that is counted."""
        user = {"email": email, "password": password, "name": "Somebody", "role": role}
        answer = self.post("/api/v1/auths/add", user, admin or self.admin())
        assert answer.status_code == 200, answer.text
        return answer.json()["id"], self.sign_in(email, password).json()["token"]

    def models(self, token: str, refresh: bool = False) -> list[str]:
        answer = self.get("/api/models", token, params={"refresh": "true"} if refresh else {})
        assert answer.status_code == 200, answer.text
        return [model["id"] for model in answer.json()["data"]]

    def chat(self, token: str, model: str = "openai/gpt-4o-mini", **more: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Good morning"}], **more}
        return self.post("/api/chat/completions", body, token)

    # Database

    @contextlib.contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.folder / "data" / "webui.db", timeout=30, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with self.database() as database:
            return [dict(row) for row in database.execute(sql, values)]

    def tables(self) -> set[str]:
        return {row["name"] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def stored(self, key: str) -> Any:
        """A setting, where each is a row of its own."""
        return json.loads(self.rows('SELECT value FROM config WHERE "key" = ?', key)[0]["value"])

    def execute(self, sql: str, *values: Any) -> None:
        with self.database() as database:
            database.execute(sql, values)
