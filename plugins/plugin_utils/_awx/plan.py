# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a controller differs from what it is to be: decided from what can be read there.

When in doubt an object counts as different: the module that is then given it looks once more, and leaves it alone.

This is private to the collection.
"""

from __future__ import annotations

import json
import os
import re
import typing as t

import yaml

Thing = t.Dict[str, t.Any]

MASK = "$encrypted$"
# What is made, in this order: its name in controller_…, the endpoint, and what people call it
KINDS = (
    ("organizations", "organizations", "organisation"),
    ("execution_environments", "execution_environments", "execution environment"),
    ("credential_types", "credential_types", "credential type"),
    ("credentials", "credentials", "credential"),
    ("projects", "projects", "project"),
    ("inventories", "inventories", "inventory"),
    ("groups", "groups", "group"),
    ("inventory_sources", "inventory_sources", "inventory source"),
    ("notifications", "notification_templates", "notification template"),
    ("templates", "job_templates", "job template"),
    ("workflows", "workflow_job_templates", "workflow"),
    ("schedules", "schedules", "schedule"),
)
ENDPOINTS = {kind: endpoint for kind, endpoint, _words in KINDS}
# Within which object a name is looked for
WITHIN = {
    "credentials": "credential_type",
    **dict.fromkeys(("groups", "inventory_sources"), "inventory"),
    "schedules": "unified_job_template",
    **dict.fromkeys(("projects", "inventories", "notifications", "templates", "workflows"), "organization"),
}
LINKS = (
    *("organization", "project", "inventory", "execution_environment", "credential", "credential_type"),
    *("source_project", "unified_job_template", "default_environment"),
)
LISTS = (
    *("credentials", "galaxy_credentials", "labels", "instance_groups", "notification_templates_started"),
    *("notification_templates_success", "notification_templates_error", "notification_templates_approvals"),
)
# Variables, which are kept as text
TEXTS = ("extra_vars", "variables", "source_vars")
# Left out where they are empty: the object keeps what it has
IF_GIVEN = ("credential", "galaxy_credentials", "notification_templates_error")
# No field of the object: they say what is done, or where it is looked for
APART = ("name", "update_secrets", "simplified_workflow_nodes", "id", "there")
FOREIGN = {"inventory_sources": ("organization",), "schedules": ("organization",)}
# What people are given roles of, as the module calls it, and above
RESOURCES = {
    "job_templates": "templates",
    **{kind: kind for kind in ("organizations", "workflows", "projects", "inventories", "credentials")},
}
NODE_LISTS = ("success_nodes", "failure_nodes", "always_nodes")


class Reader(t.Protocol):
    def get(self, endpoint: str, **query: t.Any) -> t.Any: ...

    def all(self, endpoint: str, **query: t.Any) -> list[Thing]: ...

    def names(self, endpoint: str) -> list[str]: ...


def cleaned(item: Thing) -> Thing:
    return {name: value for name, value in item.items() if not (name in IF_GIVEN and not value)}


def name_of(thing: t.Any) -> str:
    return str((thing or {}).get("name", ""))


def linked(thing: Thing, field: str) -> str:
    """The name of the object to which a field points."""
    return name_of(thing.get("summary_fields", {}).get(field))


def of_these_names(reader: Reader, endpoint: str, names: t.Sequence[str]) -> list[Thing]:
    """The objects of these names, and maybe others: in one question."""
    if len(set(names)) == 1:
        return reader.all(endpoint, name=names[0])
    beginning = os.path.commonprefix(list(names))
    return reader.all(endpoint, **({"name__startswith": beginning} if beginning else {})) if names else []


def there(kind: str, item: Thing, objects: t.Iterable[Thing]) -> Thing | None:
    """The object of that name, as the module would find it."""
    found = [thing for thing in objects if thing["name"] == item["name"]]
    within = WITHIN.get(kind)
    if within and within in item:
        found = [thing for thing in found if linked(thing, within) == item[within]]
    return found[0] if found else None


def differences(reader: Reader, kind: str, item: Thing, thing: Thing) -> list[str]:
    """The fields in which an object differs from what it is to be."""
    apart = (*APART, *FOREIGN.get(kind, ()))
    return [
        field for field, wanted in item.items() if field not in apart and not same(reader, field, wanted, thing, item)
    ]


def same(reader: Reader, field: str, wanted: t.Any, thing: Thing, item: Thing) -> bool:
    if field == "survey_spec":
        return reader.get(thing["related"]["survey_spec"]) == wanted
    if field in LISTS:
        return names_in(reader, thing, field) == sorted(wanted)
    if field in LINKS:
        return linked(thing, field) == (wanted or "")
    if field in TEXTS:
        return variables(thing.get(field)) == wanted
    if field in ("inputs", "notification_configuration"):
        return not item.get("update_secrets") and could_be(thing.get(field), wanted)
    return thing.get(field) == wanted


def names_in(reader: Reader, thing: Thing, field: str) -> list[str]:
    few = thing.get("summary_fields", {}).get(field)
    if isinstance(few, list):
        return sorted(name_of(one) for one in few)
    related = thing.get("related", {}).get(field)
    return sorted(name_of(one) for one in reader.all(related)) if related else []


def variables(text: t.Any) -> t.Any:
    if not isinstance(text, str):
        return text or {}
    try:
        return json.loads(text) if text else {}
    except ValueError:
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            return None


def could_be(have: t.Any, wanted: t.Any) -> bool:
    """Whether these are the same, as far as one can see: a secret is shown as a mask."""
    if isinstance(have, dict) and isinstance(wanted, dict):
        return set(have) == set(wanted) and all(could_be(have[name], wanted[name]) for name in wanted)
    return have in (MASK, wanted)


class Plan:
    """What is to be given to which module, and the sentences about it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._there: dict[str, list[Thing]] = {}
        self.due: dict[str, list[Thing]] = {kind: [] for kind, _endpoint, _words in KINDS}
        self.due.update(workflow_nodes=[], workflow_links=[], workflow_nodes_gone=[], roles=[], project_updates=[])
        self.words: list[str] = []

    def decide(self, wanted: t.Mapping[str, list[Thing]]) -> None:
        for kind, endpoint, words in KINDS:
            items = wanted.get(kind) or []
            self._there[kind] = of_these_names(self._reader, endpoint, [item["name"] for item in items])
            for item in items:
                self._object(kind, words, cleaned(item))
        self._project(wanted)
        for workflow in wanted.get("workflows") or []:
            self._workflow(workflow)
        for role in wanted.get("roles") or []:
            self._role(role)

    def _object(self, kind: str, words: str, item: Thing) -> None:
        thing = there(kind, item, self._there[kind])
        if thing is None:
            self.words.append(f"would make {words} {item['name']}")
        else:
            fields = differences(self._reader, kind, item, thing)
            if not fields:
                return
            self.words.append(f"would change {words} {item['name']}: {', '.join(fields)}")
        self.due[kind].append({**item, "is_new": thing is None})

    def _project(self, wanted: t.Mapping[str, list[Thing]]) -> None:
        """A project whose sync failed has no playbooks, and one that was synced too early not all of them."""
        templates = wanted.get("templates") or []
        for project in {(one["project"], one["organization"]) for one in templates}:
            known_ones = self._there["projects"] or self._reader.all("projects", name=project[0])
            thing = there("projects", {"name": project[0], "organization": project[1]}, known_ones)
            if thing is None or any(one["name"] == project[0] for one in self.due["projects"]):
                continue  # made or changed, it syncs by itself
            why = "" if thing.get("status") in ("successful", "ok") else f"its last sync is: {thing.get('status')}"
            if not why:
                known = set(self._reader.names(f"projects/{thing['id']}/playbooks"))
                lacking = sorted({one["playbook"] for one in templates} - known)
                why = f"it has no {', '.join(lacking)} yet" if lacking else ""
            if why:
                self.due["project_updates"].append({"name": project[0], "organization": project[1]})
                self.words.append(f"would sync project {project[0]}: {why}")

    def _workflow(self, workflow: Thing) -> None:
        base = {"workflow_job_template": workflow["name"], "organization": workflow["organization"]}
        thing = there("workflows", workflow, self._there["workflows"])
        number = {} if thing is None else {"workflow_job_template": thing["id"]}
        nodes = self._reader.all("workflow_job_template_nodes", **number) if number else []
        have = {node["identifier"]: node for node in nodes}
        names = {node["id"]: node["identifier"] for node in nodes}
        wanted = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
        for name, node in wanted.items():
            parts = {key: value for key, value in node.items() if key not in NODE_LISTS}
            if name not in have or not self._same_node(node, have[name]):
                self.due["workflow_nodes"].append({**base, **parts})
                self.words.append(f"would make step {name} of workflow {workflow['name']}")
            links = {key: sorted(names.get(one, "") for one in have.get(name, {}).get(key, [])) for key in NODE_LISTS}
            if links != {key: sorted(node[key]) for key in NODE_LISTS}:
                self.due["workflow_links"].append(
                    {**base, "identifier": name, **{key: node[key] for key in NODE_LISTS}}
                )
                self.words.append(f"would join step {name} of workflow {workflow['name']} to those after it")
        # Only what this collection once made there goes
        for name in sorted(set(have) - set(wanted)):
            if name == "approval":
                self.due["workflow_nodes_gone"].append({**base, "identifier": name})
                self.words.append(f"would take step {name} out of workflow {workflow['name']}")

    def _same_node(self, node: Thing, have: Thing) -> bool:
        if "approval_node" not in node:
            return linked(have, "unified_job_template") == node["unified_job_template"]
        related = have.get("related", {}).get("unified_job_template")
        if not related:
            return False
        approval = self._reader.get(related)
        return all(approval.get(field) == value for field, value in node["approval_node"].items())

    def _role(self, role: Thing) -> None:
        """The module gives all of it to all of them, so it is given to them where anybody lacks anything."""
        wanted = {
            self._role_number(kind, name, role["role"])
            for resource, kind in RESOURCES.items()
            for name in role.get(resource, [])
        }
        lacking = [
            name
            for who, field in (("teams", "name"), ("users", "username"))
            for name in role.get(who, [])
            if not wanted <= self._roles_of(who, field, name)
        ]
        if lacking:
            self.due["roles"].append(role)
            self.words.append(f"would give {', '.join(lacking)} the role {role['role']} of what is made here")

    def _role_number(self, kind: str, name: str, role: str) -> int:
        """Of an object that is there; of no object nobody has a role yet."""
        # What is only used was not looked for yet
        for thing in self._there[kind] or self._reader.all(ENDPOINTS[kind], name=name):
            if thing["name"] == name:
                return thing.get("summary_fields", {}).get("object_roles", {}).get(f"{role}_role", {}).get("id", -1)
        return -1

    def _roles_of(self, who: str, field: str, name: str) -> set[int]:
        found = self._reader.all(who, **{field: name})
        return {role["id"] for role in self._reader.all(f"{who}/{found[0]['id']}/roles")} if found else set()


