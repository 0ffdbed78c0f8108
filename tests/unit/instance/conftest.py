# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that an instance is made of, as real as a unit test allows: HTTP server, SQLite files, a docker command."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jwt
import pytest
from ansible.module_utils.testing import patch_module_args

from tests.kit import schema

KEY = "sk-or-v1-1111111111111111111111111111111111111111111111111111111111111111"
OLD_KEY = "sk-or-v1-2222222222222222222222222222222222222222222222222222222222222222"
SECRET_KEY = "5ec2e7" * 10 + "abcd"
PASSWORD = 'Pa$$"wörd #1'
SECRETS = (KEY, OLD_KEY, SECRET_KEY, PASSWORD)
IMAGE_ID = "sha256:" + "ab" * 32


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class OpenWebUI(ThreadingHTTPServer):
    """The few routes of Open WebUI that the modules use; users and settings are attributes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.users: dict[str, dict] = {}
        self.enable_signup = False
        self.first_signup_obeys_setting = False
        self.ready: tuple[int, object] | None = (200, {"status": True})
        self.healthy = True
        self.health_page: tuple[int, object] | None = None
        self.accounts = True
        self.session_stamp: str | None = "stamp-1"
        self.models = [{"id": "a/b", "owned_by": "openai"}, {"id": "arena-model", "owned_by": "arena"}]
        self.key_answer: tuple[int, object] = (
            200,
            {"data": {"label": "sk-or-v1-111...111", "limit": 500, "limit_remaining": 421.5}},
        )
        self.usage: tuple[int, object] | None = (200, {"total": 1})
        self.prices = {"a/b": "0.000001"}
        self.chat_answer: tuple[int, object] = (200, {"id": "gen-1", "choices": [{}], "usage": {"cost": 0.002}})
        self.generation: tuple[int, object] = (200, {"data": {"external_user": "org_user_1", "total_cost": 0.002}})
        self.chats: list[dict] = []
        self.requests: list[tuple[str, str]] = []
        self.signups: list[dict] = []

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    server: OpenWebUI

    def log_message(self, *_arguments):
        pass

    def _answer(self, status: int, content: object) -> None:
        """JSON for data, or what claims to be; the page of the application, as for every unknown address, for None."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        body = b"<!doctype html>" if content is None else body
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if content is None else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _session(self) -> bool:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, SECRET_KEY, algorithms=["HS256"], options={"require": ["exp", "iat", "jti"]})
        except jwt.InvalidTokenError:
            return False
        return (
            claims["id"] == "admin-id"
            and claims["exp"] - claims["iat"] <= 60
            and claims.get("session_stamp") == self.server.session_stamp
        )

    def do_GET(self):
        server = self.server
        server.requests.append(("GET", self.path))
        if self.path == "/health":
            return self._answer(*server.health_page or (200 if server.healthy else 503, {"status": server.healthy}))
        if self.path == "/ready" and server.ready:
            return self._answer(*server.ready)
        if self.path == "/api/version":
            return self._answer(200, {"version": "0.12.4"})
        if self.path == "/api/config" and server.accounts:
            onboarding = {} if server.users else {"onboarding": True}
            return self._answer(200, dict(onboarding, features={"enable_signup": server.enable_signup}))
        if self.path == "/api/v1/key":
            known = self.headers.get("Authorization") == "Bearer " + KEY
            return self._answer(*server.key_answer if known else (401, {"error": {"code": 401, "message": KEY}}))
        if self.path == "/api/v1/models":
            if server.prices is None:
                return self._answer(429, {"error": {"message": "Too many requests"}})
            prices = [
                {"id": name, "pricing": {"prompt": price, "completion": price}} for name, price in server.prices.items()
            ]
            return self._answer(200, {"data": prices})
        if self.path.startswith("/api/v1/generation?id="):
            known = self.headers.get("Authorization") == "Bearer " + KEY
            return self._answer(*server.generation if known else (401, {"error": {"code": 401, "message": KEY}}))
        if self.path == "/api/models?refresh=true":
            return (
                self._answer(200, {"data": server.models}) if self._session() else self._answer(401, {"detail": "no"})
            )
        if self.path == "/api/v1/usage-tracking/my-organization/usage-summary" and server.usage:
            return self._answer(*server.usage) if self._session() else self._answer(401, {"detail": "no"})
        return self._answer(200, None)

    def do_POST(self):
        server = self.server
        server.requests.append(("POST", self.path))
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/v1/auths/signup" and server.accounts:
            if not server.enable_signup and (server.users or server.first_signup_obeys_setting):
                return self._answer(403, {"detail": "ACCESS PROHIBITED"})
            if "@" not in body["email"]:
                return self._answer(400, {"detail": "invalid e-mail"})
            server.signups.append(body)
            role = "pending" if server.users else "admin"
            server.users[body["email"].lower()] = {"password": body["password"], "role": role}
            server.enable_signup = False
            return self._answer(200, {"token": "t", "role": role})
        if self.path == "/api/v1/auths/signin" and server.accounts:
            user = server.users.get(body["email"].lower())
            if user and user["password"] == body["password"]:
                return self._answer(200, {"token": "t", "role": user["role"]})
            return self._answer(400, {"detail": f"wrong password {body['password']}"})
        if self.path == "/api/chat/completions":
            if not self._session():
                return self._answer(401, {"detail": "no"})
            server.chats.append(body)
            return self._answer(*server.chat_answer)
        return self._answer(405, {"detail": "Method Not Allowed"})


