# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as a server: in a thread of a test, or in a process of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.openrouter_simulator import control
from tests.openrouter_simulator.account import Account, new_secret
from tests.openrouter_simulator.api import Api
from tests.openrouter_simulator.clock import Clock
from tests.openrouter_simulator.control_client import Control
from tests.openrouter_simulator.errors import ApiError
from tests.openrouter_simulator.faults import Faults
from tests.openrouter_simulator.gate import ALIAS, API, Gate
from tests.openrouter_simulator.journal import Journal


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None], stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = started
        self._on_stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stopping()
        await super().shutdown(sockets)


class Simulator:
    """Use as a context manager, or call start() and stop().

    `host` is what it listens on; `address` is what its URLs name, for example this machine's address on a bridge.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        address: str | None = None,
        provisioning_key: str | None = None,
        credit: float = 100.0,
        latency: float = 0.0,
        state_file: Path | None = None,
    ) -> None:
        self.host = host
        self.address = address
        self.port = port
        self.provisioning_key = provisioning_key or new_secret()
        self._latency = latency
        # Outlives stop() and start(), which take no more than the network away.
        self._account = Account(Clock(), credit, state_file)
        self._journal = Journal()
        self._transports: dict[Any, asyncio.Transport] = {}
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._server: _Server | None = None
        self.control: Control

    def _root(self, address: str | None = None) -> str:
        return f"http://{address or self.host.replace('0.0.0.0', '127.0.0.1')}:{self.port}"

    @property
    def url(self) -> str:
        """What a client of OpenRouter takes as its base URL."""
        return self._root(self.address) + API

    @property
    def openrouter_like_url(self) -> str:
        """The same API at a URL that contains openrouter.ai, without which mAI tracks no usage."""
        return self._root(self.address) + ALIAS + API

    def client(self, secret: str | None = None) -> httpx.Client:
        """Calls with that key, or with the provisioning key."""
        # Plain HTTP: neither a proxy nor certificates are wanted.
        headers = {"Authorization": f"Bearer {secret or self.provisioning_key}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, verify=False, timeout=10)

    # What somebody does in OpenRouter's dashboard

    def delete_key(self, key_hash: str) -> None:
        with self.client() as http:
            http.delete(f"/keys/{key_hash}").raise_for_status()

    def patch_key(self, key_hash: str, **fields: Any) -> None:
        with self.client() as http:
            http.patch(f"/keys/{key_hash}", json=fields).raise_for_status()

    def works(self, secret: str) -> bool:
        with self.client(secret) as http:
            return http.get("/key").status_code == 200

    def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Serves until stopped (by stop() or a signal); calls `started` when it listens."""
        self._serve(self._listen(), started)

    def _listen(self) -> socket.socket:
        listener = socket.create_server((self.host, self.port))
        self.port = listener.getsockname()[1]
        return listener

    def _serve(self, listener: socket.socket, started: Callable[[], None]) -> None:
        faults = Faults()
        config = uvicorn.Config(
            self._app(faults),
            http=self._protocol(),
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            # A busy machine must not make it close a connection on which a request is just coming
            timeout_keep_alive=60,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config, started, faults.stopping.set)
        self._server.run([listener])

    def start(self) -> Simulator:
        self._ready.clear()
        self._thread = threading.Thread(target=self._serve, args=[self._listen(), self._ready.set], daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the OpenRouter simulator did not start within 10 s")
        self.control = Control(self._root())
        return self

    def stop(self) -> None:
        self.control.close()
        self._server.should_exit = True
        self._thread.join(10)

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _protocol(self) -> type[H11Protocol]:
        """Uvicorn's own, which also remembers its connections: an ASGI application cannot cut one."""
        transports = self._transports

        class Protocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:
                super().connection_made(transport)
                # asyncio does this only for sockets that it made itself; without it every answer takes 40 ms.
                transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                transports[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self.client, None)
                super().connection_lost(exc)

        return Protocol

    def _close_connection(self, scope: Scope) -> None:
        transport = self._transports.get(scope["client"])
        if transport is not None:
            transport.close()

    def _app(self, faults: Faults) -> Gate:
        account, journal = self._account, self._journal
        app = Starlette(
            routes=[
                Mount(API, routes=Api(account, self.provisioning_key).routes()),
                Mount("/__control__", routes=control.Control(account, faults, journal).routes()),
            ],
            exception_handlers={ApiError: _api_error, HTTPException: _http_error},
        )
        return Gate(app, account, faults, journal, self._close_connection, self._latency)


def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return ApiError(error.status_code, error.detail).response()
