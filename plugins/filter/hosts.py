# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns what an operator names with `-e client=…` into the hosts of a play."""

from __future__ import annotations

import difflib
import fnmatch
import re
import typing as t

from ansible import context
from ansible.errors import AnsibleFilterError
from ansible.inventory.manager import split_host_pattern
from ansible.utils.vars import load_extra_vars
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._answers import answer_problem, problem_of
from ansible_collections.mai.clients.plugins.plugin_utils._names import extra_variable_problem
from ansible_collections.mai.clients.plugins.plugin_utils._variables import quoted

GROUP = "mai_clients"
CONTROLLER = "localhost"
# Of what was given, so many characters are told
LONGEST = 60
TRUTH_VALUES = {**dict.fromkeys(("yes", "on", "true"), "True"), **dict.fromkeys(("no", "off", "false"), "False")}


def _clients(groups: t.Mapping[str, t.Sequence[str]]) -> list[str]:
    return sorted(groups.get(GROUP, []))


def _unknown(name: str, groups: t.Mapping[str, t.Sequence[str]]) -> AnsibleFilterError:
    clients, told = _clients(groups), quoted(name)
    if not groups.get("all"):
        return AnsibleFilterError(
            f"No {told} is there, since the inventory is empty: it was not given (with -i; the ansible.cfg of the "
            "project names one, and is read where the project is), or could not be read, which the warnings above "
            "tell. A name that YAML reads as another thing, 360, no, null or a date, is written in quotes there."
        )
    if name in groups.get("all", []) or name in groups:
        return AnsibleFilterError(
            f"{told} is in the inventory, but no client of group {GROUP!r} is in it. "
            f"Add it to the group {GROUP!r}, or name one of: {', '.join(clients) or '(the group is empty)'}."
        )
    read_as = TRUTH_VALUES.get(name.lower())
    if read_as in groups.get("all", []):
        return AnsibleFilterError(
            f"The inventory has no {told}, but a host {read_as!r}: YAML reads {name} without quotes as a truth "
            f"value. Write '{name}': in quotes there."
        )
    named = [group for group, hosts in groups.items() if set(hosts) & set(clients)]
    near = difflib.get_close_matches(name[:LONGEST], [*clients, *named], n=3, cutoff=0.5)
    hint = f"Did you mean: {', '.join(near)}?" if near else f"Known clients: {', '.join(clients[:20]) or '(none)'}."
    return AnsibleFilterError(f"No client or group {told} in this inventory. {hint}")


def _refuse_two_meanings(name: str, groups: t.Mapping[str, t.Sequence[str]]) -> None:
    clients = set(_clients(groups))
    members = set(groups.get(name, [])) & clients
    if name in clients and members - {name}:
        raise AnsibleFilterError(
            f"{name!r} is a client, and a group of {len(members)} clients ({', '.join(sorted(members)[:20])}): "
            "give one of them another name, or name the clients."
        )


def _refuse_half_a_run(arguments: t.Mapping[str, t.Any]) -> None:
    """Parts are left out by these: the lock, or the plan that all others follow."""
    given = {
        "--tags": set(arguments.get("tags") or ()) - {"all"},
        "--skip-tags": arguments.get("skip_tags"),
        "--start-at-task": arguments.get("start_at_task"),
        "--step": arguments.get("step"),
    }
    used = " and ".join(option for option, value in given.items() if value)
    if used:
        raise AnsibleFilterError(
            f"{used} would leave out parts of a run, and each is there for the others: run again without. "
            "-e client= chooses clients; of these a run changes only what differs."
        )


def _refuse_answers() -> None:
    """What was given with -e, as ansible-playbook has read it by now."""
    given = getattr(load_extra_vars, "extra_vars", {})
    problem = extra_variable_problem(given) or answer_problem(given)
    if problem:
        raise AnsibleFilterError(problem)


def _in_limit(host: str, limit: str, groups: t.Mapping[str, t.Sequence[str]]) -> bool:
    """Whether ``--limit`` leaves this host in; patterns that only Ansible can read (files, ranges) count as yes."""

    def matches(pattern: str) -> bool:
        if pattern.startswith("@") or "[" in pattern:
            return True
        if pattern.startswith("~"):
            expression = re.compile(pattern[1:])
            names = {name for name, hosts in groups.items() if host in hosts} | {host}
            return any(expression.match(name) for name in names)
        return fnmatch.fnmatch(host, pattern) or any(
            fnmatch.fnmatch(name, pattern) and host in hosts for name, hosts in groups.items()
        )

    patterns = split_host_pattern(limit)
    wanted = [p for p in patterns if p[0] not in "!&"]
    return (
        (not wanted or any(matches(p) for p in wanted))
        and all(matches(p[1:]) for p in patterns if p[0] == "&")
        and not any(matches(p[1:]) for p in patterns if p[0] == "!")
    )


def hosts(client: str, groups: t.Mapping[str, t.Sequence[str]]) -> str:
    """The host pattern of a play: the clients that ``client`` names, as ``a:b:&mai_clients``."""
    arguments = context.CLIARGS or {}
    if any(arguments.get(only) for only in ("syntax", "listtags", "listtasks")):
        return GROUP
    _refuse_half_a_run(arguments)
    _refuse_answers()
    if not isinstance(client, str):
        raise AnsibleFilterError(
            f"client is {quoted(client)}, which YAML or JSON reads as another thing than a name: write it in quotes, "
            "as the name of a client or group, or several with commas between."
        )
    names = [name.strip() for name in client.split(",") if name.strip()]
    if not names:
        raise AnsibleFilterError(
            "Say which client: -e client=<slug> (a host or group of the inventory, several with commas between, "
            f"or all). Known clients: {', '.join(_clients(groups)[:20]) or '(none: group mai_clients is empty)'}."
        )
    chosen: set[str] = set()
    for name in names:
        _refuse_two_meanings(name, groups)
        members = set(_clients(groups)) & (set(groups.get(name, [])) | {name})
        if not members:
            raise _unknown(name, groups)
        chosen |= members
    limit = arguments.get("subset")
    if limit and not any(_in_limit(host, limit, groups) for host in chosen):
        raise AnsibleFilterError(
            f"--limit {shown(limit, LONGEST)} leaves none of the clients named with "
            f"client={shown(client, LONGEST)}: nothing would be done. "
            "Drop the limit, or name a client that it includes."
        )
    return ":".join([*names, f"&{GROUP}"])


def controller(groups: t.Mapping[str, t.Sequence[str]]) -> str:
    """The host pattern of a play that is about the inventory and not about clients: it runs where Ansible does."""
    arguments = context.CLIARGS or {}
    if any(arguments.get(only) for only in ("syntax", "listtags", "listtasks")):
        return CONTROLLER
    _refuse_half_a_run(arguments)
    _refuse_answers()
    limit = arguments.get("subset")
    if limit and not _in_limit(CONTROLLER, limit, groups):
        raise AnsibleFilterError(
            f"--limit {shown(limit, LONGEST)} leaves nothing to do: this playbook chooses no clients by it. "
            "Run it again without."
        )
    return CONTROLLER


def added(client: str, groups: t.Mapping[str, t.Sequence[str]], wanted: bool = True) -> str:
    """The host pattern of a play for a client that a play before it may have added; of no host if it did not."""
    return client if wanted and client in groups.get(GROUP, ()) else f"{CONTROLLER}:!{CONTROLLER}"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"added": added, "answer_problem": problem_of, "controller": controller, "hosts": hosts}
