# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first administrator's e-mail, name and password: what Open WebUI accepts, and how one is made up."""

from __future__ import annotations

import re
import secrets
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._text import shown

EMAIL, NAME, PASSWORD = "WEBUI_ADMIN_EMAIL", "WEBUI_ADMIN_NAME", "WEBUI_ADMIN_PASSWORD"
LONGEST_PASSWORD = 72

# What Open WebUI checks itself (it would only log a refusal at its start, and then be open to the first stranger), and
# no sign that separates addresses or belongs to a name beside one.
_ADDRESS = re.compile(r"[^@\s\"<>,;:]+@([^@\s\"<>,;:]+\.[^@\s\"<>,;:.]+|localhost)\Z")
_LONGEST_ADDRESS = 254
# Without the characters that people mix up when they read or type a password.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class CredentialsError(Exception):
    """What is wrong with the credentials; never the password, nor how long it is."""


def is_address(email: Any) -> bool:
    """Whether it is one e-mail address, each character of which is seen (no environment file carries the others)."""
    if not isinstance(email, str) or len(email) > _LONGEST_ADDRESS:
        return False
    return bool(_ADDRESS.match(email)) and shown(email) == email


def check(email: str, password: str) -> None:
    if not is_address(email):
        raise CredentialsError(
            f"The administrator's e-mail '{shown(email, 60)}' is no address that Open WebUI accepts. "
            "Give one of the form name@example.com."
        )
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD:
        raise CredentialsError(
            f"The administrator's password is longer than {LONGEST_PASSWORD} bytes in UTF-8, more than Open WebUI "
            "accepts. Give a shorter one."
        )


def new_password() -> str:
    """Four groups of five; upper case, lower case, digit and sign, as strict instances demand. 116 bits."""
    while True:
        password = "-".join("".join(secrets.choice(_ALPHABET) for _letter in range(5)) for _group in range(4))
        if all(re.search(kind, password) for kind in ("[a-z]", "[A-Z]", "[0-9]")):
            return password
