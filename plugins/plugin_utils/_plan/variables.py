# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with one client's variables, said for a person, all of it at once.

What each may be is in plugin_utils/_variables.py; here is what they have to be beside each other, and beside those of
the other clients.
"""

from __future__ import annotations

import typing as t

import jinja2
from ansible.errors import AnsibleError
from ansible_collections.mai.clients.plugins.module_utils._backup import settings
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils import _extra_env, _people
from ansible_collections.mai.clients.plugins.plugin_utils._plan import compose_extra, proxy
from ansible_collections.mai.clients.plugins.plugin_utils._variables import (
    DATABASE_URL,
    RULES,
    SLUG,
    fault,
    is_directory,
    memory_bytes,
    quoted,
)

Variables = t.Mapping[str, t.Any]
# Defaults of roles/mai, which are not among the variables of other hosts
DEPLOYMENTS_DIR = "/opt/mai/deployments"


def _alone(client: Variables) -> t.Iterator[str]:
    """Each variable by its own rule."""
    if not SLUG.fullmatch(client["slug"]):
        yield (
            f"the host's name {quoted(client['slug'])} is not a slug: use 1 to 50 lower-case letters, digits and "
            "dashes, neither first nor last a dash (for example company-abc)"
        )
    idle = set()
    if client["mai_deployment"] == "native":
        idle.add("mai_image")
    if fault("mai_domain", client["mai_domain"]):
        idle.add("mai_fqdn")  # it is made from the domain
    for variable in RULES:
        found = fault(variable, client[variable]) if variable in client and variable not in idle else None
        if found:
            yield found
    yield from _people.problems(client["mai_users"], client["mai_admin_email"])
    yield from _extra_env.problems(client["mai_extra_env"])
    yield from compose_extra.problems(client["mai_compose_extra"], f"mai-{client['slug'].replace('-', '')}")


def _together(client: Variables) -> t.Iterator[str]:
    """What one variable makes of another."""
    memory, database = client["mai_memory_limit"], client["mai_database"]
    if database == "external" and not client["mai_database_url_given"]:
        yield "mai_database is external, but mai_database_url, which names it, is missing"
    if database != "external" and client["mai_database_url_given"]:
        yield f"mai_database_url is set, and mai_database is {quoted(database)}: set it to external, or leave that out"
    if client["mai_deployment"] == "native":
        if database == "postgresql":
            yield "mai_deployment is native, and mai_database: postgresql runs in Docker: use external, or sqlite"
        if not client["mai_start_command"]:
            yield "mai_deployment is native, but mai_start_command, which starts the instance, is missing"
        if client["mai_compose_extra"]:
            yield "mai_deployment is native, and mai_compose_extra is for Docker: remove one of them"
        # Docker takes 4gb as well, systemd would pass over it
        if isinstance(memory, str) and memory_bytes(memory) and memory.lower().endswith(("kb", "mb", "gb")):
            yield f"mai_memory_limit is {quoted(memory)}: write it as 512m or 4g"
    if client["mai_domain"] and client["mai_fqdn"] in (None, "") and not fault("mai_domain", client["mai_domain"]):
        yield "mai_fqdn is '': leave it out, or give the host name under which mai_domain publishes the instance"
    yield from proxy.problems_together(client)
    yield from _repository_inside(client)
    own, common = client["mai_deployment_dir"], client.get("mai_deployments_dir")
    if is_directory(own) and is_directory(common) and _within(common, own):
        yield (
            f"mai_deployment_dir is {quoted(own)}, which holds mai_deployments_dir {quoted(common)}, where locks and "
            "archives of all clients are: give the client a directory of its own"
        )


def _repository_inside(client: Variables) -> t.Iterator[str]:
    repository, own = client["mai_backup_repository"], client["mai_deployment_dir"]
    if repository and is_directory(repository) and is_directory(own) and _within(repository, own):
        yield "mai_backup_repository lies in mai_deployment_dir, which goes with the client: give it another place"


def _within(path: str, directory: str) -> bool:
    return f"{path}/".startswith(f"{directory}/")


def other_variable(variables: Variables, name: str, default: t.Any = None) -> t.Any:
    """Another client's variable. None where it is made from what only that client's own run knows: not compared."""
    try:
        value = variables.get(name)
        return default if value is None or value == "" else value
    # Within a template Ansible hands out an undefined value, which raises when it is looked at
    except (AnsibleError, jinja2.UndefinedError):
        return None


def key_names(clients: t.Mapping[str, Variables]) -> dict[str, str]:
    """What each client's key is called at OpenRouter, as far as that is known outside of the client's own run."""
    return {str(slug): str(other_variable(one, "mai_key_name") or f"client-{slug}") for slug, one in clients.items()}


# By which way a machine is reached; whether two are one is known for sure only where all of them are alike
WAY = (
    *("ansible_port", "ansible_ssh_port", "ansible_connection", "ansible_user", "ansible_ssh_user"),
    *("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_executable"),
    "ansible_paramiko_proxy_command",
)
LOCAL = ("local", "ansible.builtin.local")


def place_of(slug: str, variables: Variables) -> tuple[t.Any, ...]:
    """Where a client's machine is: one address stands for several behind a port or a jump host."""
    own = {"ansible_port": "22", "ansible_connection": "ssh"}
    way = [str(other_variable(variables, name, own.get(name, ""))) for name in WAY]
    if way[WAY.index("ansible_connection")] in LOCAL:
        return ("127.0.0.1",)  # whoever logs in there
    return (other_variable(variables, "ansible_host", other_variable(variables, "ansible_ssh_host", slug)), *way)


