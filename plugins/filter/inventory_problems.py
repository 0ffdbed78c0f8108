# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with one client's variables, said for a person, all of it at once."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.mai.clients.plugins.module_utils import _envfile

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
EMAIL = re.compile(r"[^@\s\"'<>,;:]+@[^@\s\"'<>,;:]+\.[^@\s\"'<>,;:.]+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MEMORY = re.compile(r"(\d+)\s*([bkmg]?)b?", re.IGNORECASE)
IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}")
FQDN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
OWNED_VARIABLES = ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "WEBUI_SECRET_KEY", "WEBUI_ADMIN_PASSWORD")


def memory_bytes(text: str) -> int | None:
    """Bytes of a memory limit as Docker writes it (``512m``, ``4g``); None when it is not one."""
    match = MEMORY.fullmatch(str(text).strip())
    if not match or int(match.group(1)) == 0:
        return None
    return int(match.group(1)) * 1024 ** " kmg".index(match.group(2).lower() or " ")


def money(value: t.Any) -> float | None:
    """A limit as a number; None for no limit. Raises ValueError for anything else, an empty text too."""
    if value is None or (isinstance(value, str) and value.strip().lower() == "none"):
        return None
    if isinstance(value, bool):
        raise ValueError("a yes or no")
    number = float(value)
    if not 0 < number < 1e9:
        raise ValueError("out of range")
    return number


def _one_line(text: t.Any) -> str:
    shown = str(text)
    return repr(shown if len(shown) <= 60 else shown[:57] + "…")


def _is_address(text: t.Any) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _uncarriable(variable: str, value: t.Any) -> t.Iterator[str]:
    """What cannot be in the instance's environment; the message never holds the value."""
    try:
        _envfile.format_value(_envfile.to_text(value))
    except ValueError as error:
        yield f"{variable}: {error}"


