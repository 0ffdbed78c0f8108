# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each variable of a client may be: RULES, one line each. What passes here fails nowhere later.

Values come as YAML, an inventory program or a survey gives them, so a rule says no to any type that it does not name:
``yes`` is not 1, and digits are 0 to 9 (Python takes those of any script, Docker and systemd do not). An empty answer
of a survey counts as none wherever none is possible, but for the limit, where none is expensive.
"""

from __future__ import annotations

import ipaddress
import math
import re
import typing as t

from ansible_collections.mai.clients.plugins.module_utils import _envfile
from ansible_collections.mai.clients.plugins.module_utils._backup import settings
from ansible_collections.mai.clients.plugins.module_utils._host_in_url import is_loopback
from ansible_collections.mai.clients.plugins.module_utils._instance import credentials
from ansible_collections.mai.clients.plugins.module_utils._secret import LOOKS_SECRET, MASK
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._breaking_changes import collection_version
from ansible_collections.mai.clients.plugins.plugin_utils._plan import version

# Of a variable and its value: what is wrong, for a person; None if nothing is.
Rule = t.Callable[[str, t.Any], "str | None"]
Fits = t.Callable[[t.Any], bool]

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
# How Ansible reaches a machine: its host name, or its address
MACHINE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|(?=.*:)[0-9A-Fa-f:.]{2,45}")
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# No leading zero: Compose would read an octal number. No exponent: nobody means 1e-300.
NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+")
WHOLE = re.compile(r"[1-9][0-9]{0,8}")
MEMORY = re.compile(r"([0-9]{1,15}) ?(?:([kmg])b?|b)?", re.IGNORECASE | re.ASCII)
LEAST_MEMORY = 6 * 1024**2  # Docker's

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A browser takes a name whose end is a number for an IPv4 address
_TOP = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
# Who writes "none" means no domain, and has to leave it out
DOMAIN = re.compile(rf"(?!(?:none|null|true|false)$)(?:{_LABEL}\.)*{_TOP}")
FQDN = re.compile(rf"(?:{_LABEL}\.)+{_TOP}")

_SERVER = r"(?P<host>[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
# Python's resolver raises for what is no label
_SERVER_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# Open WebUI separates several URLs by semicolons
_PATH = r"(?:/[A-Za-z0-9._~%:+/-]*)?"
URL = re.compile(rf"https?://{_SERVER}{_PATH}")
# What the instance's drivers, this collection's and PostgreSQL's own programs take alike
_ENCODED = r"(?:[A-Za-z0-9._~!*'()-]|%[0-9A-Fa-f]{2})+"
DATABASE_URL = re.compile(
    rf"postgres(?:ql)?(?:\+psycopg2?)?://{_ENCODED}(?::{_ENCODED})?@{_SERVER}/[A-Za-z0-9_-]{{1,63}}"
    r"(?:\?(?P<query>[A-Za-z0-9_]+=[A-Za-z0-9._~%:/-]*(?:&[A-Za-z0-9_]+=[A-Za-z0-9._~%:/-]*)*))?"
)
DATABASE_OPTIONS = {
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslsni", "ssl_min_protocol_version", "channel_binding"),
    *("connect_timeout", "application_name", "target_session_attrs", "options"),
}
REGISTRY = re.compile(rf"(?:https?://)?{_SERVER}{_PATH}")
# What urllib, which the container's check uses, sends as it stands; it drops what follows '#'
HEALTH_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")

_REPOSITORY = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
IMAGE = re.compile(
    rf"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?/)?"
    rf"{_REPOSITORY}(?:/{_REPOSITORY})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[A-Za-z0-9+._-]+:[0-9A-Fa-f]+)?"
)
# A directory on the machine is part of a systemd unit, of Docker's volumes (':'), of Ansible's lists of paths (',') and
# of paths in which Ansible expands variables ('$').
DIRECTORY = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w .@%+=~-]{1,255})+")
_LONGEST_PATH = 1000
ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]*")
UPLOAD = re.compile(r"[1-9][0-9]{0,5}[MG]B")
# What follows is a path on the machine, not on the controller
REMOTE = "remote:"

# Where a backup goes. They become words of ssh's command line, so none begins with a dash
SFTP = re.compile(
    r"sftp:(?://)?(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}@)?(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}|\[[0-9A-Fa-f:.]+\])"
    r"(?::[0-9]{1,5})?[:/][A-Za-z0-9._~%+/@=-]+"
)
S3 = re.compile(rf"(?:https?://)?{_SERVER}/[A-Za-z0-9._~%:+/-]+")
CALENDAR = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?|[A-Z*][A-Za-z0-9*:,./~ -]{2,100}", re.ASCII)
SPAN = re.compile(r"(?:0|[1-9][0-9]{0,4} ?(?:s|sec|min|m|h))")


def quoted(value: t.Any) -> str:
    """A value as a message shows it: one short line, no secret that came there by mistake, nothing of a structure."""
    if isinstance(value, t.Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "a list"
    try:
        text = str(value)
    except ValueError:
        return "a number of thousands of digits"
    if "://" in text and any(sign in text for sign in "@?#"):
        return "a URL that may hold a secret"
    return f"'{shown(LOOKS_SECRET.sub(MASK, text[:1000]), 60)}'"


def number(value: t.Any) -> float | None:
    """A number, or a text that is one in plain decimal notation; None for anything else."""
    if isinstance(value, bool):
        return None
    plain = isinstance(value, str) and NUMBER.fullmatch(value.strip(" "))
    if not plain and not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def money(value: t.Any) -> float | None:
    """A limit as a number; None for no limit. Raises ValueError for anything else, an empty text too."""
    if value is None or (isinstance(value, str) and value.strip().lower() == "none"):
        return None
    found = number(value)
    if found is None:
        raise ValueError("no number")
    if not 0.01 <= found < 1e9:
        raise ValueError("out of range")
    return found


def memory_bytes(limit: t.Any) -> int | None:
    """Bytes of a memory limit as Docker writes it (``512m``, ``4g``); None when it is not one."""
    if isinstance(limit, int) and not isinstance(limit, bool):
        return limit if 0 < limit < 10**15 else None
    match = MEMORY.fullmatch(limit) if isinstance(limit, str) else None
    if not match or int(match.group(1)) == 0:
        return None
    return int(match.group(1)) * 1024 ** " kmg".index((match.group(2) or " ").lower())


def carried_fault(value: t.Any) -> str | None:
    """What keeps a value from being in the instance's environment; the sentence never holds the value."""
    try:
        _envfile.format_value(_envfile.to_text(value))
    except ValueError as error:
        return str(error)
    return None


