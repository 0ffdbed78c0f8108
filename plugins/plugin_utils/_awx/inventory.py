# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory that AWX keeps itself: its clients as it has them now, a new one, and one variable of a host.

This is private to the collection. What is written was decided elsewhere (_new_client.py).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import Controller, ControllerError, Refused
from ansible_collections.mai.clients.plugins.plugin_utils._host_vars import Edit, NotRecordable, edited_text
from ansible_collections.mai.clients.plugins.plugin_utils._inventory_files import GROUP, Host, as_yaml
from ansible_collections.mai.clients.plugins.plugin_utils._new_client import Fleet
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import other_variable
from ansible_collections.mai.clients.plugins.plugin_utils._values import is_template

Values = t.Mapping[str, t.Any]

# A text as a template that is nothing but this text: AWX takes no tags in variables, so not !unsafe. In Ansible's
# strings a backslash is one, so a quote cannot be escaped.
_PIECE = r"""(?:"[^"]*"|'"')"""
_LITERAL = re.compile(rf"\{{\{{ ({_PIECE}(?: ~ {_PIECE})*) \}}\}}")


def which(given: t.Any, variables: Values) -> str:
    """The inventory by what was given, else the job's own; its id, or its name."""
    for one in (
        given,
        *(variables.get(f"{who}_inventory_{what}") for what in ("id", "name") for who in ("awx", "tower")),
    ):
        text = "" if one is None or isinstance(one, (bool, dict, list)) else str(one).strip()
        if text:
            return text
    raise NotRecordable("it is not known which inventory of AWX is meant: give its name or id as mai_awx_inventory")


@dataclass(frozen=True)
class Inventory:
    """One inventory of a controller, that can hold what is written into it."""

    controller: Controller = field(compare=False, repr=False)
    id: int
    name: str
    sources: tuple[Values, ...] = ()

    def __str__(self) -> str:
        return f"the AWX inventory {self.name}"

    @classmethod
    def find(cls, controller: Controller, wanted: str) -> Inventory:
        query = {"id": wanted} if re.fullmatch("[0-9]{1,9}", wanted) else {"name": wanted}
        found = controller.all("/inventories/", **query)
        if not found:
            raise NotRecordable(
                f"AWX has no inventory {shown(wanted, 60)}, or the user who is logged in may not see it: give its "
                "name or id as mai_awx_inventory"
            )
        if len(found) > 1:
            several = ", ".join(f"that of {_organization(one)} (id {_id(one)})" for one in found[:5])
            raise NotRecordable(
                f"there are {len(found)} inventories called {shown(wanted, 60)}: {several}. Give the id as "
                "mai_awx_inventory"
            )
        [one] = found
        name = shown(one.get("name"), 60)
        if one.get("kind"):
            raise NotRecordable(
                f"the AWX inventory {name} is a {shown(one['kind'], 20)} one, which has no hosts itself"
            )
        number = _id(one)
        return cls(controller, number, name, tuple(controller.all(f"/inventories/{number}/inventory_sources/")))

    def tree(self) -> dict[str, t.Any]:
        """Everything in it, in one call: as AWX gives it to a job, and disabled hosts too."""
        return self.controller.get(f"/inventories/{self.id}/script/", hostvars=1, all=1)

    def recording(self, host: str, name: str, value: t.Any) -> HostEdit:
        """What has to be written so that the host's variable has this value."""
        found = self.controller.all("/hosts/", inventory=self.id, name=host)
        if not found:
            raise NotRecordable(f"{self} has no host {shown(host, 60)}")
        [one] = found
        # What it says of a host that is a source's own, its next update takes back
        if self.sources and one.get("has_inventory_sources", True):
            raise NotRecordable(
                f"{shown(host, 60)} comes into {self} from its source {_names(self.sources)}, whose next update would "
                f"take it back: set {name} there"
            )
        where = f"{self}, host {shown(host, 60)}"
        before = str(one.get("variables") or "")
        literal = _as_template(value)
        return HostEdit(where, before, edited_text(where, before, name, literal), self.controller, _id(one))

    def addition(self, tree: Values, host: Host) -> Addition:
        overwriting = [one for one in self.sources if one.get("overwrite")]
        if overwriting:
            raise NotRecordable(
                f"the source {_names(overwriting)} of {self} overwrites what it does not know: its next update would "
                "take the client out again. Add the client where the source comes from, or switch its Overwrite off"
            )
        variables = {**reached_by(tree, host.beside), **_as_template({**host.entry, **host.variables})}
        group = _group_for(tree, host.beside)
        return Addition(
            f"{self}, host {host.slug}, group {group}",
            "",
            "---\n" + as_yaml(variables, plain=True),
            self,
            host.slug,
            group,
            group in tree,
        )


@dataclass(frozen=True)
class HostEdit(Edit):
    """The variables of a host; a text that people edit in AWX, too."""

    controller: Controller = field(compare=False, repr=False)
    host: int

    def write(self) -> None:
        path = f"/hosts/{self.host}/"
        if str(self.controller.get(path).get("variables") or "") != self.before:
            raise NotRecordable(f"somebody changed {self.path} at the same moment: run again")
        # Whether this is stored as it was sent is all that can be known: AWX takes no condition with a change
        kept = self.controller.patch(path, {"variables": self.after}).get("variables")
        if str(kept).strip() != self.after.strip():
            raise NotRecordable(f"{self.path} did not take the value: look at its variables in AWX")


