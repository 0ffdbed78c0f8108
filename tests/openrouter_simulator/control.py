# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints below /__control__: for tests and the demo, from this machine only."""

from __future__ import annotations

import ipaddress
import json
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.openrouter_simulator import catalogue
from tests.openrouter_simulator.account import Account, Spend
from tests.openrouter_simulator.clock import stamp
from tests.openrouter_simulator.errors import ApiError
from tests.openrouter_simulator.faults import Fault, Faults
from tests.openrouter_simulator.journal import Journal


class Control:
    def __init__(self, account: Account, faults: Faults, journal: Journal) -> None:
        self._account = account
        self._faults = faults
        self._journal = journal

    def routes(self) -> list[Route]:
        handlers = [
            ("/health", "GET", self.health),
            ("/journal", "GET", self.get_journal),
            ("/journal", "DELETE", self.clear_journal),
            ("/keys", "GET", self.get_keys),
            ("/keys", "POST", self.plant_keys),
            ("/keys/{hash}", "POST", self.set_key),
            ("/generations", "GET", self.get_generations),
            ("/faults", "GET", self.get_faults),
            ("/faults", "POST", self.plant_fault),
            ("/faults", "DELETE", self.clear_faults),
            ("/faults/{id:int}/release", "POST", self.release),
            ("/clock", "POST", self.move_clock),
            ("/list_lag", "POST", self.set_list_lag),
            ("/credits", "POST", self.set_credits),
            ("/usage", "POST", self.add_usage),
            ("/reset", "POST", self.reset),
        ]
        return [Route(path, self._local(handler), methods=[method]) for path, method, handler in handlers]

    def _local(self, handler: Any) -> Any:
        """No key protects these endpoints, so nobody but this machine may call them."""

        async def guarded(request: Request) -> Response:
            if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
                raise ApiError(403, "The control endpoints answer this machine only")
            body = await request.body()
            try:
                return handler(request, json.loads(body) if body else {})
            except (KeyError, TypeError, ValueError) as error:
                raise ApiError(400, f"{type(error).__name__}: {error}") from None

        return guarded

    def health(self, request: Request, body: dict[str, Any]) -> Response:
        return JSONResponse({"status": "ok", "time": stamp(self._account.clock.now())})

    def get_journal(self, request: Request, body: dict[str, Any]) -> Response:
        query = request.query_params
        return JSONResponse(self._journal.calls(query.get("writes") == "true", query.get("all") == "true"))

    def clear_journal(self, request: Request, body: dict[str, Any]) -> Response:
        self._journal.clear()
        return JSONResponse({})

    def get_keys(self, request: Request, body: dict[str, Any]) -> Response:
        now = self._account.clock.now()
        return JSONResponse([key.describe(now) for key in self._account.all_keys()])

    def plant_keys(self, request: Request, body: dict[str, Any]) -> Response:
        keys = [self._account.create({"name": str(name)})[0] for name in body["names"]]
        return JSONResponse({"hashes": [key.hash for key in keys]}, status_code=201)

    def set_key(self, request: Request, body: dict[str, Any]) -> Response:
        """What the API itself does not let anybody change."""
        key = self._account.find(request.path_params["hash"])
        if key is None:
            raise ApiError(404, "API key not found")
        self._account.update(key, body)
        return JSONResponse(key.describe(self._account.clock.now()))

    def get_generations(self, request: Request, body: dict[str, Any]) -> Response:
        return JSONResponse(list(self._account.generations))

    def get_faults(self, request: Request, body: dict[str, Any]) -> Response:
        return JSONResponse([fault.describe() for fault in self._faults.planted()])

    def plant_fault(self, request: Request, body: dict[str, Any]) -> Response:
        fault = Fault.from_request(body)
        self._faults.plant(fault)
        return JSONResponse(fault.describe(), status_code=201)

    def clear_faults(self, request: Request, body: dict[str, Any]) -> Response:
        self._faults.clear()
        return JSONResponse({})

    def release(self, request: Request, body: dict[str, Any]) -> Response:
        fault = self._faults.find(request.path_params["id"])
        if fault is None:
            raise ApiError(404, "No such fault")
        fault.release.set()
        return JSONResponse(fault.describe())

    def move_clock(self, request: Request, body: dict[str, Any]) -> Response:
        clock = self._account.clock
        if "now" in body:
            clock.move_to(datetime.fromisoformat(body["now"]))
        else:
            clock.advance(float(body["advance"]))
        self._account.save()
        return JSONResponse({"now": stamp(clock.now())})

    def set_list_lag(self, request: Request, body: dict[str, Any]) -> Response:
        self._account.list_lag = float(body["seconds"])
        return JSONResponse({})

    def set_credits(self, request: Request, body: dict[str, Any]) -> Response:
        self._account.credit = float(body["total"])
        self._account.save()
        return JSONResponse({})

    def add_usage(self, request: Request, body: dict[str, Any]) -> Response:
        key = self._account.find(body["hash"])
        if key is None:
            raise ApiError(404, "API key not found")
        day = date.fromisoformat(body["date"]) if "date" in body else None
        spend = Spend(usage=float(body["usd"]), requests=int(body.get("requests", 1)))
        self._account.charge(key, body.get("model", catalogue.DEFAULT_MODEL), spend, day)
        return JSONResponse(key.describe(self._account.clock.now()))

    def reset(self, request: Request, body: dict[str, Any]) -> Response:
        """A request that is held at this moment meets the new account."""
        self._faults.clear()
        self._journal.clear()
        self._account.reset()
        return JSONResponse({})
