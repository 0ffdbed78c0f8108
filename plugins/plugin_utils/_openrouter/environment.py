# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the environment of ansible-playbook says about the way to OpenRouter: proxies, their exceptions, certificates.

This is private to the collection. httpx reads the same variables, but a value that it cannot read ends in one of its
own exceptions, and an exception may quote a proxy's password. Here each fault names the variable and what to do.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import sys
import typing as t
from importlib.util import find_spec
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

from .errors import InvalidOption, MissingLibrary, UnfitEnvironment

KINDS = ("http", "https", "socks5", "socks5h")
_SETTINGS = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class Proxy(t.NamedTuple):
    """Its URL, which may hold a password, and the variable that names it."""

    url: str
    variable: str


def checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and _is_place(parts.netloc) and parts.port != 0 and not parts.query:
            return url.rstrip("/")
    except ValueError:  # a bracket that is not closed, a port that is none
        pass
    raise InvalidOption(
        "base_url must be a plain URL such as https://openrouter.ai/api/v1, without user name, password or query."
    )


def _is_place(netloc: str) -> bool:
    """HOST, or HOST:PORT. Raise ValueError for brackets around anything but an address."""
    parts = re.fullmatch(r"(?:\[([^\]]+)\]|[^\s:@\[\]\\^|<>{}\"`]+)(?::\d+)?", netloc)
    if parts and parts[1]:
        ipaddress.ip_address(parts[1].partition("%")[0])
    return parts is not None


def proxy(url: str) -> Proxy | None:
    """The proxy for that URL; None where it is reached directly."""
    parts = urlsplit(url)
    known = getproxies()
    scheme = parts.scheme if known.get(parts.scheme) else "all"
    if not known.get(scheme) or _is_exempt(parts, known.get("no", "")):
        return None
    # A blank or a line break came with the file or the form in which it was written
    named = known[scheme].strip()
    found = Proxy(named if "://" in named else f"http://{named}", _name_of(f"{scheme}_proxy"))
    _check(found)
    # The one resolves names at the proxy, and so does httpx with the other
    return found._replace(url=re.sub("^socks5h:", "socks5:", found.url))


def _name_of(variable: str) -> str:
    """As it is written in the environment; where it is not there, the system's own settings are meant."""
    names = (variable, variable.upper())
    return next((name for name in names if os.environ.get(name)), f"the system's {variable.upper()}")


def _check(found: Proxy) -> None:
    try:
        parts = urlsplit(found.url)
        kind, whole = parts.scheme, _is_place(parts.netloc.rpartition("@")[2]) and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:
        kind, whole = "", False
    if not (whole and found.url.isprintable() and " " not in found.url):
        raise unreadable(found)
    if kind not in KINDS:
        raise UnfitEnvironment(
            f"{found.variable} names a proxy of the kind {kind[:20]}, which is not known here: write it as http://,"
            " https:// or socks5://, or unset it."
        )
    if kind.startswith("socks") and find_spec("socksio") is None:
        raise UnfitEnvironment(
            f"{found.variable} names a SOCKS proxy: install httpx[socks] in the Python that runs Ansible"
            f" ({sys.executable}), or unset it."
        )


def unreadable(found: Proxy) -> UnfitEnvironment:
    return UnfitEnvironment(
        f"{found.variable} cannot be read as the address of a proxy: write it as http://host:port. What is"
        " special in a password, @ : / ? # [ ] and %, has to be percent-encoded there."
    )


def _is_exempt(parts: SplitResult, exceptions: str) -> bool:
    """Whether NO_PROXY, as people write it for other programs, names that host.

    Names count with all that is below them; addresses, and ranges of both families, with and without brackets and
    port. What cannot be read is passed over: it is somebody else's, for another program.
    """
    host, port = (parts.hostname or "").rstrip("."), parts.port or {"http": 80, "https": 443}[parts.scheme]
    return any(_names(entry.lower(), host, port) for entry in re.split(r"[,\s]+", exceptions) if entry)


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    with_port = re.fullmatch(r"(\[.*\]|[^:]+):(\d+)", entry)
    if with_port:
        entry = with_port[1]
        if int(with_port[2]) != port:
            return False
    own = _address(host)
    if own is None:
        entry = entry.split("://")[-1].lstrip("*").strip(".")
        return bool(entry) and (host == entry or host.endswith(f".{entry}"))
    try:
        return own in ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def missing_httpx() -> MissingLibrary:
    return MissingLibrary(
        f"The Python library httpx is missing in the Python that runs Ansible ({sys.executable}). Install"
        " httpx>=0.27 there, or run in an execution environment that is built with this collection"
        " (meta/execution-environment.yml), such as that of execution-environment.yml in its repository."
    )


def certificate_fault() -> UnfitEnvironment:
    """Why a context of TLS could not be made."""
    log = os.environ.get("SSLKEYLOGFILE")
    if log and not os.access(log if os.path.exists(log) else os.path.dirname(log) or ".", os.W_OK):
        return UnfitEnvironment(f"SSLKEYLOGFILE names {log[:200]}, which cannot be written: correct it, or unset it.")
    for name in _SETTINGS:
        path = os.environ.get(name)
        if path:
            there = os.path.exists(path)
            what = "holds no certificates that can be read" if there else "is not there"
            return UnfitEnvironment(f"{name} names {path[:200]}, which {what}: correct it, or unset it.")
    paths = ssl.get_default_verify_paths()
    return UnfitEnvironment(f"The certificates of this system ({paths.cafile or paths.capath}) cannot be read.")


def untrusted() -> str:
    """What to do where a certificate is not trusted."""
    folder = os.environ.get("SSL_CERT_DIR")
    if folder and not os.environ.get("SSL_CERT_FILE") and not os.path.isdir(folder):
        return f"SSL_CERT_DIR names {folder[:200]}, which is not there: correct it, or unset it."
    return (
        "The certificate that answers is not trusted here. Where your network puts one of its own in between, name its"
        " authority's file in SSL_CERT_FILE."
    )
