# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""client_plan, between its options and its result: gathers what is wanted and what is there, and has it decided.

This is private to the collection.
"""

from __future__ import annotations

import contextvars
import os
import secrets
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.mai.clients.plugins.module_utils._envfile import to_text
from ansible_collections.mai.clients.plugins.module_utils._instance.web import proxies_of
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import client_plan_spec
from ansible_collections.mai.clients.plugins.module_utils._same_url import same_url
from ansible_collections.mai.clients.plugins.module_utils._secret import proof_of
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils import _certificate_files, _people, _program, _record_file
from ansible_collections.mai.clients.plugins.plugin_utils._account import ask_account
from ansible_collections.mai.clients.plugins.plugin_utils._action import OpenRouterAction
from ansible_collections.mai.clients.plugins.plugin_utils._awx.job import in_job, job_stamp
from ansible_collections.mai.clients.plugins.plugin_utils._breaking_changes import CHANGES, collection_version
from ansible_collections.mai.clients.plugins.plugin_utils._client import NOT_KNOWN, keys_shown, unclaimed_keys
from ansible_collections.mai.clients.plugins.plugin_utils._names import known_names, name_problems
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import OpenRouterError
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.listing import Listing, SharedCredit
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.options import connection_of
from ansible_collections.mai.clients.plugins.plugin_utils._plan import proxy as addresses
from ansible_collections.mai.clients.plugins.plugin_utils._plan import version
from ansible_collections.mai.clients.plugins.plugin_utils._plan.client import Aim, Files, Observed, plan
from ansible_collections.mai.clients.plugins.plugin_utils._plan.database import service_of
from ansible_collections.mai.clients.plugins.plugin_utils._plan.foreseen import diff
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import Situation, bind_address, service
from ansible_collections.mai.clients.plugins.plugin_utils._plan.key import Aim as KeyAim
from ansible_collections.mai.clients.plugins.plugin_utils._plan.native import own_user
from ansible_collections.mai.clients.plugins.plugin_utils._plan.obstacles import obstacle
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import (
    key_names,
    other_variable,
    variable_problems,
)
from ansible_collections.mai.clients.plugins.plugin_utils._plan.words import address
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal, Unanswered
from ansible_collections.mai.clients.plugins.plugin_utils._variables import database_url_fault, money

# In check mode nothing was done that could be proven; for real openrouter_key says itself what it refuses
NOT_CHECKED, FOR_REAL = {"proof", "proof_of_instance"}, {"key": "unexpired"}

Values = t.Mapping[str, t.Any]

ROLES = os.path.join(os.path.dirname(__file__), os.pardir, os.pardir, "roles")
TEMPLATES = {
    "compose.yml.j2": "instance",
    "start-mai-instance.sh.j2": "instance",
    "mai.service.j2": "instance",
    "HANDOVER.md.j2": "handover",
    addresses.TEMPLATE: "proxy",
}


class ClientPlanAction(OpenRouterAction):
    """What cannot be had is a state of the plan with its sentence, not a failure of the task."""

    spec = staticmethod(client_plan_spec)
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        self._variables = task_vars or {}
        try:
            return super().run(tmp, task_vars)
        except Unanswered as error:
            return error.result

    def _operate(self) -> dict[str, t.Any]:
        self._refuse_environment()
        params = self._validated()
        client = self._client(params)
        result: dict[str, t.Any] = {"changed": False, "state": "planned", "reason": ""}
        result.update(account={"api_keys": None, "unclaimed": []}, seen={}, key={}, plan={}, checks=[])
        result["problems"] = self._problems(client)
        if result["problems"]:
            lines = "\n- ".join(result["problems"])
            self._stop(
                result, "refused", f"{shown(client['slug'])} was not touched. Correct its variables first:\n- {lines}"
            )
            self._end(result, params)
        self._decided(client, None, params, result)
        # OpenRouter and the machine are waited for side by side
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(contextvars.copy_context().run, self._ask, params)
            looked = self._look(client, params) if params["look"] and not params["seen"] else {}
        keys = self._account(params, asked, result)
        self._end(result, params)
        if params["look"]:
            result["seen"] = params["seen"] or self._seen(client, looked, result)
        decision = self._decided(client, result["seen"].get("directory"), params, result)
        if result["seen"] and not result["problems"]:
            self._plan(client, params, result, keys)
        elif not result["problems"]:
            result["plan"]["address"] = address(client, {"bind": bind_address(client, True), "administered": True})
        self._end(result, params)
        result["plan"].update(
            state=result["state"],
            reason=result["reason"],
            variable_problems=result["problems"],
            ordered_limit=_ordered_limit(client),
            same_api=_same_api(client, params),
            account=result["account"],
            undecided=[decision] if decision else [],
            collection_version=collection_version(),
            service=service(client["slug"]),
            native_user=own_user(service(client["slug"])),
            database_service=service_of(service(client["slug"])) if client["mai_database"] == "postgresql" else "",
        )
        return result

    @staticmethod
    def _client(params: Values) -> Values:
        """Its variables; of the database's URL, which holds a password, only what is wrong with it."""
        url, client = params["database_url"], params["variables"]
        fault = database_url_fault(url, client["mai_deployment"] == "docker")
        return {**client, "mai_database_url_fault": fault, "mai_database_url_given": bool(url)}

    def _decided(self, client: Values, directory: Values | None, params: Values, result: dict[str, t.Any]) -> str:
        """What an operator has to decide first; it stops who would change something."""
        if result["problems"]:
            return ""
        current = collection_version()
        said = version.sentence(client, directory, version.undecided(client, directory, CHANGES, current), current)
        if said and not params["any_version"] and not params["whatever"]:
            self._stop(result, "refused", f"{shown(client['slug'])} was not touched. {said}")
            self._end(result, params)
        return said

    def _plan(self, client: Values, params: Values, result: dict[str, t.Any], keys: list[Key] | None) -> None:
        seen = result["seen"]
        observed = Observed(
            seen=seen,
            keys=keys,
            key=params["key"],
            credit=result["account"].get("credits"),
            neighbours=self._neighbours(client, seen),
            archive=self._archive(client, seen),
            certificates=_certificate_files.held(self, addresses.controller_files(client)),
            same_api=_same_api(client, params),
            situation=Situation(
                administered=params["administered"],
                open_signup=params["open_signup"],
                new_image=params["new_image"],
                former_keys=tuple(params["former_keys"]),
            ),
        )
        files = _files(client, job_stamp(os.environ, self._variables))
        key_aim = KeyAim(params["disabled"], params["lost_secret"])
        result.update(plan(client, observed, files, Aim(key_aim, params["parts"])))
        if self._task.check_mode:
            needs = set(params["needs"]) - NOT_CHECKED
        else:
            needs = {FOR_REAL.get(need, need) for need in params["needs"]}
        reason = obstacle(needs, client, seen, result["plan"], result["checks"])
        if reason:
            self._stop(result, "refused", reason)
        elif params["report_changes"] and self._task.check_mode:
            result["changed"] = bool(result["plan"]["changes"])
            result["diff"] = diff(client, seen, result["key"], result["plan"], files.record)

    def _neighbours(self, client: Values, seen: Values) -> list[Values]:
        """Those of the play whose machine, seen before, is this one, whatever the inventory calls it."""
        if seen["port"]["ours"]:
            return []  # nobody else can have it
        found = []
        for slug in sorted({*self._variables.get("ansible_play_hosts_all", ())} - {client["slug"]}):
            other = self._variables["hostvars"][slug]
            there = other.get("mai_seen") or {}
            if (there.get("machine") or {}).get("id") == seen["machine"]["id"]:
                planned = (other.get("mai_plan") or {}).get("instance") or {}
                # Who failed needs none in this run
                network = slug in self._variables["ansible_play_hosts"] and planned.get("keeper") == "compose"
                network = network and not there["containers"]
                found.append(
                    {"slug": str(slug), "mai_port": other_variable(other, "mai_port"), "needs_network": network}
                )
        return found

    def _archive(self, client: Values, seen: Values) -> Values | None:
        """The file that the copy will take."""
        path = client["mai_image_archive"]
        if not path or client["mai_deployment"] != "docker" or seen["image"]["present"]:
            return None
        try:
            return {"path": path, "bytes": os.path.getsize(self._find_needle("files", path))}
        except (AnsibleError, OSError):
            return {"path": path, "bytes": None}

    def _stop(self, result: dict[str, t.Any], state: str, reason: str) -> None:
        """The first thing in the way is the one that is said."""
        if result["state"] == "planned":
            result.update(state=state, reason=reason)

    def _end(self, result: dict[str, t.Any], params: Values) -> None:
        """One sentence, and once; for those who want to know whatever there is, it is a part of the answer."""
        if result["state"] == "planned" or params["whatever"]:
            return
        told = {"error": result["account"].get("error") or result["state"], "state": result["state"]}
        if result["state"] == "unreachable" and not params["unreachable_fails"]:
            raise Unanswered({"msg": result["reason"], **told})
        raise Refusal(result["reason"], result=told)

    def _problems(self, client: Values) -> list[str]:
        names = name_problems(self._variables, known_names())
        return names + variable_problems(client, self._variables["hostvars"], self._variables["groups"]["mai_clients"])

    def _ask(self, params: Values) -> tuple[dict[str, t.Any], list[Key] | None]:
        """The account and its keys, as this play has them; nothing where nobody asks for them."""
        if not params["openrouter"]:
            return {}, None
        credit: dict[str, t.Any] = {}
        with Client(on_wait=self._tell_wait, **connection_of(params, os.environ)) as client:
            if params["credits"]:
                credit = SharedCredit(client, C.DEFAULT_LOCAL_TMP).get(lambda: ask_account(client, require=True))
                credit["management_key"] = True
            known = Listing(client, C.DEFAULT_LOCAL_TMP)
            return credit, None if params["key"] else known.keys(None, fresh=params["fresh"])

    def _account(self, params: Values, asked: Future[t.Any], result: dict[str, t.Any]) -> list[Key] | None:
        """The keys, and into the result what else is known of the account; nothing where no answer came."""
        try:
            credit, keys = asked.result()
        except OpenRouterError as error:
            result["account"].update(error=error.code, status=error.status, msg=str(error), credits=None)
            # With a key the run is under way
            untouched = "" if params["key"] else f"{shown(params['variables']['slug'])} was not touched. "
            self._stop(result, "unanswered", f"{untouched}{error}")
            return None
        result["account"].update(credit)
        if keys is not None:
            result["account"]["api_keys"] = keys_shown(keys, params["variables"]["mai_key_name"])
        if keys is not None and params["unclaimed"]:
            hostvars, slugs = self._variables["hostvars"], self._variables["groups"]["mai_clients"]
            known = key_names({slug: hostvars[slug] for slug in slugs}).values()
            result["account"]["unclaimed"] = unclaimed_keys([key.data for key in keys], known)
        return keys

    def _look(self, client: Values, params: Values) -> Values | AnsibleConnectionFailure:
        """One look over SSH."""
        # Those who only look see what is wrong with it, too
        proxies = proxies_of(client["mai_extra_env"]) if isinstance(client["mai_extra_env"], t.Mapping) else {}
        options = {
            "client": client["slug"],
            "deployment_dir": client["mai_deployment_dir"],
            "service": service(client["slug"]),
            "image": client["mai_image"],
            "database_image": client["mai_database_image"] if client["mai_database"] == "postgresql" else None,
            "database_url_proof": self._database_proof(client, params),
            "port": client["mai_port"],
            "bind": str(bind_address(client, True)),
            "health_path": client["mai_health_path"],
            "base_url": client["mai_instance_api_base_url"],
            "fqdn": client["mai_fqdn"] if addresses.wanted(client) else "",
            "tls_files": addresses.machine_files(client),
            "people": _people.addresses(client),
            "probe": params["probe"],
            "no_proxy": proxies.pop("no_proxy", ""),
            "proxies": proxies,
            "remote_tmp": self.get_shell_option("remote_tmp", default="~/.ansible/tmp"),
        }
        try:
            return self._execute_module(
                module_name="mai.clients.instance_info", module_args=options, task_vars=self._variables
            )
        except AnsibleConnectionFailure as error:
            return error

    @staticmethod
    def _database_proof(client: Values, params: Values) -> str | None:
        if client["mai_database"] != "external" or not params["database_url"]:
            return None
        return proof_of(to_text(params["database_url"]), secrets.token_hex(16))

    def _seen(
        self, client: Values, looked: Values | AnsibleConnectionFailure, result: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """What the look found; nothing where it could not be taken."""
        machine = shown(client["machine"])
        if isinstance(looked, AnsibleConnectionFailure):
            why = shown(" ".join(str(looked).split()))
            self._stop(
                result, "unreachable", f"the machine {machine} does not answer ({why}), so nothing was done there"
            )
            return {}
        if looked.get("ansible_facts"):
            result["ansible_facts"] = looked["ansible_facts"]  # which Python was found there, for the next tasks
        if looked.get("failed") or "instance" not in looked:
            why = shown(" ".join(str(looked.get("msg") or looked.get("module_stderr") or "no answer").split()))
            self._stop(result, "unreachable", f"the machine {machine} could not be looked at: {why}")
            return {}
        return looked["instance"]


def _ordered_limit(client: Values) -> float | str | None:
    """USD per month, None for no limit; not known where the variable is a problem of its own."""
    try:
        return money(client["mai_monthly_limit"])
    except ValueError:
        return NOT_KNOWN


def _same_api(client: Values, params: Values) -> bool:
    asked = params["base_url"]
    return asked is None or same_url(str(client["mai_instance_api_base_url"]), asked)


def _files(client: Values, stamp: str) -> Files:
    templates = {}
    for name, role in TEMPLATES.items():
        with open(os.path.join(ROLES, role, "templates", name), encoding="utf-8") as file:
            templates[name] = file.read()
    backup = _program.backup() if client["mai_backup_repository"] else ""
    if in_job(os.environ):
        return Files(templates, stamp=stamp, backup_program=backup, usage_program=_program.usage())
    path = os.path.join(client["mai_handover_dir"], f"{client['slug']}.md")
    return Files(templates, _record_file.read(path), path, "", backup, _program.usage())
