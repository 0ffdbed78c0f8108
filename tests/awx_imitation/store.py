# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a controller: kept, looked up, and shown as the API shows them."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

from tests.awx_imitation import rules
from tests.awx_imitation.kinds import KINDS, REQUIRED, UNIFIED, Kind

Thing = dict[str, Any]


class Refused(Exception):
    """What the API answers instead."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body if isinstance(body, dict) else {"detail": body}


class Store:
    def __init__(self) -> None:
        self.things: dict[str, dict[int, Thing]] = {kind: {} for kind in KINDS}
        # (kind, id, list): ids in the order in which they were added
        self.members: dict[tuple[str, int, str], list[int]] = {}
        self.roles: dict[int, tuple[str, int, str]] = {}
        self.surveys: dict[tuple[str, int], Thing] = {}
        # The inputs of credentials and the settings of notifications, with their secrets
        self.secrets: dict[tuple[str, int], Thing] = {}
        self._unified = itertools.count(1)
        self._numbers = {kind: itertools.count(1) for kind in KINDS}
        self._roles = itertools.count(1)

    def get(self, kind: str, number: Any) -> Thing:
        for one in UNIFIED if kind == "unified_job_templates" else (kind,):
            thing = self.things.get(one, {}).get(int(number) if str(number).isdigit() else -1)
            if thing is not None:
                return thing
        raise Refused(404, "Not found.")

    def all(self, kind: str) -> list[Thing]:
        kinds = UNIFIED if kind == "unified_job_templates" else (kind,)
        return [thing for one in kinds for thing in self.things[one].values()]

    def kind_of(self, thing: Thing) -> str:
        return next(name for name, kind in KINDS.items() if kind.type == thing["type"])

    # Writing

    def create(self, kind: str, given: Thing, **more: Any) -> Thing:
        spec = KINDS[kind]
        missing = [name for name, value in spec.fields.items() if value is REQUIRED and given.get(name) in (None, "")]
        if missing:
            raise Refused(400, {name: ["This field is required."] for name in missing})
        thing = {**spec.defaults(), **self._fields(spec, given), "type": spec.type, **more}
        self._unique(kind, spec, thing)
        thing["id"] = next(self._unified if kind in UNIFIED else self._numbers[kind])
        self.things[kind][thing["id"]] = thing
        for role in spec.roles:
            self.roles[next(self._roles)] = (kind, thing["id"], f"{role}_role")
        return thing

    def change(self, kind: str, thing: Thing, given: Thing) -> Thing:
        after = {**thing, **self._fields(KINDS[kind], given)}
        self._unique(kind, KINDS[kind], after)
        thing.update(after)
        return thing

    def delete(self, kind: str, thing: Thing) -> None:
        number = thing["id"]
        del self.things[kind][number]
        for (owner, owner_id, name), members in [*self.members.items()]:
            if (owner, owner_id) == (kind, number):
                del self.members[owner, owner_id, name]
            elif KINDS[owner].lists[name] == kind and number in members:
                members.remove(number)
        self.roles = {role: of for role, of in self.roles.items() if of[:2] != (kind, number)}
        for other, spec in KINDS.items():
            for field, target in spec.links.items():
                hit = target == kind or (target == "unified_job_templates" and kind in UNIFIED)
                for one in [*self.things[other].values()] if hit else []:
                    if one[field] == number:
                        # What cannot be without it goes with it
                        if spec.fields[field] is REQUIRED:
                            self.delete(other, one)
                        else:
                            one[field] = None

    def _fields(self, spec: Kind, given: Thing) -> Thing:
        """What can be written; AWX passes over the rest without a word."""
        known = {name: copy.deepcopy(value) for name, value in given.items() if name in spec.fields}
        for name, target in spec.links.items():
            if known.get(name) in ("", None):
                known.update({name: None} if name in known else {})
                continue
            try:
                known[name] = self.get(target, known[name])["id"]
            except Refused:
                raise Refused(400, {name: [f'Invalid pk "{known[name]}" - object does not exist.']}) from None
        for name in ("variables", "extra_vars", "source_vars"):
            if name in known:
                if rules.variables(known[name]) is None:
                    raise Refused(400, {name: ["Cannot parse as JSON or YAML."]})
                if isinstance(known[name], dict):
                    known[name] = json.dumps(known[name])
        return known

    def _unique(self, kind: str, spec: Kind, thing: Thing) -> None:
        for fields in spec.unique:
            for other in self.things[kind].values():
                if other.get("id") != thing.get("id") and all(other[name] == thing[name] for name in fields):
                    words = " and ".join(name.replace("_", " ").capitalize() for name in fields)
                    label = spec.type.replace("_", " ").capitalize()
                    raise Refused(400, {"__all__": [f"{label} with this {words} already exists."]})

    # Lists within an object

    def listed(self, kind: str, number: int, name: str) -> list[Thing]:
        target = KINDS[kind].lists[name]
        return [self.get(target, one) for one in self.members.get((kind, number, name), [])]

    def put(self, kind: str, number: int, name: str, given: Thing) -> None:
        members = self.members.setdefault((kind, number, name), [])
        if given.get("disassociate"):
            if given["id"] in members:
                members.remove(given["id"])
        elif given["id"] not in members:
            try:
                self.get(KINDS[kind].lists[name], given["id"])
            except Refused:
                raise Refused(400, "object does not exist") from None
            members.append(given["id"])

    # Reading

    def find(self, kind: str, query: dict[str, list[str]]) -> list[Thing]:
        return [thing for thing in self.all(kind) if self._fits(thing, query)]

    def _fits(self, thing: Thing, query: dict[str, list[str]]) -> bool:
        either, every = [], []
        for name, values in query.items():
            if name in ("page", "page_size", "order_by", "format"):
                continue
            for value in values:
                (either if name.startswith("or__") else every).append(self._is(thing, name.removeprefix("or__"), value))
        return all(every) and (any(either) if either else True)

    def _is(self, thing: Thing, name: str, value: str) -> bool:
        field, _sign, rest = name.partition("__")
        if field == "search":
            return value.lower() in f"{thing.get('name', '')} {thing.get('description', '')}".lower()
        if field == "organization" and thing["type"] in ("inventory_source", "workflow_approval_template"):
            return False  # every unified template has one there, which is empty
        if field not in thing:
            raise Refused(400, f"{thing['type'].capitalize()} has no field named '{field}'")
        spec = KINDS[self.kind_of(thing)]
        if rest and field in spec.links:
            other = thing[field] and self.get(spec.links[field], thing[field])
            return bool(other) and self._is(other, rest, value)
        have = thing[field]
        text = "" if have is None else str(have).lower() if isinstance(have, bool) else str(have)
        if rest == "in":
            return text in value.split(",")
        if rest == "isnull":
            return (have is None) == (value.lower() in ("1", "true"))
        compared = rest.removeprefix("i")
        if rest.startswith("i"):
            text, value = text.lower(), value.lower()
        if compared in ("contains", "startswith", "endswith"):
            return {"contains": value in text, "startswith": text.startswith(value), "endswith": text.endswith(value)}[
                compared
            ]
        return text == (value.lower() if isinstance(have, bool) else value)

    def show(self, kind: str, thing: Thing) -> Thing:
        """As the API shows it: with its address, its relations, and no secret."""
        kind = self.kind_of(thing)
        spec, number = KINDS[kind], thing["id"]
        url = f"/api/v2/{kind}/{number}/"
        shown = {
            **copy.deepcopy(thing),
            "url": url,
            "created": "2026-01-01T00:00:00Z",
            "modified": "2026-01-01T00:00:00Z",
        }
        related = {name: f"{url}{name}/" for name in spec.lists}
        summary: Thing = {}
        for name, target in spec.links.items():
            if thing[name] is not None:
                other = self.get(target, thing[name])
                related[name] = f"/api/v2/{self.kind_of(other)}/{other['id']}/"
                summary[name] = {key: other[key] for key in ("id", "name", "description") if key in other}
                if target == "unified_job_templates":
                    summary[name]["unified_job_type"] = other["type"].replace("_template", "")
        if kind == "job_templates" and thing["organization"]:
            summary["organization"] = {
                "id": thing["organization"],
                "name": self.get("organizations", thing["organization"])["name"],
            }
        roles = {of[2]: {"id": role, "name": of[2]} for role, of in self.roles.items() if of[:2] == (kind, number)}
        if roles:
            summary["object_roles"] = roles
            related["object_roles"] = f"{url}object_roles/"
        for name in ("credentials", "labels"):
            if name in spec.lists:
                few = [{"id": one["id"], "name": one["name"]} for one in self.listed(kind, number, name)]
                summary[name] = few if name == "credentials" else {"count": len(few), "results": few}
        if kind in ("projects", "inventory_sources"):
            related["update"] = f"{url}update/"
            if thing.get("_update"):
                summary["last_update"] = {"id": thing["_update"], "status": thing["status"]}
        if kind in ("job_templates", "workflow_job_templates"):
            related |= {"survey_spec": f"{url}survey_spec/", "launch": f"{url}launch/"}
        if kind in ("hosts", "groups", "inventories"):
            related["variable_data"] = f"{url}variable_data/"
        if kind.startswith("workflow_job_template_nodes"):
            for name in ("success_nodes", "failure_nodes", "always_nodes"):
                shown[name] = self.members.get((kind, number, name), [])
        shown.update(related=related, summary_fields=summary)
        return {name: value for name, value in shown.items() if not name.startswith("_")}