def _identity(client: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    if not SLUG.fullmatch(client["slug"]):
        yield (
            f"the host's name {_one_line(client['slug'])} is not a slug: use 1 to 50 lower-case letters, digits and "
            "dashes, neither first nor last a dash (for example company-abc)"
        )
    name = client["mai_client_name"]
    if not isinstance(name, str) or not name.strip():
        yield "mai_client_name is missing: set the organisation's display name in host_vars"
    elif len(name) > 200:
        yield "mai_client_name must have at most 200 characters"
    else:
        yield from _uncarriable("mai_client_name", name)
    yield from _uncarriable("mai_admin_name", client["mai_admin_name"])
    if not IDENTIFIER.fullmatch(str(client["mai_client_id"] or "")):
        yield (
            f"mai_client_id is {_one_line(client['mai_client_id'])}: use at most 64 letters, digits, '-', '_' and '.', "
            "the first a letter or digit"
        )
    key_name = str(client["mai_key_name"] or "")
    if not key_name.strip() or len(key_name) > 100 or "\n" in key_name or "~" in key_name:
        yield f"mai_key_name is {_one_line(key_name)}: use 1 to 100 characters on one line, without '~'"


def _money(client: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    try:
        money(client["mai_monthly_limit"])
    except (TypeError, ValueError):
        yield (
            f"mai_monthly_limit is {_one_line(client['mai_monthly_limit'])}: give USD per month as a number above 0, "
            "or leave it out for no limit"
        )
    try:
        rate = float(client["mai_markup_rate"])
    except (TypeError, ValueError):
        rate = -1.0
    if not 0 < rate <= 100:
        shown = _one_line(client["mai_markup_rate"])
        yield f"mai_markup_rate is {shown}: give a factor above 0, at most 100 (1.3 = 30 % on top)"
    for variable in ("mai_billing_email", "mai_admin_email"):
        value = client[variable]
        if value is not None and not EMAIL.fullmatch(str(value)):
            yield f"{variable} is {_one_line(value)}: give one e-mail address, or leave it out"
    if client["mai_admin_password_bytes"] > 72:
        yield (
            f"mai_admin_password has {client['mai_admin_password_bytes']} bytes: at most 72, or the instance would "
            "create no administrator at all"
        )


def _address(client: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    port = client["mai_port"]
    if port is None or port == "":
        yield "mai_port is missing: choose a port of its machine that no other client there has (1024 to 65535)"
    elif not str(port).isdecimal() or not 1024 <= int(port) <= 65535:
        yield f"mai_port is {_one_line(port)}: give a number from 1024 to 65535"
    if client["mai_bind_address"] is not None and not _is_address(client["mai_bind_address"]):
        yield f"mai_bind_address is {_one_line(client['mai_bind_address'])}: give an IP address, or leave it out"
    if not str(client["mai_deployment_dir"]).startswith("/"):
        yield f"mai_deployment_dir is {_one_line(client['mai_deployment_dir'])}: give an absolute path"
    if not str(client["mai_health_path"]).startswith("/"):
        yield f"mai_health_path is {_one_line(client['mai_health_path'])}: it must begin with '/'"
    if client["mai_domain"] and not FQDN.fullmatch(str(client["mai_fqdn"])):
        yield f"mai_fqdn is {_one_line(client['mai_fqdn'])}: it is not a host name; check mai_domain"
    for variable in ("openrouter_base_url", "mai_instance_api_base_url"):
        url = urlsplit(str(client[variable]))
        if url.scheme not in ("http", "https") or not url.hostname:
            yield f"{variable} is {_one_line(client[variable])}: give an http:// or https:// URL"


def _deployment(client: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    if client["mai_deployment"] == "native":
        if not client["mai_start_command"]:
            yield "mai_deployment is native, but mai_start_command, which starts the instance, is missing"
    elif not IMAGE.fullmatch(str(client["mai_image"] or "")):
        yield f"mai_image is {_one_line(client['mai_image'])}: give the image as name:tag"
    if client["mai_memory_limit"] and memory_bytes(client["mai_memory_limit"]) is None:
        yield f"mai_memory_limit is {_one_line(client['mai_memory_limit'])}: write it as 512m or 4g"
    if client["mai_database"] != "sqlite":
        yield f"mai_database is {client['mai_database']}: this release sets up sqlite only"
    if not isinstance(client["mai_extra_env"], t.Mapping):
        yield "mai_extra_env must be a mapping of names to values"
        return
    for name, value in client["mai_extra_env"].items():
        if not VARIABLE.fullmatch(str(name)):
            yield f"mai_extra_env has the name {_one_line(name)}: use letters, digits and '_' only"
        elif name in OWNED_VARIABLES:
            yield f"mai_extra_env must not set {name}: the collection keeps it in a file of its own on the target"
        elif isinstance(value, (list, t.Mapping)):
            yield f'mai_extra_env.{name} is a structure: write it as one text (for JSON: "{{{{ … | to_json }}}}")'
        elif value is not None:
            yield from _uncarriable(f"mai_extra_env.{name}", value)


def _neighbours(client: t.Mapping[str, t.Any], others: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.Iterator[str]:
    mine = others[client["slug"]]
    machine = mine.get("ansible_host") or client["slug"]
    service = client["slug"].replace("-", "")
    for slug, other in others.items():
        if slug == client["slug"]:
            continue
        same_machine = (other.get("ansible_host") or slug) == machine
        if same_machine and str(other.get("mai_port")) == str(client["mai_port"]):
            yield f"mai_port {client['mai_port']} is also that of {slug} on the machine {machine}: choose another"
        if same_machine and slug.replace("-", "") == service:
            yield f"its container would be called mai-{service}, as that of {slug} on the same machine: rename one"
        domain = other.get("mai_domain")
        if client["mai_domain"] and domain:
            fqdn = other.get("mai_fqdn") or f"mai-{slug.replace('-', '')}.{domain}"
            if fqdn == client["mai_fqdn"]:
                yield f"{fqdn} is also the address of {slug}: set mai_fqdn of one of them"
        if str(other.get("mai_key_name") or f"client-{slug}") == str(client["mai_key_name"]):
            yield f"mai_key_name {_one_line(client['mai_key_name'])} is also that of {slug}: each needs its own key"


def inventory_problems(
    client: t.Mapping[str, t.Any], hostvars: t.Mapping[str, t.Mapping[str, t.Any]], slugs: t.Sequence[str]
) -> list[str]:
    """All that is wrong with the variables of ``client``, seen alone and beside the other clients of the inventory."""
    problems = [*_identity(client), *_money(client), *_address(client), *_deployment(client)]
    problems += _neighbours(client, {slug: hostvars[slug] for slug in slugs})
    return problems


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "inventory_problems": inventory_problems,
            "byte_length": lambda text: len(str(text).encode()),
            "money": money,
        }
