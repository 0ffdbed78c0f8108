# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain HTTP to the instance: over loopback, past any proxy, following no redirect, within bounds of time and size."""

from __future__ import annotations

import functools
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException

from ansible_collections.mai.clients.plugins.module_utils._confined import MIB, Confined, Refused
from ansible_collections.mai.clients.plugins.module_utils._text import shown

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
NOT_TRIED = "it is reached by way of a SOCKS proxy, which is not tried from here"
# Five times a list of all the models that OpenRouter offers
_LARGEST = 4 * MIB


class Answer:
    """Status (None: no answer), JSON (None: none) and why there is none; the body itself is kept nowhere."""

    def __init__(self, status: int | None = None, data=None, error: str | None = None):
        self.status = status
        self.data = data
        self.error = error

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    def get(self, name: str, default=None):
        return self.data.get(name, default) if isinstance(self.data, dict) else default


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments):
        return None


@functools.lru_cache(maxsize=None)
def _opener(proxies: bool) -> urllib.request.OpenerDirector:
    """Made once: each one loads the machine's certificates again."""
    return urllib.request.build_opener(_NoRedirect(), *([] if proxies else [urllib.request.ProxyHandler({})]))


def proxies_of(environment: Mapping) -> dict[str, str]:
    """What an environment says about proxies, by names in lower case. In an inventory's, names may be anything."""
    named = {str(name).lower(): value for name, value in environment.items()}
    return {name: str(named[name]) for name in _PROXIES if named.get(name)}


class Asked:
    """A request under way, beside others: GET, or with a body POST it as JSON, or by a method of its own.

    Proxies are those of the environment (True), none (False), or what proxies_of gave for another environment. The
    timeout is that of the whole request: an answer that drips, or has no end, ends with it.
    """

    def __init__(
        self,
        url: str,
        body=None,
        token: str | None = None,
        timeout: float = 5,
        proxies: bool | dict[str, str] = False,
        method: str | None = None,
    ) -> None:
        work, through = (_ask_through, proxies) if isinstance(proxies, dict) else (_ask, _opener(proxies))
        self._work = Confined("the answer", work, through, url, body, token, timeout, method, seconds=timeout)

    def answer(self) -> Answer:
        """Wait for it. Nothing raises."""
        try:
            return Answer(*self._work.result())
        except Refused as refused:
            why = "does not come to an end" if refused.reason == "endless" else "cannot be read"
            return Answer(error=f"its answer {why}")

    def give_up(self) -> None:
        """Nobody waits for it any more."""
        self._work.give_up()


def request(url: str, **options) -> Answer:
    return Asked(url, **options).answer()


def _ask_through(proxies: dict[str, str], *request) -> list:
    """This process is the request's alone, and so is its environment."""
    for name in proxies_of(dict(os.environ)):
        for spelling in (name, name.upper()):
            os.environ.pop(spelling, None)
    everywhere = proxies.get("all_proxy")
    both = dict.fromkeys(("http_proxy", "https_proxy"), everywhere) if everywhere else {}
    os.environ.update(both, **proxies)
    parts = urllib.parse.urlsplit(request[0])
    proxy = urllib.request.getproxies_environment().get(parts.scheme, "")
    if proxy.lower().startswith("socks") and not urllib.request.proxy_bypass_environment(parts.netloc):
        return [None, None, NOT_TRIED]
    return _ask(urllib.request.build_opener(_NoRedirect()), *request)


def _ask(
    opener: urllib.request.OpenerDirector, url: str, body, token: str | None, timeout: float, method: str | None
) -> list:
    headers = {"Accept": "application/json", "User-Agent": "mai.clients"}
    data = None
    if body is not None:
        data = json.dumps(body).encode("utf-8")
        headers["Content-Type"] = "application/json"
    if token:
        headers["Authorization"] = "Bearer " + token
    try:
        with opener.open(
            urllib.request.Request(url, data=data, headers=headers, method=method), timeout=timeout
        ) as response:
            return [response.status, *_json(response)]
    except urllib.error.HTTPError as exc:
        with exc:
            return [exc.code, *_json(exc)]
    except urllib.error.URLError as exc:
        return [None, None, _reason(exc.reason)]
    except (OSError, HTTPException, ValueError) as exc:
        return [None, None, _reason(exc)]


def _json(response) -> list:
    """The decoded body, and why there is none: HTML (Open WebUI's page for every unknown address) is just none."""
    if "json" not in (response.headers.get("Content-Type") or ""):
        return [None, None]
    try:
        text = response.read(_LARGEST + 1)
        return [json.loads(text.decode("utf-8")), None] if len(text) <= _LARGEST else [None, "its answer is too long"]
    except (OSError, HTTPException, ValueError, RecursionError):
        return [None, "its answer cannot be read"]


def _reason(exc) -> str:
    # Of urllib's own, the status alone
    refused = re.match(r"Tunnel connection failed: (\d{3})", str(exc)) if isinstance(exc, OSError) else None
    if refused:
        return f"the proxy refuses it (HTTP {refused.group(1)})"
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    # Names only: the text of an exception may repeat what was sent.
    return shown(exc, 100) if isinstance(exc, str) else f"no answer ({type(exc).__name__})"
