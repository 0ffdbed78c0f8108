# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's site: Caddy, its configuration, the name, and what comes back through it. Nothing is changed.

A client that is not published, and has no site, costs one look for a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import ssl

from ansible_collections.mai.clients.plugins.module_utils import _certificate
from ansible_collections.mai.clients.plugins.module_utils._confined import Confined, Refused
from ansible_collections.mai.clients.plugins.module_utils._instance import private_file, system

DIRECTORY = "/etc/caddy/mai.d"
CONFIG = "/etc/caddy/Caddyfile"
UNIT = "caddy.service"
MARK = "# mai.clients.client: "
PORTS = (80, 443)
WEBSOCKET = "/ws/socket.io/?EIO=4&transport=websocket"
_MOST_LINES = 400
_MOST_BYTES = 256 * 1024
_PROPERTIES = "LoadState,ActiveState,MainPID,User"


def site_path(client: str) -> str:
    return os.path.join(DIRECTORY, f"{client}.caddy")


def pending_path(client: str) -> str:
    """A file that is there as long as Caddy may not have what the site's file says."""
    return os.path.join(DIRECTORY, f".{client}.pending")


TLS = {"certificate": "crt", "key": "key", "pair": "pem", "root": "root.crt"}


def tls_path(client: str, what: str) -> str:
    return os.path.join(DIRECTORY, f"{client}.{TLS[what]}")


def tls_files(client: str) -> list[str]:
    """Those that were brought for a client's site, also for an earlier one."""
    return [path for path in (tls_path(client, what) for what in TLS) if os.path.lexists(path)]


def sweep(client: str) -> None:
    """Away with what a run that was killed left: a key on its way, or what was tried."""
    for name in os.listdir(DIRECTORY):
        path = os.path.join(DIRECTORY, name)
        # No slug has a dot; what was not whole yet has one more before it
        if name.startswith((f".{client}.", f"..{client}.")) and path != pending_path(client):
            private_file.remove(path)


def trial_path(client: str) -> str:
    """A file that brings all sites as they are to be, while that is tried."""
    return os.path.join(DIRECTORY, f".{client}.trial")


def served(lines: list[str]) -> str:
    """The name that a site's file of ours serves; empty where it serves none."""
    names = (line[:-2] for line in lines if line.endswith(" {") and not line.startswith(("#", "\t", "␉")))
    return next(names, "")


def imports(configuration: str) -> bool:
    """Whether a Caddyfile has the sites."""
    return bool(re.search(_import(), configuration, re.MULTILINE))


def importing(configuration: bytes, line: str) -> bytes:
    """A Caddyfile with another line in place of the one that brings the sites."""
    return re.sub(_import().encode("utf-8"), lambda _found: line.encode("utf-8"), configuration, flags=re.MULTILINE)


def _import() -> str:
    return rf'^[ \t]*import[ \t]+"?{re.escape(DIRECTORY)}/\*\.caddy"?[ \t\r]*$'


def read(path: str) -> bytes | None:
    """What a file of root's holds, up to a bound; None where there is none."""
    with contextlib.suppress(OSError), open(path, "rb") as stream:
        return stream.read(_MOST_BYTES)
    return None


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def show_unit() -> system.Started:
    return system.Started("systemctl", "show", UNIT, f"--property={_PROPERTIES}")


class Look:
    """Begun beside the rest of the look, and read at its end."""

    def __init__(self, wanted: dict, url: str | None) -> None:
        self._client, self._fqdn, self._files = wanted["client"], wanted["fqdn"], wanted["tls_files"]
        self._path = site_path(self._client)
        self._needed = bool(self._fqdn) or os.path.lexists(self._path)
        self._asked = self._name = None
        if not self._needed:
            return
        self._version, self._unit = system.Started("caddy", "version"), show_unit()
        if self._fqdn:
            self._name = Confined("the name", _resolve, self._fqdn, seconds=5)
        if self._fqdn and os.path.exists(self._path):
            # What answers there is the name that it has, which may be about to be another
            self._serves = served(self._site()["lines"]) or self._fqdn
            roots = [self._files["root"]] if "root" in self._files else []
            path = wanted["health_path"] if wanted["probe"] else None
            self._asked = Confined("the answer of the proxy", _ask, self._serves, roots, path, url, seconds=25)

    def found(self, listening: dict[int, set[str]], published: dict[int, str]) -> dict | None:
        """Listening has the sockets of each port, published the containers that publish one."""
        if not self._needed:
            return None
        version, unit = self._version.outcome(), system.properties(self._unit.outcome().output)
        pid = int(unit.get("MainPID") or 0)
        answer = self._answer()
        return {
            "version": (version.output.split() or [None])[0] if version.ok else None,
            "unit": unit.get("LoadState") == "loaded",
            "active": unit.get("ActiveState") in ("active", "reloading"),
            "imports": imports((read(CONFIG) or b"").decode("utf-8", "replace")),
            "site": self._site(),
            "files": {name: _file(path) for name, path in self._files.items()},
            "pair_error": _pair_error(self._files),
            "ports": {
                str(port): _holder(port, pid, listening, published)
                for port in PORTS
                if port in listening or port in published
            },
            "names": self._names(),
            "addresses": [one for one in (_own_address("192.0.2.1"), _own_address("2001:db8::1")) if one],
            "answer": answer,
        }

    def _site(self) -> dict:
        content = read(self._path)
        text = "" if content is None else content.decode("utf-8", "replace")
        return {
            "exists": content is not None,
            "ours": text.startswith(f"{MARK}{self._client}\n"),
            "pending": os.path.exists(pending_path(self._client)),
            "sha256": None if content is None else sha256(content),
            "lines": text.splitlines()[:_MOST_LINES],
        }

    def _names(self) -> list[dict]:
        """To what the name resolves on this machine, and which of these addresses it has itself."""
        if self._name is None:
            return []
        with contextlib.suppress(Refused):
            return [{"address": one, "own": bool(system.can_bind(one))} for one in self._name.result()]
        return []

    def _answer(self) -> dict | None:
        if self._asked is None:
            return None
        try:
            answer = self._asked.result()
        except Refused as refused:
            answer = dict(NO_ANSWER, error=str(refused))
        if answer["certificate"] is None:
            answer["complaint"] = _complaint(self._serves)
        return answer


