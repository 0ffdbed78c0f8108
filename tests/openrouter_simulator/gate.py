# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way in: latency, faults and the journal, around the API itself (ASGI middleware)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.openrouter_simulator.account import Account
from tests.openrouter_simulator.clock import stamp
from tests.openrouter_simulator.errors import ApiError
from tests.openrouter_simulator.faults import Fault, Faults
from tests.openrouter_simulator.journal import Call, Journal, is_management, without_secrets
from tests.openrouter_simulator.validation import json_object

log = logging.getLogger("openrouter_simulator")

API = "/api/v1"
# mAI tracks usage only when the URL contains "openrouter.ai": the same API under a path that does.
ALIAS = "/openrouter.ai"
_JOURNALLED_FIELDS = ("name", "disabled", "limit", "limit_reset", "include_byok_in_limit", "expires_at")
_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
_GARBAGE = '{"data": [{"hash": \x00 this is not JSON'


class _Answer:
    """Passes an answer on, or keeps it while a fault decides what the client gets to see."""

    def __init__(self, call: Call, send: Send | None) -> None:
        self._call = call
        self._send = send
        self.status = 500
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._call.committed = self.status < 400
            if self._send is not None:
                # Before the client can see the answer and ask for the journal.
                self._call.status = self.status
        if self._send is not None:
            await self._send(message)
        else:
            self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


class Gate:
    def __init__(
        self,
        app: ASGIApp,
        account: Account,
        faults: Faults,
        journal: Journal,
        close: Callable[[Scope], None],
        latency: float = 0.0,
    ) -> None:
        self._app = app
        self._account = account
        self._faults = faults
        self._journal = journal
        self._close = close
        self._latency = latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(ALIAS + API):
            scope = {**scope, "path": scope["path"][len(ALIAS) :]}
        if scope["type"] != "http" or not scope["path"].startswith(API + "/"):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        call = self._call(scope, body)
        self._journal.add(call)
        try:
            await asyncio.sleep(self._latency)
            fault = self._faults.take(scope["method"], scope["path"], call.name)
            request = _Request(scope, body, receive, send)
            if fault is None:
                await self._answer(request, call, send)
            else:
                call.fault = f"{fault.kind} {fault.when}"
                await self._fail(fault, request, call)
        finally:
            log.info("%s %s %s %s", call.method, call.path, call.status, call.fault or "")

    def _call(self, scope: Scope, body: bytes) -> Call:
        path = scope["path"][len(API) :]
        sent = _sent(body)
        key = self._account.find(path.rpartition("/")[2])
        name = key.name if key else sent.get("name")
        return Call(
            time=stamp(self._account.clock.now()),
            method=scope["method"],
            path=without_secrets(scope["path"]),
            query=without_secrets(scope["query_string"].decode("latin-1")),
            name=name if isinstance(name, str) else None,
            request={name: sent[name] for name in _JOURNALLED_FIELDS if name in sent},
            management=is_management(path),
        )

    async def _answer(self, request: _Request, call: Call, send: Send | None) -> _Answer:
        answer = _Answer(call, send)
        await self._app(request.scope, request.receive, answer)
        return answer

    async def _fail(self, fault: Fault, request: _Request, call: Call) -> None:
        answer = None
        if fault.when == "after":
            answer = await self._answer(request, call, None)

        if fault.kind in ("slow", "hold"):
            if fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif not await self._held(fault):
                await self._cut(request)
                return
            if answer is None:
                answer = await self._answer(request, call, None)
            call.status = answer.status
            for message in answer.messages:
                await request.send(message)
        elif fault.kind == "drip":

            async def dripping(message: Message) -> None:
                await request.send(message)
                await asyncio.sleep(fault.seconds)

            await self._answer(request, call, dripping)
        elif fault.kind == "hang":
            await self._until_gone(request)
        elif fault.kind == "cut":
            await self._cut(request)
        elif fault.kind == "truncated":
            call.status = answer.status
            await self._truncate(request, answer)
        else:
            response = _broken(fault, request, answer)
            call.status = response.status_code
            await response(request.scope, request.receive, request.send)

    async def _held(self, fault: Fault) -> bool:
        """Waits for the test's word; False when the server stops first."""
        fault.waiting += 1
        await _first(fault.release.wait(), self._faults.stopping.wait())
        fault.waiting -= 1
        return fault.release.is_set()

    async def _until_gone(self, request: _Request) -> None:
        await _first(request.disconnected(), self._faults.stopping.wait())
        await self._cut(request)

    async def _cut(self, request: _Request) -> None:
        self._close(request.scope)
        await request.disconnected()

    async def _truncate(self, request: _Request, answer: _Answer) -> None:
        """The real head, with the length it promises, and half of the body."""
        await request.send(answer.messages[0])
        half = answer.body[: len(answer.body) // 2]
        await request.send({"type": "http.response.body", "body": half, "more_body": True})
        await self._cut(request)


class _Request:
    """A request whose body has been read, so that a fault can come before or after it is handled."""

    def __init__(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.send = send
        self._body: bytes | None = body
        self._receive = receive

    async def receive(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def header(self, name: bytes) -> str:
        return next((value.decode("latin-1") for key, value in self.scope["headers"] if key == name), "")


def _broken(fault: Fault, request: _Request, answer: _Answer | None) -> Response:
    """The answer of a gateway or of a server that is not well."""
    status = fault.status or (200 if fault.kind == "garbage" else 502)
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    if fault.body is not None:
        # A hostile body may echo what a client must never print.
        real = answer.body.decode("utf-8", "replace") if answer else ""
        text = fault.body.replace("{authorization}", request.header(b"authorization")).replace("{response}", real)
        return Response(text, status, headers, media_type="application/json")
    if fault.kind == "html":
        return HTMLResponse(_HTML, status, headers)
    if fault.kind == "garbage":
        return Response(_GARBAGE, status, headers, media_type="application/json")
    return Response(json.dumps(ApiError(status).body()), status, headers, media_type="application/json")


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _first(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _sent(body: bytes) -> dict[str, Any]:
    try:
        return json_object(body)
    except ApiError:
        return {}