@pytest.fixture
def open_webui():
    server = OpenWebUI()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "client-company-abc"
    path.mkdir(mode=0o700)
    return path


def write_env(path: Path, **variables: str) -> Path:
    from ansible_collections.mai.clients.plugins.module_utils._envfile import dump

    path.write_text(dump(variables), encoding="utf-8")
    path.chmod(0o600)
    return path


def make_database(directory: Path, form: str = "rows", settings: dict | None = None, people: int = 1) -> Path:
    """A database as mAI on Open WebUI leaves it, with one administrator and O(people) - 1 others."""
    settings = {
        "openai.api_base_urls": ["https://admin:word@example.com/v1", "https://openrouter.ai/api/v1"],
        "openai.api_keys": ["", OLD_KEY],
        "ui.enable_signup": False,
        **(settings or {}),
    }
    path = directory / "data" / "webui.db"
    path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(path) as db:
        tables = [schema.USER, schema.AUTH, schema.REVISION, schema.organizations(key_hash=False)]
        tables += [schema.config(form)] if form in ("rows", "blob") else []
        db.executescript(schema.loose("".join(tables)))
        for number in range(people):
            who = (f"user-{number}", "pending") if number else ("admin-id", "admin")
            row = (who[0], who[0] + "@example.com", who[1], number)
            db.execute('INSERT INTO "user" (id, email, role, created_at) VALUES (?, ?, ?, ?)', row)
            db.execute("INSERT INTO auth (id, password, session_stamp) VALUES (?, 'hash', 'stamp-1')", who[:1])
        db.execute("INSERT INTO alembic_version VALUES ('e7f8g9h0i1j2')")
        db.execute(
            "INSERT INTO client_organizations VALUES ('company-abc-001', 'Company ABC', ?, 1.3, 500, "
            "'billing@companyabc.com', 'Europe/Warsaw', 1, 1795526160000, 1795526160000)",
            (KEY,),
        )
        if form == "rows":
            db.executemany(
                'INSERT INTO config ("key", value) VALUES (?, ?)',
                [(name, json.dumps(value)) for name, value in settings.items()],
            )
        if form == "blob":
            blob: dict = {"version": 0}
            for name, value in settings.items():
                *folders, last = name.split(".")
                place = blob
                for folder in folders:
                    place = place.setdefault(folder, {})
                place[last] = value
            rows = [(1, '{"old": true}'), (2, json.dumps(blob))]
            db.executemany("INSERT INTO config (id, data, version) VALUES (?, ?, 0)", rows)
    db.close()
    return path