NO_ANSWER = {
    "certificate": None,
    "verified": None,
    "code": None,
    "reason": None,
    "status": None,
    "websocket": None,
    "websocket_direct": None,
    "error": None,
    "complaint": None,
}


def _file(path: str) -> dict:
    try:
        with open(path, "rb") as stream:
            return {"sha256": sha256(stream.read(_MOST_BYTES)), "error": None}
    except OSError as error:
        return {"sha256": None, "error": error.strerror}


def _pair_error(files: dict) -> str | None:
    """Why certificate and key are none."""
    if "certificate" not in files or "key" not in files:
        return None
    return _certificate.pair_error(files["certificate"], files["key"])


def _holder(port: int, caddy: int, listening: dict[int, set[str]], published: dict[int, str]) -> dict:
    if port in published:
        return {"process": published[port], "caddy": False}
    owner = system.socket_owner(listening[port])
    # Who is not root does not see whose it is
    ours = bool(caddy) and (owner is None or system.descends_from(owner, caddy))
    return {"process": system.process_name(owner) if owner else None, "caddy": ours}


def _resolve(name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(address[0]).partition("%")[0] for *_rest, address in found})[:20]


def _own_address(towards: str) -> str | None:
    """The address with which the machine goes out; nothing is sent."""
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as trial:
        trial.connect((towards, 9))
        return str(trial.getsockname()[0])
    return None


def _complaint(fqdn: str) -> str | None:
    """What Caddy last said about a certificate that it did not get."""
    journal = ("journalctl", "--unit", UNIT, "--output=cat", "--since=-1h", "--lines=400", "--no-pager", "--quiet")
    for line in reversed(system.run(*journal, timeout=5).output.splitlines()):
        # An attempt that a reload ended says nothing
        if fqdn in line and "context canceled" not in line:
            with contextlib.suppress(ValueError, AttributeError):
                said = json.loads(line)
                if said.get("level") == "error" and (said.get("error") or said.get("msg")):
                    return str(said.get("error") or said.get("msg"))
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Through the proxy, in a process of its own: what answers there may be anything


def connect(fqdn: str, context: ssl.SSLContext, timeout: float = 8) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", 443), timeout=timeout)
    try:
        return context.wrap_socket(raw, server_hostname=fqdn)
    except BaseException:
        raw.close()
        raise


def trusting(roots: list[str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for path in roots:
        with contextlib.suppress(OSError, ssl.SSLError):
            context.load_verify_locations(path)
    return context


def trusting_anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _ask(fqdn: str, roots: list[str], health_path: str | None, url: str | None) -> dict:
    """Without a path, the certificate alone."""
    answer = dict(NO_ANSWER, verified=False)
    context = trusting(roots)
    try:
        connection = connect(fqdn, context)
        answer["verified"] = True
    except ssl.SSLCertVerificationError as error:
        answer.update(code=error.verify_code, reason=error.verify_message)
        context = trusting_anybody()
        connection = connect(fqdn, context)
    except ssl.SSLError:
        answer["error"] = "it shows none yet"
        return answer
    except (OSError, ValueError) as error:
        answer["error"] = getattr(error, "strerror", None) or type(error).__name__
        return answer
    with connection:
        answer["certificate"] = _certificate.described(connection.getpeercert(True) or b"")
        if health_path is None:
            return answer
        answer["status"] = _status(connection, fqdn, health_path)
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError), connect(fqdn, context) as connection:
        answer["websocket"] = _status(connection, fqdn, WEBSOCKET, UPGRADE)
    if url:
        host, _colon, port = url.partition("://")[2].rpartition(":")
        place = host.strip("[]"), int(port)
        with contextlib.suppress(OSError), socket.create_connection(place, timeout=5) as direct:
            answer["websocket_direct"] = _status(direct, fqdn, WEBSOCKET, UPGRADE)
    return answer


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "bWFpLmNsaWVudHMucHJvYg==",
}


def _status(connection: socket.socket, host: str, path: str, headers: dict | None = None) -> int | None:
    """The status of one answer; its body is not read."""
    client = http.client.HTTPConnection(host)
    client.sock = connection
    try:
        client.request("GET", path, headers={"User-Agent": "mai.clients", **(headers or {})})
        return client.getresponse().status
    except (OSError, http.client.HTTPException, ValueError):
        return None
