# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a certificate says of itself, and whether a key is its own: with nothing but Python's library.

Python tells about a certificate only where it trusts it, and what is wrong with one is asked here of the others.
"""

from __future__ import annotations

import re
import ssl
from typing import Iterator

_SEQUENCE, _SET, _OID, _VERSION, _UTC_TIME = 0x30, 0x31, 0x06, 0xA0, 0x17
# Common name, and organisation where there is none
_NAMES = (b"\x55\x04\x03", b"\x55\x04\x0a")


def described(der: bytes) -> dict[str, str | None]:
    """Issuer and validity (UTC); all none of what is no certificate."""
    try:
        return _described(der)
    except (IndexError, ValueError, UnicodeDecodeError):
        return {"issuer": None, "not_before": None, "not_after": None}


def joined(certificate: bytes, key: bytes) -> bytes:
    """Both in one file, which changes at once: Caddy does not start with the key of another certificate."""
    return certificate + b"\n" + key


def pair_error(certificate: str, key: str) -> str | None:
    """Why two files are no certificate with its key, in a person's words; None where they are."""
    for path in (certificate, key):
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without it, OpenSSL would ask whoever sits at the terminal
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"the key {key} is not that of the certificate {certificate}"
        return f"{certificate} and {key} are no certificate and key in PEM ({error.reason or 'not readable'})"
    except (OSError, ValueError, _Encrypted):
        return f"the key {key} has a password: give one without"
    return None


class _Encrypted(Exception):
    pass


def _no_password() -> str:
    raise _Encrypted


def _described(der: bytes) -> dict[str, str | None]:
    [(_kind, body)] = _elements(der)
    signed = next(_elements(body))[1]
    parts = [part for part in _elements(signed) if part[0] != _VERSION]
    # Serial number, algorithm, issuer, validity
    issuer, (begin, end) = parts[2][1], list(_elements(parts[3][1]))[:2]
    return {"issuer": _name(issuer), "not_before": _moment(*begin), "not_after": _moment(*end)}


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The kind and content of one element of DER after the other."""
    while data:
        kind, size, at = data[0], data[1], 2
        if size & 0x80:
            at += size & 0x7F
            size = int.from_bytes(data[2:at], "big")
        if at + size > len(data):
            raise ValueError("cut off")
        yield kind, data[at : at + size]
        data = data[at + size :]


def _name(issuer: bytes) -> str | None:
    found = {}
    for _set, names in _elements(issuer):
        for _sequence, pair in _elements(names):
            (_oid, which), (_text, value) = list(_elements(pair))[:2]
            found.setdefault(which, value.decode("utf-8", "replace"))
    return next((found[which] for which in _NAMES if which in found), None)


def _moment(kind: int, value: bytes) -> str:
    digits = re.sub("[^0-9]", "", value.decode("ascii"))
    if kind == _UTC_TIME:
        digits = ("20" if digits < "50" else "19") + digits
    year, *rest = digits[:4], *(digits[at : at + 2] for at in range(4, 14, 2))
    month, day, hour, minute, second = rest
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"