class Docker:
    """A docker command on PATH that answers from a file, in the words of the real one."""

    def __init__(self, folder: Path):
        self._state = folder / "state.json"
        self.containers: list[dict] = []
        self.images: list[dict] = []
        self.log = ""
        self.error: str | None = None
        self.accounts: str | None = None
        command = folder / "docker"
        command.write_text(_DOCKER.format(python=sys.executable, state=str(self._state)))
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        self.save()

    def save(self) -> None:
        self._state.write_text(
            json.dumps(
                {
                    **{"containers": self.containers, "images": self.images, "log": self.log, "error": self.error},
                    "accounts": self.accounts,
                }
            )
        )

    def add(
        self, name: str, port: int | None = None, running: bool = True, labels=None, env=(), memory: int = 0
    ) -> dict:
        bindings = {"8080/tcp": [{"HostIp": "", "HostPort": str(port)}]} if port else {}
        bound = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]} if port else {}
        container = {
            "Id": sha256(name),
            "Name": "/" + name,
            "Image": IMAGE_ID,
            "RestartCount": 0,
            "State": {
                "Status": "running" if running else "exited",
                "Running": running,
                "ExitCode": 0 if running else 3,
                "StartedAt": "2026-11-24T13:16:00.123456789Z" if running else "0001-01-01T00:00:00Z",
                **({"Health": {"Status": "healthy"}} if running else {}),
            },
            "Config": {"Image": "mai:1", "Env": list(env), "Labels": labels},
            "HostConfig": {"Memory": memory, "PortBindings": bindings},
            "NetworkSettings": {"Ports": bound if running else {}},
        }
        self.containers.append(container)
        self.save()
        return container


_DOCKER = """#!{python}
import io, json, sys, tarfile
state = json.load(open({state!r}))
arguments = sys.argv[1:]
if arguments[0] == "info":
    client = {{"Version": "28.2.2", "Plugins": [{{"Name": "compose", "Version": "v2.26.1"}}]}}
    if state["error"]:
        print(json.dumps({{"ServerVersion": "", "DockerRootDir": "", "ClientInfo": client}}))
        sys.exit(state["error"])
    print(json.dumps({{"ServerVersion": "26.1.5", "DockerRootDir": "/var/lib/none", "ClientInfo": client}}))
elif arguments[0] == "ps":
    print("\\n".join(container["Id"] for container in state["containers"]))
elif arguments[:3] == ["inspect", "--type", "container"]:
    print(json.dumps([container for container in state["containers"] if container["Id"] in arguments[3:]]))
elif arguments[:2] == ["image", "inspect"]:
    found = [image for image in state["images"] if arguments[2] in [image["Id"], *image["RepoTags"]]]
    print(json.dumps(found))
    sys.exit(not found)
elif arguments[0] == "logs":
    lines = state["log"].splitlines(True)
    sys.stderr.write("".join(lines[-int(arguments[arguments.index("--tail") + 1]) :]))
elif arguments[0] in ("create", "rm"):
    pass
elif arguments[0] == "cp" and state["accounts"] is not None:
    member = tarfile.TarInfo("passwd")
    member.size = len(state["accounts"])
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        archive.addfile(member, io.BytesIO(state["accounts"].encode()))
else:
    sys.exit("unexpected: " + repr(arguments))
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder) + os.pathsep + os.environ["PATH"])
    return Docker(folder)


@pytest.fixture
def without_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture):
    """Run a module's main() in this process; its result, with the exit code as C(rc)."""

    def run(module, _check: bool = False, _diff: bool = False, **arguments) -> dict:
        internal = {"_ansible_check_mode": _check, "_ansible_diff": _diff, "_ansible_remote_tmp": "/tmp"}
        with patch_module_args({**arguments, **internal}), pytest.raises(SystemExit) as caught:
            module.main()
        return dict(json.loads(capsys.readouterr().out), rc=caught.value.code)

    return run