def database_url_fault(value: t.Any, in_container: bool) -> str:
    """What is wrong with the URL of a PostgreSQL database, without a word of it; empty if nothing is."""
    if value is None or value == "":
        return ""
    wish = "give postgresql://USER:PASSWORD@HOST:PORT/NAME, special characters of the password percent-encoded"
    match = DATABASE_URL.fullmatch(value) if isinstance(value, str) and len(value) < 2000 else None
    if not match or not _server_fits(match):
        return wish
    unknown = sorted({name.partition("=")[0] for name in (match["query"] or "").split("&") if name} - DATABASE_OPTIONS)
    if unknown:
        return f"{quoted(unknown[0])} after its '?' is none of {', '.join(sorted(DATABASE_OPTIONS))}"
    if in_container and (is_loopback(match["host"].strip("[]")) or match["host"] == "localhost"):
        return (
            "in the instance's container localhost is the container itself: give an address of the machine that "
            "containers reach, or use mai_database: postgresql"
        )
    return ""


def secret_fault(value: t.Any) -> str:
    """What is wrong with a password, without a word of it; empty if nothing is, or there is none."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        return "it is not text: write it in quotes"
    return carried_fault(value) or ""


# ---------------------------------------------------------------------------------------------------------------------
# What fits


def _text(pattern: re.Pattern[str], longest: int = 255) -> Fits:
    return lambda value: isinstance(value, str) and len(value) <= longest and bool(pattern.fullmatch(value))


def _line(longest: int) -> Fits:
    """Text on one line, not blank, every character of which is seen."""

    def fits(value: t.Any) -> bool:
        return (
            isinstance(value, str)
            and 0 < len(value) <= longest
            and not value.isspace()
            and shown(value, longest) == value
        )

    return fits


def _whole(least: int, most: int) -> Fits:
    def fits(value: t.Any) -> bool:
        if isinstance(value, str):
            return bool(WHOLE.fullmatch(value)) and least <= int(value) <= most
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return fits


def _between(least: float, most: float) -> Fits:
    def fits(value: t.Any) -> bool:
        found = number(value)
        return found is not None and least <= found <= most

    return fits


def is_limit(value: t.Any) -> bool:
    try:
        money(value)
    except ValueError:
        return False
    return True


def _memory(value: t.Any) -> bool:
    return (memory_bytes(value) or 0) >= LEAST_MEMORY


def _key_name(value: t.Any) -> bool:
    """A name with blanks around it may come back without them, and would never be found again."""
    return _line(100)(value) and "~" not in value and value.strip() == value


def _command(value: t.Any) -> bool:
    """The line break with which YAML ends a block is no second line."""
    return isinstance(value, str) and _line(10_000)(value.rstrip("\n").replace("\t", " "))


def _bind_address(value: t.Any) -> bool:
    """Of a machine: not of a group, and without the name of an interface, which Docker does not take."""
    if not isinstance(value, str) or "%" in value:
        return False
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    # An IPv6 address of a link means nothing without its interface
    unusable = address.is_reserved if address.version == 4 else address.is_link_local
    return not (address.is_multicast or unusable)


def _addresses(value: t.Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_bind_address, value))


def _pem_file(value: t.Any) -> bool:
    """On the machine it is part of Caddy's configuration, which has signs of its own."""
    if isinstance(value, str) and value.startswith(REMOTE):
        return is_directory(value[len(REMOTE) :])
    return _line(_LONGEST_PATH)(value)