# Of each endpoint the variables, and which name each of them gives: one, or a list
Referenced = t.Mapping[str, t.Mapping[str, "str | list[str]"]]


def obstacles(reader: Reader, wanted: t.Mapping[str, list[Thing]], referenced: Referenced) -> list[str]:
    """What has to be there, or must not, before anything is made."""
    found = list(_missing(reader, referenced))
    if any(re.match(r"[a-z+]+://[^/@]*:[^/@]*@", item["scm_url"]) for item in wanted.get("projects") or []):
        # Everybody who may see the project would read it
        found.append("mai_awx_project_url holds a password: put it into a credential, mai_awx_project_credential")
    for item in wanted.get("credentials") or []:
        others = [
            thing
            for thing in reader.all("credentials", name=item["name"])
            if (linked(thing, "credential_type"), linked(thing, "organization"))
            != (item["credential_type"], item["organization"])
        ]
        if others:
            found.append(
                f"a credential {item['name']} is there already, of the type {linked(others[0], 'credential_type')} and"
                f" the organisation {linked(others[0], 'organization') or 'none'}: rename it, or set mai_awx_credential"
            )
    return found


def _missing(reader: Reader, referenced: Referenced) -> t.Iterator[str]:
    for endpoint, variables in referenced.items():
        field = "username" if endpoint == "users" else "name"
        words = endpoint.replace("_", " ")
        for name, named_by in _by_name(variables).items():
            number = len(reader.all(endpoint, **{field: name}))
            if number == 0:
                yield f"no {words.rstrip('s')} is called {name}: correct {' and '.join(named_by)}, or make it first"
            elif number > 1 and endpoint == "credentials":
                yield (
                    f"{number} {words} are called {name}, and a template could not tell them apart: rename all but one"
                )


def _by_name(variables: t.Mapping[str, str | list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for variable, names in variables.items():
        for name in [names] if isinstance(names, str) else names:
            if name:
                found.setdefault(name, []).append(variable)
    return found
