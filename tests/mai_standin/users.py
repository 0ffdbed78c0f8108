# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, passwords, sessions and the sign-up rules."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections import defaultdict, deque
from typing import Any

import bcrypt
import jwt

from .database import Database
from .errors import Refused
from .schema import CHAT
from .settings import Settings
from .stored_settings import BlobSettings, RowSettings

log = logging.getLogger("mai_standin")

ALGORITHM = "HS256"
PASSWORD_BYTES = 72
# The real one takes 12; tests need not wait for that.
ROUNDS = 6
SIGN_INS, SIGN_IN_WINDOW_SECONDS = 15, 180
DURATION = re.compile(r"(-?\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

NO_PERMISSION = "You do not have permission to access this resource. Please contact your administrator for assistance."
PROHIBITED = "This action is not allowed for your user role."
WRONG_CREDENTIALS = "The email or password provided is incorrect. Please check for typos and try logging in again."
EMAIL_TAKEN = (
    "Uh-oh! This email is already registered. Sign in with your existing account or choose another email to start anew."
)
NOT_AN_EMAIL = "The email format you entered is invalid."
PASSWORD_TOO_LONG = (
    "Uh-oh! The password you entered is too long. Please make sure your password is less than 72 bytes long."
)


class Users:
    """Tables `user` and `auth`."""

    def __init__(
        self, database: Database, settings: Settings, stored: RowSettings | BlobSettings, secret_key: str
    ) -> None:
        self._database = database
        self._settings = settings
        self._stored = stored
        self._secret_key = secret_key
        self._sign_ins: dict[str, deque[float]] = defaultdict(deque)

    # Reading

    def exist(self) -> bool:
        return bool(self._database.read('SELECT id FROM "user" LIMIT 1'))

    def by_id(self, user_id: str) -> dict[str, Any] | None:
        rows = self._database.read('SELECT * FROM "user" WHERE id = ?', user_id)
        return rows[0] if rows else None

    def _by_email(self, email: str) -> dict[str, Any] | None:
        rows = self._database.read('SELECT * FROM "user" WHERE lower(email) = ?', email.lower())
        return rows[0] if rows else None

    # Sessions

    def token(self, user_id: str) -> tuple[str, int | None]:
        claims: dict[str, Any] = {"id": user_id, "jti": str(uuid.uuid4()), "iat": int(time.time())}
        lifetime = _seconds(self._stored.get("auth.jwt_expiry"))
        if lifetime is not None:
            claims["exp"] = int(time.time() + lifetime)
        if self._settings.form == "rows":
            claims.update(typ="session", session_stamp=self._auth(user_id)["session_stamp"])
        return jwt.encode(claims, self._secret_key, algorithm=ALGORITHM), claims.get("exp")

    def from_token(self, token: str) -> dict[str, Any] | None:
        try:
            claims = jwt.decode(token, self._secret_key, algorithms=[ALGORITHM])
        except jwt.PyJWTError:
            return None
        user_id = str(claims.get("id", ""))
        auth = self._auth(user_id)
        if not auth:
            return None
        if self._settings.form == "rows" and claims.get("session_stamp") != auth["session_stamp"]:
            return None
        return self.by_id(user_id)

    def _auth(self, user_id: str) -> dict[str, Any]:
        rows = self._database.read("SELECT * FROM auth WHERE id = ?", user_id)
        return rows[0] if rows else {}

    def sign_in(self, email: str, password: str) -> dict[str, Any]:
        if self._settings.form == "rows" and self._too_many_sign_ins(email.lower()):
            raise Refused(429, "API rate limit exceeded")
        user = self._by_email(email)
        auth = self._auth(user["id"]) if user else {}
        if not auth or not auth["active"] or not _matches(password, auth["password"]):
            raise Refused(400, WRONG_CREDENTIALS)
        return user

    def _too_many_sign_ins(self, email: str) -> bool:
        times, now = self._sign_ins[email], time.monotonic()
        while times and times[0] < now - SIGN_IN_WINDOW_SECONDS:
            times.popleft()
        times.append(now)
        return len(times) > SIGN_INS

    # Writing

    def create_admin_from_environment(self) -> None:
        """0.12 creates it before the port opens, and only while there are no users; 0.6 knows no such variables."""
        email, password = self._settings.admin_email, self._settings.admin_password
        if self._settings.form == "blob" or not email or not password or self.exist():
            return
        if len(password.encode()) > PASSWORD_BYTES:
            log.error("Failed to create the admin account: the password is longer than %s bytes", PASSWORD_BYTES)
            return
        self._insert(email, password, self._settings.admin_name, "admin")
        self._stored.save({"ui.enable_signup": False})
        log.info("Created the admin account")

    def sign_up(self, email: str, password: str, name: str) -> dict[str, Any]:
        # 0.12 lets the first user in whatever ENABLE_SIGNUP says; 0.6 does not.
        first_is_free = self._settings.form == "rows" and not self.exist()
        if not first_is_free and not self._stored.get("ui.enable_signup"):
            raise Refused(403, NO_PERMISSION)
        self._check_new(email, password)
        first = not self.exist()
        user = self._insert(email, password, name, "admin" if first else self._stored.get("ui.default_user_role"))
        if first:
            self._stored.save({"ui.enable_signup": False})
        return user

    def add(self, email: str, password: str, name: str, role: str) -> dict[str, Any]:
        self._check_new(email, password)
        return self._insert(email, password, name, role)

    def _first(self) -> str:
        rows = self._database.read(
            "SELECT id FROM \"user\" ORDER BY created_at, CASE WHEN role = 'admin' THEN 0 ELSE 1 END, id LIMIT 1"
        )
        return rows[0]["id"] if rows else ""

    def _refuse_first(self) -> Refused:
        """0.6 catches its own refusal."""
        if self._settings.form == "blob":
            return Refused(500, "Could not verify primary admin status.")
        return Refused(403, PROHIBITED)

    def update(self, user_id: str, changes: dict[str, str], acting: str) -> dict[str, Any]:
        """The first account is changed by itself alone, and stays administrator."""
        if user_id == self._first() and (acting != user_id or changes.get("role", "admin") != "admin"):
            raise self._refuse_first()
        user = self.by_id(user_id)
        if not user:
            raise Refused(400, "We could not find what you're looking for :/")
        email = changes.get("email", user["email"]).lower()
        other = self._by_email(email)
        if other and other["id"] != user_id:
            raise Refused(400, EMAIL_TAKEN)
        if changes.get("password"):
            if len(changes["password"].encode()) > PASSWORD_BYTES:
                raise Refused(400, PASSWORD_TOO_LONG)
            self.set_password(user_id, changes["password"])
        with self._database.transaction() as transaction:
            transaction.execute(
                'UPDATE "user" SET name = ?, email = ?, role = ?, updated_at = ? WHERE id = ?',
                changes.get("name", user["name"]),
                email,
                changes.get("role", user["role"]),
                int(time.time()),
                user_id,
            )
            transaction.execute("UPDATE auth SET email = ? WHERE id = ?", email, user_id)
        return self.by_id(user_id) or {}

    def delete(self, user_id: str, acting: str) -> None:
        """With all chats."""
        if user_id == self._first():
            raise self._refuse_first()
        if user_id == acting:
            raise Refused(403, PROHIBITED)
        with self._database.transaction() as transaction:
            transaction.execute(CHAT)
            transaction.execute("DELETE FROM chat WHERE user_id = ?", user_id)
            transaction.execute('DELETE FROM "user" WHERE id = ?', user_id)
            transaction.execute("DELETE FROM auth WHERE id = ?", user_id)

    def keep_chat(self, user_id: str, chat: dict[str, Any]) -> dict[str, Any]:
        kept = {"id": str(uuid.uuid4()), "user_id": user_id, "title": str(chat.get("title", "New Chat")), "chat": chat}
        now = int(time.time())
        with self._database.transaction() as transaction:
            transaction.execute(CHAT)
            transaction.execute(
                "INSERT INTO chat (id, user_id, title, chat, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
                *(kept["id"], user_id, kept["title"], json.dumps(chat), now, now),
            )
        return kept

    def change_password(self, user_id: str, old: str, new: str) -> None:
        if not _matches(old, self._auth(user_id)["password"]):
            raise Refused(400, "The password provided is incorrect. Please check for typos and try again.")
        self.set_password(user_id, new)

    def set_password(self, user_id: str, password: str) -> None:
        """A new password ends the user's sessions, where there is a session stamp."""
        hashed = _hash(password)
        self._database.write("UPDATE auth SET password = ? WHERE id = ?", hashed, user_id)
        if self._settings.form == "rows":
            self._database.write("UPDATE auth SET session_stamp = ? WHERE id = ?", str(uuid.uuid4()), user_id)

    def _check_new(self, email: str, password: str) -> None:
        if not re.fullmatch(r"[^@]+@[^@]+\.[^@]+", email.lower()):
            raise Refused(400, NOT_AN_EMAIL)
        if self._by_email(email):
            raise Refused(400, EMAIL_TAKEN)
        if len(password.encode()) > PASSWORD_BYTES:
            raise Refused(400, PASSWORD_TOO_LONG)

    def _insert(self, email: str, password: str, name: str, role: str) -> dict[str, Any]:
        user_id, now, hashed = str(uuid.uuid4()), int(time.time()), _hash(password)
        with self._database.transaction() as transaction:
            transaction.execute(
                'INSERT INTO "user" (id, name, email, role, profile_image_url, last_active_at, updated_at, created_at)'
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(user_id, name, email.lower(), role, "/user.png", now, now, now),
            )
            transaction.execute(
                "INSERT INTO auth (id, email, password, active) VALUES (?, ?, ?, ?)",
                *(user_id, email.lower(), hashed, True),
            )
            if self._settings.form == "rows":
                transaction.execute("UPDATE auth SET session_stamp = ? WHERE id = ?", str(uuid.uuid4()), user_id)
        return self.by_id(user_id) or {}


def _hash(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS)).decode()


def _matches(password: str, hashed: str) -> bool:
    return bcrypt.checkpw(password.encode()[:PASSWORD_BYTES], hashed.encode())


def _seconds(duration: str) -> float | None:
    """`4w`, `1h30m`; `-1` and `0` mean for ever."""
    if duration in ("-1", "0"):
        return None
    return sum(float(number) * SECONDS[unit] for number, unit in DURATION.findall(duration)) or None
