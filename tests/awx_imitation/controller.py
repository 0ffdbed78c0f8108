# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller does with a request, once it is known who sends it."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from tests.awx_imitation import rules
from tests.awx_imitation.kinds import KINDS, UNIFIED
from tests.awx_imitation.store import Refused, Store, Thing

MASK = "$encrypted$"
NOW = "2026-01-01T00:00:00.000000Z"
# Lists that are the other side of a field
REVERSE = {
    ("inventories", "hosts"): "inventory",
    ("inventories", "groups"): "inventory",
    ("inventories", "inventory_sources"): "inventory",
    ("workflow_job_templates", "workflow_job_template_nodes"): "workflow_job_template",
    ("projects", "job_templates"): "project",
    **{(kind, "schedules"): "unified_job_template" for kind in UNIFIED},
    **{
        ("organizations", kind): "organization"
        for kind in ("teams", "projects", "inventories", "credentials", "notification_templates", "job_templates")
    },
}


class Controller:
    def __init__(self, playbooks: list[str], superuser: bool = True) -> None:
        self.store = Store()
        self.playbooks = playbooks
        self.superuser = superuser
        # What a test may turn on: the next syncs of projects fail
        self.syncs_fail = False
        self.revision = "1"
        self._seed()

    def _seed(self) -> None:
        """What a fresh AWX has."""
        create = self.store.create
        fields = {
            "Machine": ["username", "password", "ssh_key_data", "become_method", "become_password"],
            "Source Control": ["username", "password", "ssh_key_data"],
            "Vault": ["vault_password", "vault_id"],
            "Container Registry": ["host", "username", "password", "verify_ssl"],
            "Ansible Galaxy/Automation Hub API Token": ["url", "token"],
            "Red Hat Ansible Automation Platform": ["host", "username", "password", "oauth_token", "verify_ssl"],
        }
        kinds = ["ssh", "scm", "vault", "registry", "galaxy", "cloud"]
        for (name, ids), kind in zip(fields.items(), kinds):
            secret = ("password", "ssh_key_data", "become_password", "vault_password", "token", "oauth_token")
            inputs = {"fields": [{"id": one, "label": one, "type": "string", "secret": one in secret} for one in ids]}
            create(
                "credential_types",
                {"name": name, "kind": kind, "inputs": inputs},
                managed=True,
                namespace={"cloud": "controller"}.get(kind, kind),
            )
        create("organizations", {"name": "Default"})
        create("instance_groups", {"name": "default"})
        create("execution_environments", {"name": "Default execution environment", "image": "awx-ee"}, managed=True)
        create("users", {"username": "admin", "is_superuser": True})

    # Objects

    def listing(self, kind: str, query: dict[str, list[str]]) -> Thing:
        return self._page(kind, self.store.find(kind, query), query)

    def _page(self, kind: str, found: list[Thing], query: dict[str, list[str]]) -> Thing:
        size = min(int(query.get("page_size", ["25"])[0]), 200)
        page = int(query.get("page", ["1"])[0])
        few = found[size * (page - 1) : size * page]
        more = len(found) > size * page
        return {
            "count": len(found),
            "next": f"/api/v2/{kind}/?page={page + 1}&page_size={size}" if more else None,
            "previous": None,
            "results": [self.show(kind, thing) for thing in few],
        }

    def show(self, kind: str, thing: Thing) -> Thing:
        return self.store.show(kind, thing)

    def create(self, kind: str, given: Thing) -> Thing:
        if kind not in KINDS or kind in ("project_updates", "inventory_updates", "jobs", "workflow_jobs"):
            raise Refused(405, 'Method "POST" not allowed.')
        self._check(kind, {**KINDS[kind].defaults(), **given}, None)
        more: Thing = {}
        if kind in ("credentials", "notification_templates"):
            given = {**given, **self._hide(kind, given, {})}
        if kind == "job_templates":
            more["organization"] = self.store.get("projects", given["project"])["organization"]
        if kind == "projects":
            more = {"status": "never updated", "scm_revision": "", "_playbooks": []}
        if kind == "inventory_sources":
            more["status"] = "never updated"
        if kind in ("credential_types", "execution_environments", "credentials"):
            more["managed"] = False
        if kind == "credential_types":
            more["namespace"] = None
        hidden = given.pop("_hidden", None)
        thing = self.store.create(kind, given, **more)
        if hidden is not None:
            self.store.secrets[kind, thing["id"]] = hidden
        if kind == "projects" and thing["scm_type"]:
            return self._sync(thing, begun=True)
        return self.show(kind, thing)

    def change(self, kind: str, thing: Thing, given: Thing) -> Thing:
        self._check(kind, {**thing, **given}, thing)
        if kind in ("credentials", "notification_templates"):
            given = {**given, **self._hide(kind, given, self.store.secrets.get((kind, thing["id"]), {}))}
        hidden = given.pop("_hidden", None)
        source = ("scm_type", "scm_url", "scm_branch", "scm_refspec", "credential")
        resync = kind == "projects" and any(name in given and given[name] != thing[name] for name in source)
        self.store.change(kind, thing, given)
        if hidden is not None:
            self.store.secrets[kind, thing["id"]] = hidden
        if resync and thing["scm_type"]:
            return self._sync(thing, begun=True)
        return self.show(kind, thing)

    def delete(self, kind: str, thing: Thing) -> None:
        if thing.get("managed"):
            raise Refused(403, "Deletion not allowed for managed objects.")
        if kind == "credential_types" and self._used(thing):
            raise Refused(403, "Credential types that are in use cannot be deleted.")
        self.store.delete(kind, thing)

    def _used(self, credential_type: Thing) -> bool:
        return any(one["credential_type"] == credential_type["id"] for one in self.store.all("credentials"))

    def _hide(self, kind: str, given: Thing, before: Thing) -> Thing:
        """What is shown of secrets, and what they are; a mask that comes back stands for what was there."""
        name = "inputs" if kind == "credentials" else "notification_configuration"
        if name not in given:
            return {}
        if kind == "credentials":
            of_type = self.store.get("credential_types", given["credential_type"])
            secret = {one["id"] for one in of_type["inputs"].get("fields", []) if one.get("secret")}
        else:
            secret = rules.SECRETS
        full = {key: before.get(key, "") if value == MASK else value for key, value in given[name].items()}
        shown = {key: MASK if key in secret and value else value for key, value in full.items()}
        return {name: shown, "_hidden": full}

    def _check(self, kind: str, after: Thing, before: Thing | None) -> None:
        """The rules of one kind."""
        fault: Thing = {}
        if kind == "credential_types":
            self._check_credential_type(after, before)
            fault = rules.credential_type(after["inputs"], after["injectors"])
        elif kind == "credentials":
            if before is None and not any(after.get(name) for name in ("organization", "user", "team")):
                raise Refused(400, "Missing 'user', 'team', or 'organization'.")
            fault = rules.credential(after["inputs"], self.store.get("credential_types", after["credential_type"]))
        elif kind == "job_templates":
            fault = self._template_fault(after)
        elif kind in ("schedules", "workflow_job_template_nodes"):
            fault = rules.rrule(after["rrule"]) if kind == "schedules" else {}
            fault = fault or self._prompts_fault(after, with_required=kind == "schedules")
        if fault:
            raise Refused(400, fault)

    def _check_credential_type(self, after: Thing, before: Thing | None) -> None:
        if not self.superuser:
            raise Refused(403, "You do not have permission to perform this action.")
        if before is None:
            if after["kind"] not in ("net", "cloud"):
                raise Refused(400, {"kind": [f"Must be 'cloud' or 'net', not {after['kind']}"]})
        elif before["managed"]:
            raise Refused(403, "Modifications not allowed for managed credential types")
        elif after["inputs"] != before["inputs"] and self._used(before):
            raise Refused(403, "Modifications to inputs are not allowed for credential types that are in use")

    def _template_fault(self, after: Thing) -> Thing:
        if not after["project"]:
            return {"project": ["This field is required."]}
        project = self.store.get("projects", after["project"])
        if project["scm_type"] and not project["allow_override"] and after["playbook"] not in project["_playbooks"]:
            return {"playbook": ["Playbook not found for project."]}
        if not after["inventory"] and not after["ask_inventory_on_launch"]:
            return {"inventory": ["Job Template must provide 'inventory' or allow prompting for it."]}
        return {}

    def _prompts_fault(self, after: Thing, with_required: bool) -> Thing:
        if not after["unified_job_template"]:
            return {}
        template = self.store.get("unified_job_templates", after["unified_job_template"])
        kind = self.store.kind_of(template)
        asks = {name: template.get(f"ask_{name}_on_launch", False) for name in ("job_type", "limit", "diff_mode")}
        for name, asked in asks.items():
            if after[name] is not None and not asked:
                return {name: ["Field is not configured to prompt on launch."]}
        spec = self.store.surveys.get((kind, template["id"]), {}) if template.get("survey_enabled") else {}
        known = {one["variable"] for one in spec.get("spec", [])}
        extra = sorted(set(after["extra_data"]) - known)
        if extra and not template.get("ask_variables_on_launch"):
            names = ", ".join(extra)
            return {
                "extra_data": [
                    f"Variables {names} are not allowed on launch. Check the Prompt on Launch setting on the"
                    " Job Template to include Extra Variables."
                ]
            }
        faults = rules.answers(spec, after["extra_data"], with_required)
        return {"variables_needed_to_start": faults} if faults else {}

    # What hangs on an object

    def sublist(self, kind: str, thing: Thing, name: str, query: dict[str, list[str]]) -> Thing:
        target = "workflow_job_template_nodes" if name == "workflow_nodes" else name
        if target in KINDS[kind].lists:
            return self._page(KINDS[kind].lists[target], self.store.listed(kind, thing["id"], target), query)
        if (kind, target) in REVERSE:
            return self.listing(target, {**query, REVERSE[kind, target]: [str(thing["id"])]})
        if kind in ("teams", "users") and name == "roles":
            mine = [role for (role, actor), members in self.granted.items() if actor == kind and thing["id"] in members]
            return {"count": len(mine), "next": None, "previous": None, "results": [{"id": role} for role in mine]}
        if (kind, name) == ("hosts", "groups"):
            groups = [
                one for one in self.store.all("groups") if thing in self.store.listed("groups", one["id"], "hosts")
            ]
            return self._page("groups", groups, query)
        raise Refused(404, "Not found.")

    def put(self, kind: str, thing: Thing, name: str, given: Thing) -> Thing | None:
        """Adds to a list, or takes away; what has no id yet is made."""
        target = "workflow_job_template_nodes" if name == "workflow_nodes" else name
        if (kind, target) in REVERSE:
            return self.create(target, {**given, REVERSE[kind, target]: thing["id"]})
        if target not in KINDS[kind].lists:
            raise Refused(404, "Not found.")
        made = None
        if "id" not in given:
            made = self.create(KINDS[kind].lists[target], {"inventory": thing.get("inventory"), **given})
            given = {"id": made["id"]}
        if target == "credentials" and not given.get("disassociate"):
            self._one_of_each_type(kind, thing, given["id"])
        if target.endswith("_nodes") and not given.get("disassociate"):
            self._one_relation(kind, thing, target, given["id"])
        self.store.put(kind, thing["id"], target, given)
        return made

    def _one_of_each_type(self, kind: str, thing: Thing, number: int) -> None:
        new = self.store.get("credentials", number)
        of_type = self.store.get("credential_types", new["credential_type"])
        for one in self.store.listed(kind, thing["id"], "credentials"):
            if one["credential_type"] == new["credential_type"] and of_type["kind"] != "vault":
                raise Refused(400, {"error": f"Cannot assign multiple {of_type['name']} credentials."})

    def _one_relation(self, kind: str, thing: Thing, target: str, number: int) -> None:
        for other in ("success_nodes", "failure_nodes", "always_nodes"):
            if other != target and number in self.store.members.get((kind, thing["id"], other), []):
                raise Refused(400, {"Error": "Relationship not allowed."})

    def survey(self, kind: str, thing: Thing) -> Thing:
        return copy.deepcopy(self.store.surveys.get((kind, thing["id"]), {}))

    def put_survey(self, kind: str, thing: Thing, spec: Any) -> None:
        fault = rules.survey(spec)
        if fault:
            raise Refused(400, {"error": fault})
        self.store.surveys[kind, thing["id"]] = copy.deepcopy(spec)

    def approval(self, node: Thing, given: Thing) -> Thing:
        made = self.create("workflow_approval_templates", given)
        node["unified_job_template"] = made["id"]
        return made

    def grant(self, role: int, actor: str, given: Thing) -> None:
        if role not in self.store.roles:
            raise Refused(404, "Not found.")
        kind, number, name = self.store.roles[role]
        who = self.store.get(actor, given["id"])
        if actor == "teams" and kind == "organizations" and name in ("member_role", "admin_role"):
            raise Refused(
                400, {"msg": "You cannot assign an Organization participation role as a child role for a Team."}
            )
        of = self.store.get(kind, number).get("organization")
        if actor == "users" and kind == "credentials" and name != "read_role" and not self._member(who, of):
            words = "You cannot grant credential access to a user not in the credentials' organization"
            raise Refused(400, {"msg": words})
        if actor == "teams" and kind == "credentials" and of != who["organization"]:
            words = (
                "You cannot grant credential access to a team when the Organization field isn't set, or belongs to a"
            )
            raise Refused(400, {"msg": f"{words} different organization"})
        members = self.granted.setdefault((role, actor), [])
        if given.get("disassociate"):
            members[:] = [one for one in members if one != given["id"]]
        elif given["id"] not in members:
            members.append(given["id"])

    def _member(self, user: Thing, organization: int) -> bool:
        of = ("organizations", organization)
        roles = [
            number
            for number, (*thing, role) in self.store.roles.items()
            if tuple(thing) == of and role in ("admin_role", "member_role")
        ]
        return user["is_superuser"] or any(user["id"] in self.granted.get((role, "users"), []) for role in roles)

    @property
    def granted(self) -> dict[tuple[int, str], list[int]]:
        return self.__dict__.setdefault("_granted", {})

    def grants(self, role: int, actor: str, query: dict[str, list[str]]) -> Thing:
        people = [self.store.get(actor, one) for one in self.granted.get((role, actor), [])]
        return self._page(actor, people, query)

    # Jobs

    def _sync(self, thing: Thing, begun: bool) -> Thing:
        """A sync ends at once; `begun`: the answer is that of a moment before."""
        kind = self.store.kind_of(thing)
        update = self._update(thing, kind)
        shown = self.show(kind, thing)
        if begun:
            shown["summary_fields"]["current_update"] = {"id": update["id"], "status": "running"}
        return shown if begun else self.show(self.store.kind_of(update), update)

    def _update(self, thing: Thing, kind: str) -> Thing:
        failed = self.syncs_fail and kind == "projects"
        status = "failed" if failed else "successful"
        if kind == "projects" and not failed:
            thing["_playbooks"] = list(self.playbooks)
            thing["scm_revision"] = hashlib.sha1(self.revision.encode()).hexdigest()
        update = self.store.create(
            {"projects": "project_updates", "inventory_sources": "inventory_updates"}[kind],
            {"name": thing["name"]},
            **{"status": status, "failed": failed, "started": NOW, "finished": NOW, "elapsed": 1.0},
            **{"event_processing_finished": True, "scm_revision": thing.get("scm_revision", "")},
        )
        thing.update(status=status, _update=update["id"])
        return update

    def update(self, kind: str, thing: Thing) -> Thing:
        if kind == "projects" and not thing["scm_type"]:
            raise Refused(405, 'Method "POST" not allowed.')
        update = self._update(thing, kind)
        return {**self.show(self.store.kind_of(update), update), "status": "pending"}

    def launch(self, kind: str, thing: Thing, given: Thing) -> Thing:
        spec = self.store.surveys.get((kind, thing["id"]), {}) if thing["survey_enabled"] else {}
        sent = rules.variables(given.get("extra_vars") or {}) or {}
        faults = rules.answers(spec, sent)
        if faults:
            raise Refused(400, {"variables_needed_to_start": faults})
        known = {one["variable"] for one in spec.get("spec", [])}
        ignored = {} if thing["ask_variables_on_launch"] else {key: sent[key] for key in sorted(set(sent) - known)}
        if ignored and kind == "workflow_job_templates":
            raise Refused(400, {"extra_vars": [f"Variables {', '.join(ignored)} are not allowed on launch."]})
        defaults = {one["variable"]: one["default"] for one in spec.get("spec", []) if one.get("default") is not None}
        taken = {key: value for key, value in sent.items() if key not in ignored}
        job = self.store.create(
            "jobs" if kind == "job_templates" else "workflow_jobs",
            {"name": thing["name"]},
            **{"status": "successful", "failed": False, "started": NOW, "finished": NOW, "elapsed": 1.0},
            **{"event_processing_finished": True, "job_template": thing["id"], "extra_vars": {**defaults, **taken}},
        )
        return {**self.show(self.store.kind_of(job), job), "job": job["id"], "ignored_fields": {"extra_vars": ignored}}

    def script(self, inventory: Thing) -> Thing:
        """What a job is given as its inventory."""
        hosts = [one for one in self.store.all("hosts") if one["inventory"] == inventory["id"]]
        shown: Thing = {
            "all": {"hosts": [one["name"] for one in hosts], "vars": rules.variables(inventory["variables"])},
            "_meta": {"hostvars": {one["name"]: rules.variables(one["variables"]) for one in hosts}},
        }
        for group in self.store.all("groups"):
            if group["inventory"] == inventory["id"]:
                shown[group["name"]] = {
                    "hosts": [one["name"] for one in self.store.listed("groups", group["id"], "hosts")],
                    "children": [one["name"] for one in self.store.listed("groups", group["id"], "children")],
                    "vars": rules.variables(group["variables"]),
                }
        return shown
