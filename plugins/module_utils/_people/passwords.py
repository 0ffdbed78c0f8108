# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First passwords, and those that were set anew, on the machine and nowhere else: in files that only root reads.

The administrator with whom the instance was made has admin.env; everybody else is in people.json, a line each. JSON
carries every address and every password as it is.
"""

from __future__ import annotations

import json
import os
import shlex

from ansible_collections.mai.clients.plugins.module_utils import _envfile, _own_file
from ansible_collections.mai.clients.plugins.module_utils._instance import credentials, folder, private_file

FILE, ADMIN_FILE = folder.PEOPLE, "admin.env"


class PasswordsError(Exception):
    """What is wrong with the file; nothing of what is in it."""


class Passwords:
    """Those of one client's directory. Addresses are in lower case."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._path, self._admin_path = os.path.join(directory, FILE), os.path.join(directory, ADMIN_FILE)
        self._admin = self._read_admin()
        self.people = self._read_people()

    def _read_admin(self) -> dict[str, str]:
        return _envfile.parse(_own_file.read_text(self._admin_path) or "")

    def _read_people(self) -> dict[str, str]:
        if not os.path.lexists(self._path):
            return {}
        try:
            people = json.loads(_own_file.read(self._path).decode("utf-8"))
        except (OSError, ValueError):
            people = None
        if not isinstance(people, dict) or not all(isinstance(one, str) for one in people.values()):
            raise PasswordsError(
                f"{self._path} cannot be read as JSON of addresses and passwords. Correct it, or put it away: whoever "
                "has not signed in yet gets another password by reset_password.yml."
            )
        return people

    @property
    def first_administrator(self) -> str | None:
        """With whom the instance was made."""
        return self._admin.get(credentials.EMAIL)

    def of(self, email: str) -> str | None:
        return self._admin.get(credentials.PASSWORD) if self._is_admins(email) else self.people.get(email)

    def keep(self, email: str, password: str | None) -> None:
        """Before the instance is told, so that none is ever lost; None: there is none any more."""
        if self._is_admins(email) and password is not None:
            self._admin[credentials.PASSWORD] = password
            private_file.write(self._admin_path, _envfile.dump(self._admin))
            return
        if self.people.get(email) == password:
            return
        self.people[email] = password or ""
        if password is None:
            del self.people[email]
        private_file.write(self._path, json.dumps(self.people, ensure_ascii=False, indent=0, sort_keys=True) + "\n")

    def command(self, email: str) -> str:
        return command(self._directory, email, self.first_administrator or "-")

    def _is_admins(self, email: str) -> bool:
        return (self.first_administrator or "").lower() == email


def everybodys(directory: str) -> dict[str, str]:
    """Those that are in no environment file, so that nobody shows them; none where they cannot be read."""
    try:
        return dict(Passwords(directory).people)
    except PasswordsError:
        return {}


def command(directory: str, email: str | None, first_administrator: str | None) -> str:
    """How root fetches it. Where nobody is known to be the first, whoever is asked for is about to be."""
    if not email or (first_administrator or email).lower() == email.lower():
        return f"sudo sed -n 's/^WEBUI_ADMIN_PASSWORD=//p' {shlex.quote(f'{directory}/{ADMIN_FILE}')}"
    line = json.dumps(email.lower(), ensure_ascii=False)
    return f"sudo grep -F {shlex.quote(line)} {shlex.quote(f'{directory}/{FILE}')}"
