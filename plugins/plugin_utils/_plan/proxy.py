# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a client: what Caddy's file for it must hold, whether the client may be published, what to tell.

This is private to the collection. A client is published once its administrator exists and strangers cannot sign up, and
where Caddy has to ask for a certificate, once the name resolves to the machine. What is published stays so until the
inventory says otherwise: a resolver that fails for a moment takes no address from anybody. Another name is taken by the
instance and by Caddy in the same run, or, while it does not resolve, by neither.
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta

import jinja2
from ansible_collections.mai.clients.plugins.module_utils._host_in_url import canonical, family, is_loopback
from ansible_collections.mai.clients.plugins.module_utils._instance.site import served, site_path, tls_path
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import version
from ansible_collections.mai.clients.plugins.plugin_utils._variables import REMOTE, quoted

Values = t.Mapping[str, t.Any]

INTERNAL_ROOT = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
TEMPLATE = "site.caddy.j2"
# The variables that name a file, and what the file is
FILES = {"mai_tls_certificate": "certificate", "mai_tls_key": "key", "mai_acme_ca_root": "root"}
# Those whose own packages bring Caddy
SYSTEMS = ("debian-12", "debian-13", "ubuntu-24.04")
# The first Caddy that can leave web sockets open at a reload
KEEPS_STREAMS = (2, 7)
AGAIN = "then run again"


def wanted(client: Values) -> bool:
    return bool(client["mai_domain"]) and client["mai_proxy"] == "caddy"


def problems_together(client: Values) -> t.Iterator[str]:
    """What the variables of an address are beside each other."""
    tls, domain = client.get("mai_tls", "acme"), client["mai_domain"]
    if not domain or client["mai_proxy"] != "caddy":
        return
    bind = client["mai_bind_address"]
    if isinstance(bind, str) and bind and not is_loopback(canonical(bind)):
        yield (
            f"mai_bind_address is {quoted(bind)}, where people would reach the instance past Caddy, readable on its "
            "way: leave it out, or set mai_proxy to none"
        )
    pair = [name for name in ("mai_tls_certificate", "mai_tls_key") if client.get(name)]
    if tls == "files" and len(pair) < 2:
        yield "mai_tls is files, which takes both mai_tls_certificate and mai_tls_key"
    if tls != "files" and pair:
        yield f"{' and '.join(pair)} {_is(pair)} used with mai_tls: files only: set that, or remove {_it(pair)}"
    named = [name for name in ("mai_acme_email", "mai_acme_directory", "mai_acme_ca_root") if client.get(name)]
    if tls in ("internal", "files") and named:
        yield f"{' and '.join(named)} {_is(named)} used with mai_tls: acme only: set that, or remove {_it(named)}"
    if client.get("mai_acme_ca_root") and not client.get("mai_acme_directory"):
        yield "mai_acme_ca_root is for an ACME directory of your own: set mai_acme_directory, or remove it"