@dataclass(frozen=True)
class Addition(Edit):
    """A new host, made within its group in one request, so that no cut leaves one outside of it."""

    inventory: Inventory
    slug: str
    group: str
    group_exists: bool

    def write(self) -> None:
        controller = self.inventory.controller
        body = {"name": self.slug, "inventory": self.inventory.id, "variables": self.after}
        try:
            controller.post(f"/groups/{self._group(controller)}/hosts/", body)
        except Refused as error:
            if error.status == 400 and controller.all("/hosts/", inventory=self.inventory.id, name=self.slug):
                raise NotRecordable(
                    f"somebody added {self.slug} to {self.inventory} at the same moment: run again, and it is compared"
                ) from None
            raise

    def _group(self, controller: Controller) -> int:
        query = {"inventory": self.inventory.id, "name": self.group}
        found = controller.all("/groups/", **query)
        if not found:
            try:
                return _id(controller.post("/groups/", query))
            except Refused as error:
                # Made by another run meanwhile
                found = controller.all("/groups/", **query) if error.status == 400 else []
                if not found:
                    raise
        return _id(found[0])


def reached_by(tree: Values, neighbour: str | None) -> dict[str, t.Any]:
    """How Ansible reaches the neighbour's machine, as far as its own variables say so; as it is written there."""
    own = _host_variables(tree, neighbour) if neighbour else {}
    return {name: one for name, one in own.items() if str(name).startswith("ansible_")}


def fleet_of(tree: Values, hostvars: t.Mapping[str, Values]) -> Fleet:
    """The clients; ``hostvars`` are the run's own, which alone can tell what a template of a variable comes to."""
    clients = {slug: dict(_readable(slug, _merged(tree, slug), hostvars)) for slug in _members(tree, GROUP)}
    names = {*tree, *_hosts(tree, "all"), *(_meta(tree))} - {"_meta"}
    return Fleet(clients, {*names, *(slug for group in tree for slug in _hosts(tree, group))})


def _readable(slug: str, variables: Values, hostvars: t.Mapping[str, Values]) -> t.Iterator[tuple[str, t.Any]]:
    for name, value in variables.items():
        if is_template(value):
            value = _from_template(value)
            if value is None and slug in hostvars:
                value = other_variable(hostvars[slug], name)
        yield name, value


def _as_template(value: t.Any) -> t.Any:
    """A value so that Ansible reads it back as it is: in AWX every text is a template."""
    if isinstance(value, t.Mapping):
        return {name: _as_template(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_template(one) for one in value]
    if is_template(value):
        pieces = ["'\"'" if one == '"' else f'"{one}"' for one in re.split('(")', value) if one]
        return f"{{{{ {' ~ '.join(pieces)} }}}}"
    return value


def _from_template(text: str) -> str | None:
    """The text that is all a template holds, if it is one of those above."""
    found = _LITERAL.fullmatch(text)
    return "".join(one[1:-1] for one in re.findall(_PIECE, found[1])) if found else None


def _part(tree: Values, group: str, what: str, kind: type) -> t.Any:
    one = tree.get(group)
    found = one.get(what) if isinstance(one, t.Mapping) else None
    return found if isinstance(found, kind) else kind()


def _hosts(tree: Values, group: str) -> list[str]:
    return [] if group == "_meta" else [str(one) for one in _part(tree, group, "hosts", list)]


def _meta(tree: Values) -> Values:
    return _part(tree, "_meta", "hostvars", dict)


def _host_variables(tree: Values, slug: str) -> Values:
    own = _meta(tree).get(slug)
    return own if isinstance(own, t.Mapping) else {}


def _below(tree: Values, group: str) -> list[str]:
    """The group and all that are in it, each once, the nearest first."""
    found = [group]
    for one in found:
        found += [child for child in map(str, _part(tree, one, "children", list)) if child not in found]
    return found


def _members(tree: Values, group: str) -> list[str]:
    return list(dict.fromkeys(slug for one in _below(tree, group) for slug in _hosts(tree, one)))


def _merged(tree: Values, slug: str) -> dict[str, t.Any]:
    """As Ansible merges them: everybody's, those of the host's groups from the widest on, its own."""
    groups = [group for group in tree if group not in ("_meta", "all")]
    holding = {group: _below(tree, group) for group in groups if slug in _members(tree, group)}
    depth = {one: sum(one in below for below in holding.values()) for one in holding}
    merged = dict(_part(tree, "all", "vars", dict))
    for group in sorted(holding, key=lambda one: (depth[one], one)):
        merged.update(_part(tree, group, "vars", dict))
    return {**merged, **_host_variables(tree, slug)}


def _group_for(tree: Values, beside: str | None) -> str:
    """The neighbour's own group where that is one of clients, as in files."""
    below = _below(tree, GROUP) if GROUP in tree else [GROUP]
    return next((group for group in below if beside and beside in _hosts(tree, group)), GROUP)


def _id(one: Values) -> int:
    number = one.get("id")
    if not isinstance(number, int):
        raise ControllerError("what answers at CONTROLLER_HOST gives no ids: it is not the API of AWX")
    return number


def _organization(inventory: Values) -> str:
    fields = inventory.get("summary_fields")
    one = fields.get("organization") if isinstance(fields, t.Mapping) else None
    return shown(one.get("name") if isinstance(one, t.Mapping) else "an organisation", 60)


def _names(sources: t.Iterable[Values]) -> str:
    return ", ".join(shown(one.get("name"), 60) for one in list(sources)[:3])
