# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: shown and compared as SHA-256 only, and known by their looks where nobody expected one."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

MASK = "***"
LOOKS_SECRET = re.compile(r"sk-[A-Za-z0-9_-]{8,}|eyJ[\w-]+\.[\w-]+\.[\w-]+|(?<=://)[^/\s:@]*:[^/\s@]*(?=@)")


def sha256(secret: str) -> str:
    """Return the SHA-256 of a secret in hex, which for a key is what OpenRouter calls its hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def hash_of(secret: Any) -> str | None:
    """Return the hash of what a database or an answer has in the place of a secret; None where there is nothing."""
    if secret is None or secret == "":
        return None
    return sha256(secret if isinstance(secret, str) else repr(secret))


def proof_of(secret: str, salt: str) -> str:
    """Return by what somebody who has the secret, too, knows that it is the same; nobody guesses it back from that."""
    digest = hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8", "surrogatepass"), salt.encode("ascii"), 100_000)
    return f"{salt}:{digest.hex()}"


def is_same_secret(secret: str, proof: str) -> bool:
    return hmac.compare_digest(proof_of(secret, proof.partition(":")[0]), proof)


def short(key_hash: Any) -> str:
    """Return what a diff shows of a key: enough to tell two apart, and nothing that was not a hash."""
    if isinstance(key_hash, str) and re.match(r"[0-9a-f]{64}\Z", key_hash):
        return f"SHA-256 {key_hash[:12]}…"
    return "not a hash" if key_hash else "none"