def _is(names: t.Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _it(names: t.Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _used(client: Values) -> dict[str, str]:
    """What each file is that the site needs, and its variable's value."""
    return {
        what: str(client[variable])
        for variable, what in FILES.items()
        if client.get(variable) and (client["mai_tls"] == "acme") == (what == "root")
    }


def machine_files(client: Values) -> dict[str, str]:
    """Where each file that the site needs lies on the machine."""
    if not wanted(client):
        return {}
    brought = controller_files(client)
    files = {
        what: tls_path(client["slug"], "pair" if {"certificate", "key"} <= set(brought) else what)
        if what in brought
        else path[len(REMOTE) :]
        for what, path in _used(client).items()
    }
    return {"root": INTERNAL_ROOT} if client["mai_tls"] == "internal" else files


def controller_files(client: Values) -> dict[str, str]:
    """Those that lie on the controller, and are brought."""
    if not wanted(client):
        return {}
    return {what: path for what, path in _used(client).items() if not path.startswith(REMOTE)}


def as_served(client: Values, seen: Values) -> Values:
    """The client, under the name that it has as long as the next one leads nowhere: people use what Caddy serves."""
    found = seen.get("proxy") or NOTHING
    name = served(found["site"]["lines"]) if found["site"]["ours"] else ""
    if not wanted(client) or name in ("", client["mai_fqdn"]) or not _unresolved(client, found):
        return client
    # A run that knew its record began with the instance, and did not come to Caddy: it is gone on with
    if seen["settings"].get("WEBUI_URL") == sha256(f"https://{client['mai_fqdn']}"):
        return client
    return {**client, "mai_fqdn": name}


def proxy(
    client: Values, seen: Values, instance: Values, suspended: bool, template: str, held: Values | None = None
) -> dict[str, t.Any]:
    """``held`` are the controller's files by what they are, as sha256 and error, and what is wrong with the pair."""
    found, given = seen.get("proxy") or NOTHING, held or {}
    site, awaited, client = found["site"], client, as_served(client, seen)
    # As it was shown, a tab is a sign of its own
    now = "\n".join(site["lines"]).replace("␉", "\t") + "\n" if site["exists"] else ""
    planned: dict[str, t.Any] = {
        "wanted": wanted(client),
        "fqdn": client["mai_fqdn"] if wanted(client) else "",
        # The name that is held back, where it is
        "awaited": awaited["mai_fqdn"] if wanted(client) else "",
        "tls": client.get("mai_tls", "acme"),
        "path": site_path(client["slug"]),
        "exists": site["exists"],
        "text": now,
        "before": now,
        "held": "",
        "problems": [],
        "why": [],
        "text_suspended": None,
        "files": controller_files(client),
        "installs": False,
        "retry": _without(found),
        "forward": forward(client, instance),
        "record": dns_record(awaited, found) if client["mai_domain"] else "",
    }
    if not planned["wanted"]:
        planned["text"] = ""
        if site["exists"] and site["ours"]:
            planned["why"] = ["it is no longer published"]
    elif suspended and not site["exists"]:
        planned["held"] = "the client is suspended"
    else:
        planned["held"] = _held(awaited, client, seen, found, instance)
        if site["exists"] or not planned["held"]:
            planned["problems"] = list(_problems(client, seen, found, given))
            stopped = suspended and not instance["runs"]
            planned["text"] = _rendered(template, client, found, instance, stopped)
            planned["text_suspended"] = _rendered(template, client, found, instance, True)
            planned["why"] = list(_why(planned, found, given))
    planned["due"] = bool(planned["why"])
    planned["installs"] = planned["due"] and bool(planned["text"]) and not found["version"]
    # What holds it back may be gone once the instance runs
    planned["visited"] = planned["due"] or bool(planned["held"] or planned["problems"])
    return planned


# Of a client that has no site, and of a look that was not asked for one
NOTHING: Values = {
    "version": None,
    "unit": False,
    "active": False,
    "imports": False,
    "site": {"exists": False, "ours": False, "pending": False, "sha256": None, "lines": []},
    "files": {},
    "pair_error": None,
    "ports": {},
    "names": [],
    "addresses": [],
    "answer": None,
}


def _rendered(template: str, client: Values, found: Values, instance: Values, suspended: bool) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    environment.filters["quoted"] = caddy_text
    return environment.from_string(template).render(
        slug=client["slug"],
        fqdn=client["mai_fqdn"],
        tls=client["mai_tls"],
        files={"root": None, **({} if client["mai_tls"] == "internal" else machine_files(client))},
        directory=client["mai_acme_directory"],
        email=client["mai_acme_email"],
        upload_limit=client["mai_upload_limit"],
        upstream=instance["local_url"].partition("://")[2],
        keeps_streams=version((found["version"] or "").lstrip("v")) >= KEEPS_STREAMS,
        suspended=suspended,
    )


def caddy_text(value: t.Any) -> str:
    """One word to Caddy."""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _why(planned: Values, found: Values, given: Values) -> t.Iterator[str]:
    """Why Caddy has to be told, in an operator's words."""
    if not found["site"]["exists"]:
        yield "it is not published yet"
    elif sha256(planned["text"]) != found["site"]["sha256"]:
        yield "its site differs"
    elif found["site"]["pending"]:
        yield "Caddy may not have taken its site"
    differing = [what for what in planned["files"] if _digest(given, what) != _digest(found["files"], what)]
    if differing and found["site"]["exists"]:
        yield "the CA's root certificate" if differing == ["root"] else f"another {' or '.join(differing)}"
    if found["site"]["exists"] and not found["imports"]:
        yield "Caddy's configuration does not have it"
    if found["site"]["exists"] and not found["active"]:
        yield "Caddy does not run"
    elif planned["retry"]:
        yield "Caddy has no certificate for it"


def _digest(files: Values, what: str) -> str | None:
    digest: str | None = (files.get(what) or {}).get("sha256")
    return digest


def _without(found: Values) -> bool:
    """Whether Caddy asks for a certificate in vain; its next attempt may be hours away."""
    return bool(found["active"] and found["answer"] and not found["answer"]["certificate"])


def _problems(client: Values, seen: Values, found: Values, given: Values) -> t.Iterator[str]:
    name = client["mai_fqdn"]
    if found["site"]["exists"] and not found["site"]["ours"]:
        yield (
            f"{site_path(client['slug'])} was not made by this collection for {client['slug']}. Nothing of "
            "it is taken over or replaced: put it away by hand"
        )
    for port, holder in found["ports"].items():
        if not holder["caddy"]:
            who = shown(holder["process"] or "a program", 60)
            yield (
                f"port {port} is used by {who} on this machine, and Caddy needs it for https://{name}: stop what is "
                f"there, {AGAIN}; or set mai_proxy to none and let it forward to the instance"
            )
    machine = seen["machine"]
    if not found["version"]:
        system = f"{machine['system_id']}-{machine['system_version']}"
        if not machine["root"]:
            yield "Caddy is missing and the connection is not root's: allow become, or install it"
        elif system not in SYSTEMS:
            yield (
                f"Caddy is missing and {system.replace('-', ' ')} has no package of it: install it yourself, or set "
                "mai_proxy to none"
            )
    elif not found["unit"]:
        yield "Caddy is on the machine, but no systemd unit caddy.service runs it: install the distribution's package"
    elif not machine["root"]:
        yield "the connection is not root's, who alone may change what Caddy serves: allow become"
    yield from _file_problems(client, found, given)


def _file_problems(client: Values, found: Values, given: Values) -> t.Iterator[str]:
    variables = {what: variable for variable, what in FILES.items()}
    broken = False
    for what, path in machine_files(client).items():
        here = what in controller_files(client)
        error = (given.get(what) or {}).get("error") if here else (found["files"].get(what) or {}).get("error")
        if error and path != INTERNAL_ROOT:
            broken = True
            place = "the controller" if here else "the machine"
            yield f"{variables[what]}: {shown(str(client[variables[what]]))} cannot be read on {place}: {shown(error)}"
    pair = given.get("pair_error") if controller_files(client) else found["pair_error"]
    if pair and not broken and client["mai_tls"] == "files":
        yield f"the certificate of {client['mai_fqdn']}: {shown(pair)}"


def _held(awaited: Values, client: Values, seen: Values, found: Values, instance: Values) -> str:
    """Why a client is not published yet, or not under its next name; empty once it may be, or is."""
    if found["site"]["exists"]:
        return "" if client["mai_fqdn"] == awaited["mai_fqdn"] else _unresolved(awaited, found)
    return _nobody(client, seen, instance) or _open(seen, instance) or _unresolved(client, found)


def _nobody(client: Values, seen: Values, instance: Values) -> str:
    if seen["health"]["ok"] and seen["health"]["accounts"] is False:
        return "its people do not sign in, so anybody could use it"
    if administrator(seen) or instance["administrator_due"]:
        return ""
    if not client["mai_admin_email"]:
        return "it has no administrator, and whoever came first would be: set mai_admin_email, " + AGAIN
    return "" if instance["due"] else f"whether it has an administrator is not known: {AGAIN}"


def administrator(seen: Values) -> bool:
    """Whether somebody administers the instance; one without accounts has nobody who does."""
    people = seen["database"].get("administrators")
    if isinstance(people, int):
        return people > 0
    health = seen["health"]
    return bool((seen["database"].get("users") or 0) > 0 or (health["ok"] and health["onboarding"] is False))


def _open(seen: Values, instance: Values) -> str:
    """Of an instance that is about to be started, its settings close the door."""
    closed = (seen["probe"] or {}).get("signup_closed")
    if closed is None and seen["health"]["signup_enabled"] is not None:
        closed = not seen["health"]["signup_enabled"]
    if closed or instance["due"] or instance["administrator_due"]:
        return ""
    if closed is None:
        return f"whether strangers can sign up could not be tried: {AGAIN}"
    return f"strangers can sign up: switch it off under Settings, General, {AGAIN}"


def _unresolved(client: Values, found: Values) -> str:
    if client["mai_tls"] != "acme":
        return ""
    known = {canonical(str(one)) for one in client["mai_public_addresses"] or ()} | {canonical(str(client["machine"]))}
    elsewhere = [one["address"] for one in found["names"] if not one["own"] and canonical(one["address"]) not in known]
    if found["names"] and not elsewhere:
        return ""
    create = f"create the DNS record {dns_record(client, found)}, {AGAIN}"
    if not found["names"]:
        return f"its name does not resolve on the machine: {create}"
    return (
        f"its name resolves to {', '.join(elsewhere)}, which the machine does not have, and no certificate would come: "
        f"{create}; behind a router or a load balancer, name its address in mai_public_addresses"
    )


def dns_record(client: Values, found: Values) -> str:
    """The record to create, by the addresses that are known from outside, else by those of the machine."""
    machine = str(client["machine"])
    given = [str(one) for one in client.get("mai_public_addresses") or ()]
    known = given or ([machine] if family(machine) and not is_loopback(machine) else list(found["addresses"]))
    records = [f"{client['mai_fqdn']} {'AAAA' if family(one) == 6 else 'A'} {one}" for one in known]
    return " and ".join(records) or f"{client['mai_fqdn']} A (the machine's public address)"


def forward(client: Values, instance: Values) -> list[str]:
    """What somebody else's proxy has to do for this instance."""
    if not client["mai_domain"] or client["mai_proxy"] != "none":
        return []
    bind = instance["bind"]
    place = instance["local_url"].partition("://")[2]
    if not is_loopback(bind):
        place += f", or port {client['mai_port']} of {shown(client['machine'])}"
    return [
        f"https://{client['mai_fqdn']} to http://{place}; http:// to https://",
        "Host unchanged; X-Forwarded-For, X-Forwarded-Proto (https) and X-Forwarded-Host as it sees them",
        "HTTP/1.1 with Upgrade and Connection for /ws/, or chats stay empty",
        "no buffering of answers, at least 10 minutes without a byte, requests up to "
        f"{client.get('mai_upload_limit', '1GB')}",
    ]


def sentences(client: Values, planned: Values) -> t.Iterator[str]:
    """What a run would do."""
    url = f"https://{planned['fqdn']}"
    if not planned["text"]:
        yield f"Would no longer publish the client: {planned['path']} goes."
    elif not planned["exists"]:
        yield f"Would publish {url}, once the client has an administrator and strangers cannot sign up."
    else:
        yield f"Would have Caddy serve {url} anew: {', '.join(planned['why'])}."


# ---------------------------------------------------------------------------------------------------------------------
# Whether it works

HOSTNAME_MISMATCH, EXPIRED = 62, 10
LONGEST_ALARM = timedelta(days=14)


def expected(client: Values, planned: Values, suspended: bool, now: datetime) -> dict[str, t.Any]:
    """What its checks are made with."""
    return {
        "site": {name: planned[name] for name in ("fqdn", "awaited", "tls", "held", "exists")},
        "off": suspended,
        "now": now,
    }


def https(seen: Values, wants: Values) -> tuple[str, str]:
    """The address, as it answers on its own machine."""
    site = wants["site"]
    status, detail = _https(seen, wants)
    if site["held"] and site["exists"] and status == "ok":
        return "unknown", f"https://{site['fqdn']} is served, and https://{site['awaited']} not yet: {site['held']}"
    return status, detail


def _https(seen: Values, wants: Values) -> tuple[str, str]:
    site, url = wants["site"], f"https://{wants['site']['fqdn']}"
    found = seen["proxy"] or NOTHING
    answer = found["answer"]
    if site["held"] and not site["exists"]:
        return "unknown", f"{url} is not published yet: {site['held']}"
    if wants["off"]:
        return "ok", f"{url} says that the service is suspended, or what is there goes on"
    if not answer:
        return "failed", f"{url} is not published: run onboard_client.yml"
    if not found["active"]:
        return "failed", f"Caddy does not run, so {url} does not answer: see systemctl status caddy on the machine"
    if not answer["certificate"]:
        said = answer["complaint"] or answer["error"] or "it says nothing about that"
        return "failed", f"Caddy has no certificate for {url}: {said}"
    if not answer["verified"] and answer["code"] in (HOSTNAME_MISMATCH, EXPIRED):
        return "failed", f"the certificate of {url} is of no use: {answer['reason']}"
    if seen["probe"] is not None and not _healthy(answer["status"]):
        return "failed", f"{url} answers with {answer['status'] or 'nothing'}: Caddy does not reach the instance"
    ends = answer["certificate"]["not_after"]
    if _ends_soon(answer["certificate"], wants["now"]):
        return "failed", f"the certificate of {url} ends {ends}: {_renewal(site['tls'], answer['complaint'])}"
    if not answer["verified"]:
        issuer = answer["certificate"]["issuer"] or "no issuer"
        return "unknown", f"{url} answers, with a certificate of {issuer} that its machine does not know"
    return "ok", f"{url} answers, its certificate is good until {ends}"


def _healthy(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _ends_soon(certificate: Values, now: datetime) -> bool:
    """Within two weeks, or the last sixth of one that is made for hours: Caddy renews at the last third."""
    begin, end = (datetime.fromisoformat(str(certificate[name]).replace("Z", "+00:00")) for name in VALIDITY)
    return end - now < min(LONGEST_ALARM, (end - begin) / 6)


VALIDITY = ("not_before", "not_after")


def _renewal(tls: str, complaint: str | None) -> str:
    if tls == "files":
        return "give another as mai_tls_certificate and mai_tls_key, and run onboard_client.yml"
    return f"Caddy could not renew it: {complaint or 'see journalctl -u caddy on the machine'}"


def websocket(seen: Values, wants: Values) -> tuple[str, str]:
    """Without them the page loads, and chats stay empty."""
    answer = (seen["proxy"] or NOTHING)["answer"]
    if wants["site"]["held"] and not wants["site"]["exists"]:
        return "ok", "it is not published yet"
    if wants["off"] or not answer or answer["status"] is None:
        return ("ok", "the client is suspended") if wants["off"] else ("unknown", "the address does not answer")
    if answer["websocket"] == SWITCHING:
        return "ok", "web sockets pass the proxy"
    if answer["websocket_direct"] != SWITCHING:
        return "unknown", "the instance has no web sockets that could be tried"
    return "failed", f"web sockets do not pass the proxy (HTTP {answer['websocket']}), so chats stay empty"


SWITCHING = 101
