# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenRouter's management API over httpx: the only place that knows HTTP.

This is private to the collection. GET, PATCH and DELETE are repeated within bounds. POST is repeated only where
nothing can have been created: a lost answer is the caller's to clear up. Whoever answers, OpenRouter or something in
its place, can hold a request up for a bounded time only, and send so much only.

Threads may share a client. Each has a waiting time of its own; when OpenRouter asks one of them to slow down, all do.
"""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
import typing as t
from urllib.parse import quote

from ansible_collections.mai.clients.plugins.module_utils._openrouters_word import PASSING, is_openrouters

from . import environment
from .connection import connection
from .errors import (
    InsufficientCredits,
    InvalidOption,
    NotFound,
    NotManagementKey,
    NotOpenRouter,
    OpenRouterError,
    RateLimited,
    Rejected,
    ServerFailed,
    Unreachable,
)
from .keys import Key, hash_of
from .parallel import Together, within
from .values import json_object, masked, number

try:
    import httpx
except ImportError:
    HAS_HTTPX = False
else:
    HAS_HTTPX = True

if t.TYPE_CHECKING:
    Wait = t.Callable[[float, str], None]

PAGE = 100
MAX_WAIT = 120.0
LONGEST_PAUSE = 20.0
# A request may take so many times as long as one part of its answer.
PARTS = 3
MAX_BODY = 16 * 2**20
# Each multiplies a piece by a thousand at most. Others, or one within another, have no bound.
ENCODINGS = ("", "identity", "gzip", "deflate")
# Far more than any agency has. A listing takes at most so many seconds, too.
MAX_PAGES = 500
MAX_KEYS = MAX_PAGES * PAGE
MAX_LISTING = 600.0
MAX_ROWS = 100_000


class Client:
    """One provisioning key at one base URL."""

    def __init__(
        self,
        provisioning_key: str,
        base_url: str,
        timeout: float = 20.0,
        retries: int = 5,
        max_wait: float = MAX_WAIT,
        on_wait: Wait | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: t.Callable[[float], None] = time.sleep,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        if not HAS_HTTPX:
            raise environment.missing_httpx()
        self._secret = _checked_key(provisioning_key)
        self._base_url = environment.checked_url(base_url)
        self._deadline = PARTS * timeout
        self._retries = retries
        self._thread = threading.local()
        self._max_wait = max_wait
        self._on_wait = on_wait
        self._sleep = sleep
        self._clock = clock
        self._slow_until: float | None = None
        self._listings = Together()
        headers = {
            "Authorization": f"Bearer {self._secret}",
            "Accept": "application/json",
            # Some proxies compress all the same, see _fetch.
            "Accept-Encoding": "identity",
        }
        self._way = None if transport else environment.proxy(self._base_url)
        self._http = connection(self._way, transport, headers=headers, timeout=timeout)

    @property
    def identity(self) -> tuple[str, str]:
        """Whose keys these are, without giving the provisioning key away."""
        return self._base_url, hash_of(self._secret)

    @property
    def lost(self) -> float:
        """Seconds that this thread has spent on failed attempts and pauses."""
        return getattr(self._thread, "lost", 0.0)

    @property
    def patient(self) -> bool:
        """Whether this thread may still wait for OpenRouter; if not, there is no use in asking for more."""
        return not getattr(self._thread, "gave_up", False) and self.lost < self._max_wait

    def sleep(self, seconds: float) -> None:
        self._lose(seconds)
        self._sleep(seconds)

    def _lose(self, seconds: float) -> None:
        self._thread.lost = self.lost + seconds

    def hurry(self) -> None:
        """From now on no thread begins to wait."""
        self._max_wait = 0.0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def list_keys(self, workspace_id: str | None = None) -> list[Key]:
        """Every key, disabled and expired ones too, all pages.

        Threads that ask at the same time get the same list. It is read after all of them have asked.
        """
        return list(self._listings.ask(workspace_id, lambda: self._list(workspace_id)))

    def _list(self, workspace_id: str | None) -> list[Key]:
        """Each page begins with the last key of the page before it: when that is not so, a key vanished meanwhile and
        another may have slipped between the pages, so the listing starts again.
        """
        query: dict[str, t.Any] = {"include_disabled": "true", "include_expired": "true"}
        if workspace_id is not None:
            query["workspace_id"] = workspace_id
        end = self._clock() + MAX_LISTING
        for _attempt in range(5):
            found = self._list_once(query, end)
            if found is not None:
                return found
        raise ServerFailed("The list of keys at OpenRouter changed all the time while it was read. Run again.")

    def _list_once(self, query: dict[str, t.Any], end: float) -> list[Key] | None:
        """A list that may be incomplete is none: a key that is not seen would be made a second time."""
        keys: dict[str, Key] = {}
        offset = 0
        for _page in range(MAX_PAGES):
            page = self._data(self._send("GET", "/keys", query={**query, "offset": offset}), list)
            if offset and (not page or _hash(page[0]) not in keys):
                return None
            known = len(keys)
            keys.update((key.hash, key) for key in map(Key.from_api, page))
            if len(page) < PAGE:
                return list(keys.values())
            if len(keys) == known:
                raise ServerFailed(
                    f"GET {self._base_url}/keys: answered with the same page again, so there may be keys that are not"
                    " seen. OpenRouter, or a proxy before it, ignores the parameter offset: check base_url."
                )
            if len(keys) > MAX_KEYS or self._clock() > end:
                break
            offset += len(page) - 1
        raise ServerFailed(
            f"GET {self._base_url}/keys: the list of keys has no end (more than {len(keys)} keys, {MAX_PAGES} pages or"
            f" {MAX_LISTING:.0f} s). Check base_url."
        )

    def get_key(self, key_hash: str) -> Key | None:
        try:
            return Key.from_api(self._data(self._send("GET", _path(key_hash)), dict))
        except NotFound:
            return None

    def create_key(self, body: dict[str, t.Any]) -> tuple[Key, str]:
        """The new key and its secret. After ServerFailed nobody knows whether there is a key of that name."""
        answer = self._send("POST", "/keys", body)
        secret = answer.get("key")
        if not isinstance(secret, str) or not re.fullmatch(r"[!-~]{1,500}", secret):
            raise ServerFailed("OpenRouter answered POST /keys without the new key's secret.")
        return Key.from_api(self._data(answer, dict)), secret

    def update_key(self, key_hash: str, changes: dict[str, t.Any]) -> Key:
        return Key.from_api(self._data(self._send("PATCH", _path(key_hash), changes), dict))

    def delete_key(self, key_hash: str) -> None:
        with contextlib.suppress(NotFound):  # gone is gone
            if self._send("DELETE", _path(key_hash)).get("deleted") is not True:
                raise ServerFailed(f"OpenRouter did not confirm that it deleted the key {key_hash}. Run again.")

    def credits(self) -> dict[str, float]:
        """What the account has bought and used so far, in USD."""
        data = self._data(self._send("GET", "/credits"), dict)
        total, used = number(data.get("total_credits")), number(data.get("total_usage"))
        if total is None or used is None:
            raise ServerFailed("OpenRouter's answer to GET /credits has no usable numbers. Check base_url.")
        return {"total": float(total), "used": float(used)}

    def is_valid(self) -> bool:
        """Whether the key that is used here is one at all, whatever its kind."""
        try:
            self._data(self._send("GET", "/key"), dict)
        except NotManagementKey:
            return False
        return True

    def activity(self, **query: str | None) -> list[dict[str, t.Any]]:
        """What was spent, by day, model and provider, in the last 30 completed UTC days."""
        asked = {name: value for name, value in query.items() if value is not None}
        rows = self._data(self._send("GET", "/activity", query=asked), list)
        if len(rows) > MAX_ROWS or not all(isinstance(row, dict) for row in rows):
            raise ServerFailed(
                f"OpenRouter's answer to GET /activity has rows that cannot be read, or more than {MAX_ROWS}."
                " Check base_url."
            )
        return rows

    def _data(self, answer: dict[str, t.Any], kind: type) -> t.Any:
        data = answer.get("data")
        if not isinstance(data, kind):
            raise ServerFailed(f"OpenRouter's answer has no usable 'data'. Is {self._base_url} OpenRouter's API?")
        return data

    def _send(
        self, method: str, path: str, body: dict[str, t.Any] | None = None, query: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        attempt = 0
        self._keep_pace()
        while True:
            started = self._clock()
            try:
                return self._try(method, path, body, query)
            except (RateLimited, Unreachable, ServerFailed) as error:
                self._lose(self._clock() - started)
                if isinstance(error, ServerFailed) and method == "POST":
                    raise
                failure = error
            attempt += 1
            self._pause(failure, attempt)

    def _keep_pace(self) -> None:
        """Wait while another thread does, because OpenRouter asked it to slow down."""
        until = self._slow_until
        pause = until - self._clock() if until is not None else 0.0
        if pause > 0 and self.lost + pause <= self._max_wait:
            self.sleep(pause)

    def _pause(self, failure: OpenRouterError, attempt: int) -> None:
        """Wait before the next attempt, or give up."""
        if attempt > self._retries:
            raise failure.add(f"Tried {attempt} times.")
        pause = failure.retry_after
        if pause is None:
            pause = min(LONGEST_PAUSE, 0.5 * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        if self.lost + pause > self._max_wait:
            self._thread.gave_up = True
            raise failure.add(
                f"The next attempt would be in {pause:.0f} s; more than {self._max_wait:.0f} s of waiting in one task"
                " are too many. Run again later."
            )
        if self._on_wait:
            self._on_wait(pause, str(failure))
        until = self._clock() + pause
        if isinstance(failure, RateLimited):
            self._slow_until = max(until, self._slow_until or until)
        self.sleep(pause)
        if self._slow_until == until:
            self._slow_until = None
        self._keep_pace()

    def _try(
        self, method: str, path: str, body: dict[str, t.Any] | None, query: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        where = f"{method} {self._base_url}{path}"
        failure: OpenRouterError
        try:
            response, content = within(self._deadline, lambda: self._fetch(method, path, body, query))
        except TimeoutError:
            failure = ServerFailed(f"{where}: no whole answer in time ({self._deadline:g} s).")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            failure = self._no_connection(where, error)
        except httpx.TimeoutException as error:
            failure = ServerFailed(f"{where}: no answer in time ({type(error).__name__}).")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OverflowError, MemoryError) as error:
            failure = ServerFailed(f"{where}: the connection broke off ({type(error).__name__}).")
        else:
            answer = json_object(content)
            if response.is_success and answer is not None:
                return answer
            failure = self._failure(where, response, answer)
        # Outside of the handlers, so that no exception of httpx travels along as this one's context.
        raise failure

    def _fetch(
        self, method: str, path: str, body: dict[str, t.Any] | None, query: dict[str, t.Any] | None
    ) -> tuple[httpx.Response, bytes]:
        """The answer and its body; nothing instead of one that is too long, or may become so at once."""
        content = bytearray()
        with self._http.stream(method, self._base_url + path, json=body, params=query) as response:
            if response.headers.get("Content-Encoding", "").strip().lower() not in ENCODINGS:
                return response, b""
            for part in response.iter_bytes():
                content += part
                if len(content) > MAX_BODY:
                    return response, b""
        return response, bytes(content)

    def _failure(self, where: str, response: httpx.Response, answer: dict[str, t.Any] | None) -> OpenRouterError:
        status = response.status_code
        if response.is_success:
            return ServerFailed(
                f"{where}: answered {status} with something that is not JSON, is compressed oddly, or is longer than"
                f" {MAX_BODY // 2**20} MiB. Check base_url.",
                status,
            )
        failure = self._refusal(where, status, answer)
        failure.retry_after = _retry_after(response)
        return failure

    def _refusal(self, where: str, status: int, answer: dict[str, t.Any] | None) -> OpenRouterError:
        if status < 400 or (status not in PASSING and status < 500 and not is_openrouters(answer)):
            return self._foreign(where, status)
        said = self._message(where, answer)
        problem = f"{where}: OpenRouter answered {status}{said}"
        if status in (401, 403):
            return NotManagementKey(
                f"{problem} This is not a management key (older name: provisioning key) that may do this. Make one in"
                " OpenRouter's settings under management keys and give it as provisioning_key or in"
                " OPENROUTER_PROVISIONING_KEY.",
                status,
            )
        if status == 402:
            return InsufficientCredits(f"{problem} The account is out of credits: buy some at OpenRouter.", status)
        if status == 404:
            return NotFound(f"{problem} There is no such thing in the account of this provisioning key.", status)
        if status == 429:
            return RateLimited(f"{problem} Too many requests; run again later or with fewer forks.", status)
        if status == 408 or status >= 500:
            whose = "" if is_openrouters(answer) else ", or of something before it"
            return ServerFailed(f"{problem} That is a fault at OpenRouter{whose}.", status)
        return Rejected(f"{problem} OpenRouter does not accept this request as it is.", status)

    def _no_connection(self, where: str, error: httpx.TransportError) -> OpenRouterError:
        # What a proxy says to CONNECT is no answer of httpx's, but a sentence that begins with its status
        refused = re.match(r"(4\d\d)\b", str(error)) if isinstance(error, httpx.ProxyError) else None
        if refused:
            return self._foreign(where, int(refused[1]))
        if "SSLCertVerificationError" in _cause(error):
            return Unreachable(f"{where}: no connection ({_cause(error)}). {environment.untrusted()}")
        by = f" by way of the proxy that {self._way.variable} names" if self._way else ""
        return Unreachable(
            f"{where}: no connection{by} ({_cause(error)}). Check the network, name resolution, TLS and proxy settings"
            " of the controller or execution environment, and base_url."
        )

    def _foreign(self, where: str, status: int) -> NotOpenRouter:
        """A page of a gateway says nothing about a key or the account."""
        if status < 400:
            return NotOpenRouter(f"{where}: answered {status}, a redirection. Check base_url.", status)
        if status == 407:
            variable = self._way.variable if self._way else "HTTPS_PROXY"
            remedy = (
                f"A proxy wants a user name and a password, or others: write them into {variable}, as"
                " http://user:password@host:port."
            )
        else:
            remedy = (
                "Something in between (a proxy, a firewall, Cloudflare) blocks the controller's request, or base_url is"
                " not OpenRouter's API: ask whoever runs the network, and check HTTPS_PROXY, NO_PROXY and base_url."
            )
        return NotOpenRouter(
            f"{where}: answered {status} with something that is not OpenRouter's answer. {remedy}", status
        )

    def _message(self, where: str, answer: dict[str, t.Any] | None) -> str:
        """OpenRouter's own words, without anything that could be a secret."""
        error = (answer or {}).get("error")
        message = error.get("message") if isinstance(error, dict) else None
        if not isinstance(message, str) or not message.strip():
            return "."
        return f": {masked(message, self._secret, where).rstrip('.')}."


def _cause(error: Exception) -> str:
    """Class names only: what a library writes into its exceptions is not ours to vouch for."""
    names = [type(error).__name__]
    inner = error.__cause__ or error.__context__
    while inner is not None and len(names) < 4:
        if type(inner).__name__ not in names:
            names.append(type(inner).__name__)
        inner = inner.__cause__ or inner.__context__
    return ", ".join(names)


def _retry_after(response: httpx.Response) -> float | None:
    seconds = response.headers.get("Retry-After", "").strip()
    return float(seconds) if re.fullmatch(r"\d{1,6}(\.\d+)?", seconds) else None


def _hash(data: t.Any) -> t.Any:
    return data.get("hash") if isinstance(data, dict) else None


def _path(key_hash: str) -> str:
    return "/keys/" + quote(key_hash, safe="")


def _checked_key(key: str) -> str:
    if not re.fullmatch(r"[!-~]+", key):
        raise InvalidOption(
            "The provisioning key holds a space, a line break or a character that no key has. It was probably"
            " copied together with something else."
        )
    return key