def _directory(slug: str, variables: Variables) -> t.Any:
    common = other_variable(variables, "mai_deployments_dir", DEPLOYMENTS_DIR)
    return other_variable(variables, "mai_deployment_dir", f"{common}/client-{slug}" if is_directory(common) else None)


def _clash_of_directories(client: Variables, slug: str, other: Variables, machine: str) -> t.Iterator[str]:
    own, theirs = client["mai_deployment_dir"], _directory(slug, other)
    if not is_directory(own) or not is_directory(theirs):
        return
    if _within(own, theirs):
        how = "is also that" if own == theirs else "lies in that"
    elif _within(theirs, own):
        how = "holds that"
    else:
        return
    yield f"mai_deployment_dir {quoted(own)} {how} of {slug} on the machine {machine}: give each a directory of its own"


def _database_of(url: t.Any) -> str | None:
    """Host, port and name."""
    where = DATABASE_URL.fullmatch(url) if isinstance(url, str) else None
    if not where:
        return None
    name = url.partition("?")[0].rpartition("/")[2]
    return f"{where['host'].lower()}:{where['port'] or 5432}/{name}"


def _clash_of_repositories(client: Variables, slug: str, other: Variables, same_machine: bool) -> t.Iterator[str]:
    """A path is another one on another machine; what is reached over the network is one for all."""
    own, theirs = client["mai_backup_repository"], other_variable(other, "mai_backup_repository")
    if not own or not isinstance(own, str) or not isinstance(theirs, str):
        return
    local = settings.is_local(own)
    if local and not same_machine:
        return
    if own.rstrip("/") == theirs.rstrip("/"):
        yield f"mai_backup_repository is also that of {slug}: each client needs one of its own"


def neighbour_problems(client: Variables, others: t.Mapping[str, Variables]) -> t.Iterator[str]:
    """What two clients of the inventory cannot both have."""
    own_machine = place_of(client["slug"], others[client["slug"]])
    machine = shown(own_machine[0], 60)
    service = client["slug"].replace("-", "")
    key_name = client["mai_key_name"]
    port = None if fault("mai_port", client["mai_port"]) else int(client["mai_port"])
    database = _database_of(other_variable(others[client["slug"]], "mai_database_url"))
    for slug, other in others.items():
        if slug == client["slug"]:
            continue
        same_machine = own_machine[0] is not None and place_of(slug, other) == own_machine
        if same_machine:
            if port and other_variable(other, "mai_port") in (port, str(port)):
                yield f"mai_port {port} is also that of {slug} on the machine {machine}: choose another"
            if slug.replace("-", "") == service:
                yield f"its container would be called mai-{service}, as that of {slug} on the same machine: rename one"
            yield from _clash_of_directories(client, slug, other, machine)
        if database and _database_of(other_variable(other, "mai_database_url")) == database:
            yield f"mai_database_url names the database of {slug}, too: each needs a database of its own"
        yield from _clash_of_repositories(client, slug, other, same_machine)
        domain = other_variable(other, "mai_domain") if client["mai_domain"] else None
        if (
            isinstance(domain, str)
            and other_variable(other, "mai_fqdn", f"mai-{slug.replace('-', '')}.{domain}") == client["mai_fqdn"]
        ):
            yield f"{shown(client['mai_fqdn'], 253)} is also the address of {slug}: set mai_fqdn of one of them"
        if isinstance(key_name, str) and other_variable(other, "mai_key_name", f"client-{slug}") == key_name:
            yield f"mai_key_name {quoted(key_name)} is also that of {slug}: each needs its own key"


def variable_problems(client: Variables, hostvars: t.Mapping[str, Variables], slugs: t.Sequence[str]) -> list[str]:
    """All that is wrong with the variables of ``client``, seen alone and beside the other clients of the inventory."""
    others = {slug: hostvars[slug] for slug in slugs}
    return [*_alone(client), *_together(client), *neighbour_problems(client, others)]
