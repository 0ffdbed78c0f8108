# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session of at most a minute with the instance, made without anybody's password and kept nowhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid

_SECONDS = 60


def token(secret_key: str, administrator: dict) -> str:
    """The JWT (HS256) that Open WebUI itself would give this administrator."""
    now = int(time.time())
    claims = dict(administrator, iat=now, exp=now + _SECONDS, jti=str(uuid.uuid4()))
    signed = _encode({"alg": "HS256", "typ": "JWT"}) + "." + _encode(claims)
    signature = hmac.new(secret_key.encode("utf-8"), signed.encode("ascii"), hashlib.sha256).digest()
    return signed + "." + _base64(signature)


def _encode(part: dict) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode("utf-8"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