def _server(pattern: re.Pattern[str]) -> Fits:
    """A pattern with host and port in it, and both are possible."""

    def fits(value: t.Any) -> bool:
        match = pattern.fullmatch(value) if isinstance(value, str) and len(value) <= 500 else None
        return bool(match) and _server_fits(match)

    return fits


def _server_fits(match: re.Match[str]) -> bool:
    if not 1 <= int(match.group("port") or 1) <= 65535:
        return False
    host = match.group("host")
    if host.startswith("["):
        return ":" in host and _bind_address(host[1:-1])
    return all(_SERVER_LABEL.fullmatch(label) for label in host.split("."))


def is_directory(value: t.Any) -> bool:
    return _text(DIRECTORY, _LONGEST_PATH)(value) and all(len(part.encode()) <= 255 for part in value.split("/"))


def is_switch(value: t.Any) -> bool:
    """As YAML has it, or as text: a survey and the environment know nothing else."""
    return value in (0, 1) or (isinstance(value, str) and value.lower() in ("true", "false", "yes", "no", "on", "off"))


# ---------------------------------------------------------------------------------------------------------------------
# What is said


def _is(variable: str, value: t.Any) -> str:
    return f"{variable} is {quoted(value)}"


def _is_place(variable: str, value: t.Any) -> str:
    """A URL without its scheme can hold a password, too."""
    if isinstance(value, str) and any(sign in value for sign in "@?#"):
        return f"{variable} has more than host, port and path (not shown, a secret may be in it)"
    return _is(variable, value)


def _is_hidden(variable: str, _value: t.Any) -> str:
    return f"{variable} is not shown, a secret may be in it"


def _wants(
    fits: Fits,
    wish: str,
    optional: bool = False,
    missing: str | None = None,
    subject: t.Callable[[str, t.Any], str] = _is,
) -> Rule:
    """A rule with one sentence; ``missing`` is what is said of a value that was not given, where one has to be."""

    def rule(variable: str, value: t.Any) -> str | None:
        if value is None or value == "":
            if optional:
                return None
            if missing:
                return f"{variable} is missing: {missing}"
        return None if fits(value) else f"{subject(variable, value)}: {wish}"

    return rule


def _one_of(*choices: str) -> Rule:
    return _wants(lambda value: isinstance(value, str) and value in choices, f"give one of {', '.join(choices)}")


def _bare(value: t.Any) -> str:
    """What is no text, without the quotes that it lacks."""
    return quoted(value).strip("'\"")


def _name(wish: str, said: str) -> Rule:
    """Any text that the instance's environment carries, on one or several lines."""

    def rule(variable: str, value: t.Any) -> str | None:
        if value is not None and not isinstance(value, str):
            return f"{variable} is {_bare(value)}, which YAML reads as another thing than text: write it in quotes"
        if not value or not value.strip():
            return f"{variable} is {said}: {wish}"
        if len(value) > 200:
            return f"{variable} must have at most 200 characters"
        fault = carried_fault(value)
        return f"{variable}: {fault}" if fault else None

    return rule


