# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of AWX or Automation Controller over httpx: who is logged in where, one request at a time, all pages.

This is private to the collection. What is answered is never quoted: it is told by its status, and in words of ours.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import environment
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.connection import connection
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import OpenRouterError
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.parallel import within
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.values import json_object, json_value

try:
    import httpx
except ImportError:
    HAS_HTTPX = False
else:
    HAS_HTTPX = True

TIMEOUT = 20.0
LONGEST = 60.0
MAX_BODY = 64 * 2**20
PAGE = 200
MAX_PAGES = 500
# Of the API: nothing that leads elsewhere
_PATH = re.compile(r"(?:/[A-Za-z0-9_][A-Za-z0-9_.~-]*)+/?")
LOG_IN = (
    "attach a credential of the type Red Hat Ansible Automation Platform to the job template; at a terminal set "
    "CONTROLLER_HOST, and CONTROLLER_OAUTH_TOKEN or CONTROLLER_USERNAME and CONTROLLER_PASSWORD"
)


class ControllerError(Exception):
    """Why the controller was not asked, or did not do what it was asked; what it says holds nothing secret."""


class Refused(ControllerError):
    """What the controller answered instead of doing it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Login:
    """Where, and as whom; its secrets are in no text of it."""

    url: str
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    verify: bool = True


def login(environ: t.Mapping[str, str]) -> Login:
    """As the controller's own credential injects it; what is empty was not given."""

    def named(name: str) -> str:
        return (environ.get(f"CONTROLLER_{name}") or environ.get(f"TOWER_{name}") or "").strip()

    host, token = named("HOST"), named("OAUTH_TOKEN")
    username, password = named("USERNAME"), named("PASSWORD")
    if not host or not (token or (username and password)):
        what = "where AWX is (CONTROLLER_HOST)" if not host else "as whom to log in to AWX"
        raise ControllerError(f"it is not known {what}: {LOG_IN}")
    if token and not re.fullmatch(r"[!-~]+", token):
        raise ControllerError("CONTROLLER_OAUTH_TOKEN holds a space, a line break or a character that no token has")
    try:
        url = environment.checked_url(host if "://" in host else f"https://{host}")
    except OpenRouterError:
        raise ControllerError(
            "CONTROLLER_HOST must be a plain URL such as https://awx.example.com, without user name or password"
        ) from None
    verify = named("VERIFY_SSL").lower() not in ("false", "no", "off", "0", "f", "n")
    return Login(url, token, username, password, verify)


