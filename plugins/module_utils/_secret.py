# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets on the target: read from an environment file, shown and compared as SHA-256 only."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._envfile import parse


class SecretError(Exception):
    """Why a secret cannot be read from its file; never with anything out of the file."""


def read_secret(path: str, variable: str) -> str:
    """Return the value of a variable in an environment file."""
    try:
        with open(path, encoding="utf-8") as file:
            value = parse(file.read()).get(variable)
    except FileNotFoundError:
        raise SecretError(f"The file {path} does not exist. Create it first, or correct its path.") from None
    except OSError as error:
        raise SecretError(f"The file {path} cannot be read: {error.strerror}. Run with become as root.") from None
    except ValueError:
        raise SecretError(f"The file {path} is not text in UTF-8. Write it again as an environment file.") from None
    if not value:
        raise SecretError(f"The file {path} has no value for {variable}. Add it, or name the variable that it has.")
    return value


def sha256(secret: str) -> str:
    """Return the SHA-256 of a secret in hex, which for a key is what OpenRouter calls its hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def short(key_hash: Any) -> str:
    """Return what a diff shows of a key: enough to tell two apart, and nothing that was not a hash."""
    if isinstance(key_hash, str) and re.match(r"[0-9a-f]{64}\Z", key_hash):
        return f"SHA-256 {key_hash[:12]}…"
    return "not a hash" if key_hash else "none"