def _password(variable: str, fault: t.Any) -> str | None:
    """Of what secret_fault said; the password itself is not among what is looked at."""
    return f"{variable.removesuffix('_fault')}: {shown(fault)}" if fault else None


def _backup_fault(_variable: str, fault: t.Any) -> str | None:
    """Of what backup_fault said; the passwords are not among what is looked at."""
    return shown(fault, 1000) if fault else None


def _keep(value: t.Any) -> bool:
    return isinstance(value, t.Mapping) and all(
        name in settings.KEEPS and _whole(1, 1000)(number) for name, number in value.items()
    )


def _repository(value: t.Any) -> bool:
    """No user's password in it: it is shown in every report."""
    if not isinstance(value, str) or not _line(500)(value):
        return False
    if settings.is_local(value):
        return is_directory(value)
    scheme, _colon, rest = value.partition(":")
    if scheme == "sftp":
        return bool(SFTP.fullmatch(value))
    if scheme == "s3":
        return bool(S3.fullmatch(rest)) and _server(URL)(rest if "://" in rest else f"https://{rest}")
    return _server(URL)(rest)


def _validated_version(variable: str, value: t.Any) -> str | None:
    found = version.fault(value, collection_version())
    return f"{_is(variable, value)}{found}" if found else None


def _password_bytes(variable: str, size: t.Any) -> str | None:
    if not isinstance(size, int) or size <= credentials.LONGEST_PASSWORD:
        return None
    return (
        f"{variable.removesuffix('_bytes')} has {size} bytes: at most {credentials.LONGEST_PASSWORD}, or the instance "
        "would create no administrator at all"
    )


_EMAIL = _wants(credentials.is_address, "give one e-mail address, or leave it out", optional=True)
_API = _wants(
    _server(URL),
    "give an http:// or https:// URL of host, port and path, without user, password, '?' or blanks",
    subject=_is_place,
)
_DIRECTORY = _wants(
    is_directory,
    "give an absolute path of a directory that is not '/': letters, digits, blanks and . _ @ % + = ~ - between single "
    "slashes, none at its end, no '..'",
)

_PEM_FILE = _wants(
    _pem_file,
    "give the path of a PEM file on the controller, or remote: and an absolute path on the machine; or leave it out",
    optional=True,
)