class Controller:
    """One log-in at one controller."""

    def __init__(self, who: Login, transport: httpx.BaseTransport | None = None) -> None:
        if not HAS_HTTPX:
            raise ControllerError(str(environment.missing_httpx()))
        self._who = who
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if who.token:
            headers["Authorization"] = f"Bearer {who.token}"
        self._way = None
        try:
            self._way = None if transport else environment.proxy(who.url)
            self._http = self._connection(headers, transport)
        except OpenRouterError as error:
            raise ControllerError(str(error)) from None
        self._prefix = ""

    def _connection(self, headers: dict[str, str], transport: httpx.BaseTransport | None) -> httpx.Client:
        who = self._who
        auth = None if who.token else httpx.BasicAuth(who.username, who.password)
        return connection(self._way, transport, verify=who.verify, headers=headers, timeout=TIMEOUT, auth=auth)

    def __enter__(self) -> Controller:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def get(self, path: str, **query: t.Any) -> dict[str, t.Any]:
        return self._send("GET", self._api() + path, query=query)

    def post(self, path: str, body: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        return self._send("POST", self._api() + path, body)

    def patch(self, path: str, body: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        return self._send("PATCH", self._api() + path, body)

    def delete(self, path: str) -> None:
        self._send("DELETE", self._api() + path)

    def related(self, link: t.Any) -> str:
        """The path of an object's link, for the others: of this API, and of nothing else."""
        path = _checked(link)
        if not path.startswith(f"{self._api()}/"):
            raise ControllerError("what answers at CONTROLLER_HOST links out of the API of AWX: check CONTROLLER_HOST")
        return path[len(self._api()) :]

    def all(self, path: str, **query: t.Any) -> list[dict[str, t.Any]]:
        """Every page; by their numbers, so that no answer leads anywhere else."""
        found: list[dict[str, t.Any]] = []
        for page in range(1, MAX_PAGES + 1):
            answer = self.get(path, **query, page_size=PAGE, page=page)
            rows = answer.get("results")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ControllerError(f"{self._where('GET', self._api() + path)}: the answer is no list")
            found += rows
            if not answer.get("next"):
                return found
        raise ControllerError(f"{self._where('GET', self._api() + path)}: the list has no end")

    def names(self, path: str) -> list[str]:
        """Of a list that has no pages, and nothing but names."""
        return self._send("GET", self._api() + path, parse=_texts)

    def _api(self) -> str:
        """Where version 2 is: the controller's own, or behind the gateway of a newer platform."""
        if not self._prefix:
            answer = self._send("GET", "/api/")
            behind = answer.get("apis")
            if isinstance(behind, dict) and "current_version" not in answer:
                answer = self._send("GET", _checked(behind.get("controller")))
            self._prefix = _checked(answer.get("current_version")).rstrip("/")
            if not self._prefix.endswith("/v2"):
                raise ControllerError(f"the API at {self._who.url} is not version 2 of AWX's")
        return self._prefix

    def _where(self, method: str, path: str) -> str:
        return f"{method} {self._who.url}{shown(path, 120)}"

    def _send(
        self,
        method: str,
        path: str,
        body: t.Mapping[str, t.Any] | None = None,
        query: t.Mapping[str, t.Any] | None = None,
        *,
        parse: t.Callable[[bytes], t.Any] = json_object,
    ) -> t.Any:
        where = self._where(method, path)
        failure: ControllerError
        try:
            status, content = within(LONGEST, lambda: self._fetch(method, path, body, query))
        except TimeoutError:
            failure = ControllerError(f"{where}: no whole answer in time ({LONGEST:g} s)")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OverflowError, MemoryError) as error:
            by = f" by way of the proxy that {self._way.variable} names" if self._way else ""
            hint = "Check CONTROLLER_HOST, the network and CONTROLLER_VERIFY_SSL"
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                hint = environment.untrusted().rstrip(".")
            failure = ControllerError(f"{where}: no answer{by} ({type(error).__name__}). {hint}")
        else:
            answer = {} if status == 204 else parse(content)
            if 200 <= status < 300 and answer is not None:
                return answer
            failure = _refusal(where, status, method, self._who)
        # Outside of the handlers, so that no exception of httpx travels along as this one's context.
        raise failure

    def _fetch(
        self, method: str, path: str, body: t.Mapping[str, t.Any] | None, query: t.Mapping[str, t.Any] | None
    ) -> tuple[int, bytes]:
        content = bytearray()
        with self._http.stream(method, self._who.url + path, json=body, params=query or None) as response:
            for part in response.iter_bytes():
                content += part
                if len(content) > MAX_BODY:
                    return response.status_code, b""
        return response.status_code, bytes(content)


def _texts(content: bytes) -> list[str] | None:
    texts = json_value(content)
    return texts if isinstance(texts, list) and all(isinstance(one, str) for one in texts) else None


def _checked(path: t.Any) -> str:
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ControllerError("what answers at CONTROLLER_HOST is not the API of AWX: check CONTROLLER_HOST")
    return path


def _refusal(where: str, status: int, method: str, who: Login) -> Refused:
    with_what = "the token" if who.token else f"the password of {shown(who.username, 60)}"
    if 200 <= status < 400:
        words = "this is not AWX's API: check CONTROLLER_HOST (with https:// where AWX wants that)"
    elif status == 401:
        words = f"AWX does not take {with_what}: {LOG_IN}"
    elif status == 403:
        words = "the user who is logged in may not do this: give them the role for it, of an inventory Admin"
    elif status == 404:
        words = "there is no such thing, or the user who is logged in may not see it"
    elif status == 400:
        words = "AWX does not accept it as it is"
    elif status == 429 or status >= 500:
        words = "AWX cannot do it now: run again later"
    else:
        words = "AWX refuses"
    done = " Whether it was done is not known" if method != "GET" and status >= 500 else ""
    return Refused(f"{where}: answered {status}. {words[0].upper()}{words[1:]}.{done}".rstrip("."), status)
