# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller in memory, as far as its inventories are concerned."""

from __future__ import annotations

import itertools
import json
import typing as t

import httpx
import yaml
from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import Controller, Login

TOKEN = "T0ken-of-nobody-else-" + "x" * 20
HOST = "https://awx.test"


def parsed(text: str) -> t.Any:
    """As AWX reads variables: JSON, else YAML without any tag."""
    return yaml.safe_load(text) or {}


class Awx:
    """One organisation, inventories by their ids; ``before`` sees each request, and may change things or answer."""

    def __init__(self) -> None:
        self.inventories: dict[int, dict[str, t.Any]] = {}
        self.groups: dict[int, dict[str, t.Any]] = {}
        self.hosts: dict[int, dict[str, t.Any]] = {}
        self.sources: list[dict[str, t.Any]] = []
        self.requests: list[httpx.Request] = []
        self.before: t.Callable[[httpx.Request], httpx.Response | None] = lambda request: None
        self.gateway = False
        self._ids = itertools.count(11)

    def inventory(self, name: str = "Clients", organization: str = "Agency", **fields: t.Any) -> int:
        number = next(self._ids)
        owner = {"organization": {"name": organization}}
        one = {"id": number, "name": name, "kind": "", "variables": "", "summary_fields": owner}
        self.inventories[number] = {**one, **fields}
        return number

    def group(self, inventory: int, name: str, hosts: t.Iterable[int] = (), **fields: t.Any) -> int:
        number = next(self._ids)
        one = {"id": number, "inventory": inventory, "name": name, "hosts": [*hosts], "children": [], "variables": ""}
        self.groups[number] = {**one, **fields}
        return number

    def host(self, inventory: int, name: str, variables: str = "", **fields: t.Any) -> int:
        number = next(self._ids)
        one = {"id": number, "inventory": inventory, "name": name, "variables": variables}
        self.hosts[number] = {**one, "has_inventory_sources": False, **fields}
        return number

    def named(self, name: str) -> dict[str, t.Any]:
        [found] = [one for one in self.hosts.values() if one["name"] == name]
        return found

    @property
    def writes(self) -> list[str]:
        return [f"{one.method} {one.url.path}" for one in self.requests if one.method != "GET"]

    def controller(self, **fields: t.Any) -> Controller:
        return Controller(Login(HOST, **{"token": TOKEN, **fields}), transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        early = self.before(request)
        return early or self._routed(request)

    def _routed(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, dict(request.url.params)
        base = "/api/controller/" if self.gateway else "/api/"
        if path == "/api/" and self.gateway:
            return httpx.Response(200, json={"apis": {"gateway": "/api/gateway/", "controller": base}})
        if path == base:
            return httpx.Response(200, json={"current_version": f"{base}v2/"})
        if not path.startswith(f"{base}v2/"):
            return httpx.Response(404, json={})
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return httpx.Response(401, json={"detail": "Invalid token."})
        kind, *rest = path[len(f"{base}v2/") :].strip("/").split("/")
        rows = {"inventories": self.inventories, "groups": self.groups, "hosts": self.hosts}[kind]
        body = json.loads(request.content) if request.content else {}
        if "variables" in body:  # as Django does with texts
            body["variables"] = body["variables"].strip()
        if request.method == "POST":
            return self._made(kind, rest, body)
        if not rest:
            return self._page([one for one in rows.values() if _fits(one, query)], query)
        one = rows[int(rest[0])]
        if rest[1:] == ["inventory_sources"]:
            return self._page(self.sources, query)
        if rest[1:] == ["script"]:
            return httpx.Response(200, json=self._script(one))
        if request.method == "PATCH":
            one.update(body)
        return httpx.Response(200, json=one)

    @staticmethod
    def _page(rows: list[dict[str, t.Any]], query: dict[str, str]) -> httpx.Response:
        size, page = int(query["page_size"]), int(query["page"])
        more = f"?page={page + 1}" if len(rows) > size * page else None
        return httpx.Response(200, json={"results": rows[size * (page - 1) : size * page], "next": more})

    def _made(self, kind: str, rest: list[str], body: dict[str, t.Any]) -> httpx.Response:
        makes = rest[1] if rest else kind
        there = self.groups if makes == "groups" else self.hosts
        try:
            assert isinstance(parsed(body.get("variables", "")), dict)
        except (AssertionError, yaml.YAMLError):
            return httpx.Response(400, json={"variables": ["Cannot parse as JSON or YAML."]})
        if any(one["name"] == body["name"] and one["inventory"] == body["inventory"] for one in there.values()):
            return httpx.Response(400, json={"__all__": ["… with this Name and Inventory already exists."]})
        number = (self.group if makes == "groups" else self.host)(**body)
        if rest:
            self.groups[int(rest[0])]["hosts"].append(number)
        return httpx.Response(201, json=there[number])

    def _script(self, inventory: dict[str, t.Any]) -> dict[str, t.Any]:
        own = {number: one for number, one in self.hosts.items() if one["inventory"] == inventory["id"]}
        found: dict[str, t.Any] = {"all": {"vars": parsed(inventory["variables"])}}
        grouped = set()
        for one in self.groups.values():
            if one["inventory"] == inventory["id"]:
                names = [own[number]["name"] for number in one["hosts"]]
                grouped |= {*names}
                found[one["name"]] = {"hosts": names, "children": one["children"], "vars": parsed(one["variables"])}
        found["all"]["hosts"] = [one["name"] for one in own.values() if one["name"] not in grouped]
        found["_meta"] = {"hostvars": {one["name"]: parsed(one["variables"]) for one in own.values()}}
        return found


def _fits(one: dict[str, t.Any], query: dict[str, str]) -> bool:
    return all(str(one[name]) == query[name] for name in ("id", "name", "inventory") if name in query)