RULES: dict[str, Rule] = {
    # The client
    "mai_client_name": _name("set the organisation's display name in host_vars", said="missing"),
    "mai_client_id": _wants(
        _text(IDENTIFIER),
        "use at most 64 letters, digits, '-', '_' and '.', the first a letter or digit (a number in quotes)",
    ),
    "mai_key_name": _wants(_key_name, "use 1 to 100 characters on one line, without '~' and blanks around it"),
    "mai_monthly_limit": _wants(
        is_limit, "give USD per month as a number of 0.01 or more, as in 12.50, or leave it out for no limit"
    ),
    "mai_markup_rate": _wants(_between(0.001, 100), "give a factor above 0, at most 100 (1.3 = 30 % on top)"),
    "mai_billing_email": _EMAIL,
    # Its first administrator
    "mai_admin_email": _EMAIL,
    "mai_admin_name": _name("give the name as text, or leave it out", said="no name"),
    "mai_admin_password_fault": _password,
    "mai_admin_password_bytes": _password_bytes,
    # Its instance
    "mai_deployment": _one_of("docker", "native"),
    "mai_image": _wants(_text(IMAGE), "give the image as name:tag, the name in lower case"),
    "mai_image_pull": _one_of("missing", "always", "never"),
    "mai_image_archive": _wants(_line(_LONGEST_PATH), "give the path of a file, or leave it out", optional=True),
    "mai_registry_url": _wants(
        _server(REGISTRY),
        "give the registry as host:port, without user and password, or leave it out",
        optional=True,
        subject=_is_place,
    ),
    "mai_registry_username": _wants(_line(200), "give the name as text on one line, or leave it out", optional=True),
    "mai_registry_password_fault": _password,
    "mai_start_command": _wants(
        _command, "give one command on one line, without control characters", optional=True, subject=_is_hidden
    ),
    "mai_native_service": _one_of("auto", "systemd", "process"),
    "mai_native_user": _wants(
        _text(ACCOUNT, 32), "give the name of a user of its machine, or root, or leave it out", optional=True
    ),
    "mai_port": _wants(
        _whole(1024, 65535),
        "give a number from 1024 to 65535",
        missing="choose a port of its machine that no other client there has (1024 to 65535)",
    ),
    "mai_bind_address": _wants(_bind_address, "give an IP address of its machine, or leave it out", optional=True),
    "mai_deployments_dir": _DIRECTORY,
    "mai_deployment_dir": _DIRECTORY,
    "mai_health_path": _wants(
        _text(HEALTH_PATH), "it must begin with '/' and have no blanks, no '#' and nothing but ASCII (é is %C3%A9)"
    ),
    "mai_health_timeout": _wants(_whole(1, 86400), "give seconds, from 1 to 86400"),
    "mai_memory_limit": _wants(_memory, "write it as 512m or 4g, at least 6m, or leave it out", optional=True),
    "mai_cpu_limit": _wants(
        _between(0.01, 4096), "give a number of cores, 0.01 or more, or leave it out", optional=True
    ),
    "mai_docker_packages": _one_of("auto", "distribution", "docker", "none"),
    # Its database
    "mai_database": _one_of("sqlite", "postgresql", "external"),
    "mai_database_url_fault": _password,
    "mai_database_image": _wants(_text(IMAGE), "give the image as name:tag, the name in lower case"),
    "mai_database_image_archive": _wants(
        _line(_LONGEST_PATH), "give the path of a file, or leave it out", optional=True
    ),
    "mai_database_driver": _one_of("psycopg2", "psycopg"),
    "mai_database_create_table": _wants(is_switch, "give true or false"),
    "mai_timestamp_unit": _one_of("auto", "ms", "s"),
    # Its address
    "mai_domain": _wants(
        _text(DOMAIN, 253), "it is not a host name; give one such as example.org, or leave it out", optional=True
    ),
    "mai_fqdn": _wants(_text(FQDN, 253), "it is not a host name; check mai_domain", optional=True),
    "mai_proxy": _one_of("caddy", "none"),
    "mai_tls": _one_of("acme", "internal", "files"),
    "mai_tls_certificate": _PEM_FILE,
    "mai_tls_key": _PEM_FILE,
    "mai_acme_email": _EMAIL,
    "mai_acme_directory": _wants(
        _server(URL),
        "give an http:// or https:// URL of host, port and path, or leave it out for Let's Encrypt",
        optional=True,
        subject=_is_place,
    ),
    "mai_acme_ca_root": _PEM_FILE,
    "mai_public_addresses": _wants(_addresses, "give a list of IP addresses, such as [203.0.113.7]", optional=True),
    "mai_upload_limit": _wants(_text(UPLOAD), "write it as 200MB or 1GB"),
    # Its backups
    "mai_backup_repository": _wants(
        _repository,
        "give an absolute path, sftp:user@host:/path, rest:https://host/path or s3:https://host/bucket, without a "
        "password in it (mai_backup_environment has those), or leave it out",
        optional=True,
        subject=_is_place,
    ),
    "mai_backup_password_fault": _backup_fault,
    "mai_backup_time": _wants(
        _text(CALENDAR), "give a time as '03:00' (in quotes), or a calendar expression of systemd as 'Mon..Fri 02:30'"
    ),
    "mai_backup_random_delay": _wants(_text(SPAN), "give a span of time as 30min or 1h, or 0"),
    "mai_backup_keep": _wants(_keep, "give numbers for daily, weekly and monthly, or {} to keep everything"),
    "mai_usage_history": _wants(is_switch, "give true or false"),
    "mai_backup_metrics_dir": _wants(is_directory, "give the path of a directory, or leave it out", optional=True),
    # OpenRouter
    "openrouter_base_url": _API,
    "mai_instance_api_base_url": _API,
    # What the inventory was checked for
    "mai_validated_version": _validated_version,
    # The record of what was handed over
    "mai_handover_dir": _wants(_line(_LONGEST_PATH), "give the path of a directory on the controller, on one line"),
}


def fault(variable: str, value: t.Any) -> str | None:
    """What is wrong with one variable, seen alone."""
    return RULES[variable](variable, value)
