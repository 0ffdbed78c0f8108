# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The imitation as a server in a thread of a test."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.awx_imitation import rules
from tests.awx_imitation.controller import Controller
from tests.awx_imitation.kinds import KINDS
from tests.awx_imitation.store import Refused

ROOT = Path(__file__).resolve().parents[2]
VERSION = "24.6.1"


@dataclass(frozen=True)
class Request:
    """One call, in the memory of the test alone: a body may hold a secret."""

    method: str
    path: str
    query: str
    body: str
    status: int

    @property
    def writes(self) -> bool:
        return self.method != "GET"


class Awx:
    """Use as a context manager. `environment()` is what a controller credential gives a job."""

    def __init__(self, playbooks: list[str] | None = None, superuser: bool = True) -> None:
        if playbooks is None:
            playbooks = [f"playbooks/{path.name}" for path in sorted((ROOT / "playbooks").glob("*.yml"))]
        self.controller = Controller(playbooks, superuser)
        self.username, self.password = "admin", secrets.token_urlsafe(16)
        # An application of AWX's own has been given this one
        self.token = secrets.token_urlsafe(24)
        self.tokens: dict[int, str] = {}
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def environment(self, token: bool = True) -> dict[str, str]:
        who = (
            {"CONTROLLER_OAUTH_TOKEN": self.token}
            if token
            else {"CONTROLLER_USERNAME": self.username, "CONTROLLER_PASSWORD": self.password}
        )
        return {"CONTROLLER_HOST": self.url, "CONTROLLER_VERIFY_SSL": "false", **who}

    @property
    def writes(self) -> list[Request]:
        """Calls that were to change something; those for tokens are no change."""
        return [one for one in self.requests if one.writes and not one.path.startswith("/api/v2/tokens/")]

    # What a test looks at, or somebody made in the pages of AWX

    def all(self, kind: str) -> list[dict[str, Any]]:
        with self.lock:
            return [self.controller.show(kind, thing) for thing in self.controller.store.all(kind)]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        found = [thing for thing in self.all(kind) if thing.get(KINDS[kind].name) == name]
        assert len(found) == 1, f"{len(found)} of {kind} are called {name}"
        return found[0]

    def add(self, kind: str, /, **fields: Any) -> int:
        """An object of that kind; returns its number."""
        with self.lock:
            return self.controller.create(kind, fields)["id"]

    def survey(self, name: str, kind: str = "job_templates") -> dict[str, Any]:
        thing = self.one(kind, name)
        return self.controller.survey(kind, thing)

    def secret(self, credential: str) -> dict[str, Any]:
        """What a job would be given of a credential."""
        return self.controller.store.secrets["credentials", self.one("credentials", credential)["id"]]

    def start(self) -> Awx:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Awx:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    # Requests

    def answer(self, method: str, path: str, query: dict[str, list[str]], given: Any) -> tuple[int, Any]:
        parts = [part for part in path.removeprefix("/api/").split("/") if part]
        if not parts:
            return 200, {"current_version": "/api/v2/", "available_versions": {"v2": "/api/v2/"}}
        if parts[0] != "v2":
            raise Refused(404, "Not found.")
        parts = parts[1:]
        if len(parts) <= 1 or parts[0] == "settings":
            return self._top(method, parts, query, given)
        kind, rest = parts[0], parts[1:]
        if kind == "roles":
            return self._role(method, rest, query, given)
        if kind != "unified_job_templates" and kind not in KINDS:
            raise Refused(404, "Not found.")
        thing = self.controller.store.get(kind, rest[0])
        kind = self.controller.store.kind_of(thing)
        return (
            self._thing(method, kind, thing, query, given)
            if len(rest) == 1
            else self._part(method, kind, thing, rest[1], query, given)
        )

    def _top(self, method: str, parts: list[str], query: dict[str, list[str]], given: Any) -> tuple[int, Any]:
        name = parts[0] if parts else ""
        if name in ("", "ping"):
            return 200, {"version": VERSION, "ha": False, "instances": [], "instance_groups": []}
        if name == "config":
            return 200, {"version": VERSION, "time_zone": "UTC", "license_info": {"license_type": "open"}}
        if name == "settings":
            return 200, {}
        if name == "me":
            return 200, self.controller.listing("users", {"username": [self.username]})
        if name == "tokens" and method == "POST":
            made = self.controller.create("tokens", given or {})
            self.tokens[made["id"]] = secrets.token_urlsafe(24)
            return 201, {**made, "token": self.tokens[made["id"]]}
        if name != "unified_job_templates" and name not in KINDS:
            raise Refused(404, "Not found.")
        if method == "GET":
            return 200, self.controller.listing(name, query)
        if method == "POST":
            return 201, self.controller.create(name, given)
        raise Refused(405, f'Method "{method}" not allowed.')

    def _role(self, method: str, rest: list[str], query: dict[str, list[str]], given: Any) -> tuple[int, Any]:
        if len(rest) != 2 or rest[1] not in ("users", "teams"):
            raise Refused(404, "Not found.")
        if method == "GET":
            return 200, self.controller.grants(int(rest[0]), rest[1], query)
        self.controller.grant(int(rest[0]), rest[1], given)
        return 204, None

    def _thing(
        self, method: str, kind: str, thing: dict[str, Any], query: dict[str, list[str]], given: Any
    ) -> tuple[int, Any]:
        if method == "GET":
            return 200, self.controller.show(kind, thing)
        if method in ("PATCH", "PUT"):
            return 200, self.controller.change(kind, thing, given)
        if method == "DELETE":
            if kind == "tokens":
                self.tokens.pop(thing["id"], None)
            self.controller.delete(kind, thing)
            return 204, None
        raise Refused(405, f'Method "{method}" not allowed.')

    def _part(
        self, method: str, kind: str, thing: dict[str, Any], part: str, query: dict[str, list[str]], given: Any
    ) -> tuple[int, Any]:
        controller = self.controller
        if part == "survey_spec" and kind in ("job_templates", "workflow_job_templates"):
            if method == "POST":
                controller.put_survey(kind, thing, given)
            elif method == "DELETE":
                controller.store.surveys.pop((kind, thing["id"]), None)
            return 200, controller.survey(kind, thing) if method == "GET" else {}
        if part == "update" and kind in ("projects", "inventory_sources"):
            return (202, controller.update(kind, thing)) if method == "POST" else (200, {"can_update": True})
        if part == "launch":
            return (201, controller.launch(kind, thing, given)) if method == "POST" else (200, {})
        if part == "create_approval_template":
            return 201, controller.approval(thing, given)
        if part == "playbooks" and kind == "projects":
            return 200, thing["_playbooks"]
        if part == "script" and kind == "inventories":
            return 200, controller.script(thing)
        if part == "variable_data" and kind in ("hosts", "groups", "inventories"):
            return self._variable_data(method, kind, thing, given)
        if method == "GET":
            return 200, controller.sublist(kind, thing, part, query)
        made = controller.put(kind, thing, part, given)
        return (204, None) if made is None else (201, made)

    def _variable_data(self, method: str, kind: str, thing: dict[str, Any], given: Any) -> tuple[int, Any]:
        before = rules.variables(thing["variables"]) or {}
        if method in ("PUT", "PATCH"):
            after = {**before, **given} if method == "PATCH" else given
            self.controller.change(kind, thing, {"variables": json.dumps(after)})
            before = after
        return 200, before

    def knows(self, authorization: str) -> bool:
        way, _blank, what = authorization.partition(" ")
        if way == "Bearer":
            return any(secrets.compare_digest(what, one) for one in (self.token, *self.tokens.values()))
        if way == "Basic":
            return base64.b64decode(what).decode() == f"{self.username}:{self.password}"
        return False


def _handler(awx: Awx) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            open_to_all = url.path in ("/api/", "/api/v2/ping/")
            with awx.lock:
                try:
                    if not open_to_all and not awx.knows(self.headers.get("Authorization", "")):
                        raise Refused(401, "Authentication credentials were not provided.")
                    given = json.loads(body) if body else {}
                    query = parse_qs(url.query, keep_blank_values=True)
                    status, answer = awx.answer(self.command, url.path, query, given)
                except Refused as refused:
                    status, answer = refused.status, refused.body
                awx.requests.append(Request(self.command, url.path, url.query, body, status))
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", VERSION)
            if status != 204:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

        def log_message(self, *_arguments: Any) -> None:
            """Nothing of a request is written anywhere."""

    return Handler
