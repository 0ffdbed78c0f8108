#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_password
short_description: A new password for one person of an instance
version_added: 0.1.0
description:
  - Gives one account of an instance of mAI or Open WebUI a new password, when nobody knows the old one. It is set by
    the instance's own API, in a session that is made on the target from E(WEBUI_SECRET_KEY) and lasts a minute at most.
  - Where the instance refuses that session the password is written into its database instead, as the bcrypt hash that
    Open WebUI itself keeps. RV(way) says which way it was.
  - The password is stored root-only on the target, in C(admin.env) for the administrator with whom the instance was
    made and in C(people.json) for everybody else. It is proven by signing in, and never part of the result.
author:
  - The mai.clients team (@mai-clients)
requirements:
  - Python >= 3.8 on the target
  - psycopg or psycopg2 on the target, for an instance with a PostgreSQL database
extends_documentation_fragment:
  - mai.clients.attributes
options:
  url:
    description: Address of the instance as the target itself reaches it, for example V(http://127.0.0.1:8001).
    type: str
    required: true
  deployment_dir:
    description: The client's directory on the target.
    type: path
    required: true
  email:
    description: Whose password. By default that of the first administrator of the instance.
    type: str
  password:
    description:
      - The new password, at most 72 bytes. Without it one is made on the target.
      - It is brought to the target apart from the other options, see O(password_file).
    type: str
  password_file:
    description:
      - File on the target that holds the password instead. It is removed once it has been read.
      - Used by the action plugin of this module, so that O(password) is never one of the module's arguments.
    type: path
  make_administrator:
    description:
      - Whether that person becomes administrator, too. Where nobody is administrator any more, and for the first
        account of the instance, the role is written into its database.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each run sets another password.
seealso:
  - module: mai.clients.instance_users
"""

EXAMPLES = r"""
- name: A new password for Anna
  mai.clients.instance_password:
    url: http://127.0.0.1:8001
    deployment_dir: /opt/mai/deployments/client-company-abc
    email: anna@companyabc.com
"""

RETURN = r"""
email:
  description: Whose password was set.
  returned: success
  type: str
  sample: anna@companyabc.com
role:
  description: Their role now. V(pending) is blocked.
  returned: success
  type: str
  sample: user
way:
  description: V(api), or V(database) where the instance refuses the session that is made for it.
  returned: success
  type: str
  sample: api
made_administrator:
  description: Whether that person became administrator.
  returned: success
  type: bool
sessions_end:
  description:
    - Whether sessions that were open have ended. Releases without a session stamp let them go on until they expire.
  returned: success, but for check mode
  type: bool
proven:
  description: Whether signing in with it worked. False for who is blocked, and where nobody signs in with a password.
  returned: success, but for check mode
  type: bool
summary:
  description: The same for a person.
  returned: success
  type: list
  elements: str
command:
  description: By which command root on the target fetches the password.
  returned: success
  type: str
  sample: sudo grep -F '"anna@companyabc.com"' /opt/mai/deployments/client-company-abc/people.json
reason:
  description:
    - What a failure is about, in one word. V(unknown) address, V(session), V(accounts), V(unreachable), V(refused), or
      as for M(mai.clients.client_organization).
  returned: failure
  type: str
"""

import difflib
import uuid
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database
from ansible_collections.mai.clients.plugins.module_utils._instance import credentials
from ansible_collections.mai.clients.plugins.module_utils._instance.place import place_of
from ansible_collections.mai.clients.plugins.module_utils._people import accounts, bcrypt, decide
from ansible_collections.mai.clients.plugins.module_utils._people.api import Instance, PeopleError
from ansible_collections.mai.clients.plugins.module_utils._people.brought import options, take
from ansible_collections.mai.clients.plugins.module_utils._people.passwords import Passwords, PasswordsError
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown, shown

_NEAREST = 3
# Of whom a name can be near
_MOST = 2000


def _look(database: Database, email: str | None) -> dict[str, Any]:
    administrators = accounts.administrators(database)
    if email is None and administrators:
        rows = database.query('SELECT email FROM "user" WHERE id = ?', administrators[0])
        email = str(rows[0]["email"])
    found = accounts.listed(database, [email]) if email else []
    if not found:
        return {"account": None, "administrators": administrators, "others": _emails(database)}
    claims = accounts.claims(database, found[0]["id"])
    return {"account": found[0], "administrators": administrators, "claims": claims}


def _emails(database: Database) -> list[str]:
    if not {"email", "role"} <= set(database.columns("user")):
        return []
    order = "CASE WHEN role = 'admin' THEN 0 ELSE 1 END, email"
    rows = database.query(f'SELECT email FROM "user" ORDER BY {order} LIMIT {_MOST}')
    return [str(row["email"]) for row in rows]


def _make_administrator(database: Database, identifier: Any) -> int:
    return database.execute("UPDATE \"user\" SET role = 'admin' WHERE id = ?", identifier)


def _set_password(database: Database, identifier: Any, hashed: str) -> int:
    changes = {"password": hashed}
    if "session_stamp" in database.columns("auth"):
        changes["session_stamp"] = str(uuid.uuid4())
    names = ", ".join(f"{name} = ?" for name in changes)
    return database.execute(f"UPDATE auth SET {names} WHERE id = ?", *changes.values(), identifier)


class Reset:
    """One new password."""

    def __init__(self, params: dict[str, Any]) -> None:
        self._instance = Instance(params["url"], place_of(params["deployment_dir"]))
        self._passwords = Passwords(params["deployment_dir"])
        self._raises = params["make_administrator"]
        found = self._instance.ask(_look, params["email"])
        self._administrators = found["administrators"]
        if found["account"] is None:
            raise _unknown(params["email"], found["others"])
        self.account, self._claims = found["account"], found["claims"]
        self._raises = self._raises and self.account["role"] != decide.ADMIN
        if not self._administrators and not self._raises:
            raise PeopleError(
                f"Nobody is administrator of the instance any more. To make {shown(self.account['email'])} its "
                "administrator, run again with -e make_administrator=true.",
                "session",
            )
        self.way = "api"
        self._instance.check()

    def carry_out(self, given: str | None) -> dict[str, Any]:
        former = self._token()
        if self._raises:
            self._raise()
        email = self.account["email"]
        password, previous = given or credentials.new_password(), self._passwords.of(email)
        # Before it is set: a run that is killed in between has lost nothing, and the next one sets another
        self._passwords.keep(email, password)
        try:
            self._set(password)
        except Refused:
            self._passwords.keep(email, previous)
            raise
        ends = "session_stamp" in self._claims
        if ends and former and self._instance.knows(former):
            raise PeopleError(f"{email} has the new password, and a session from before it still works.", "refused")
        blocked = self.account["role"] == decide.BLOCKED
        proven = None if blocked else self._instance.signs_in(email, password)
        if proven is False:
            raise PeopleError(f"The instance took the new password of {email}, and refuses it at its door.", "refused")
        return {"sessions_end": ends, "proven": bool(proven)}

    def _token(self) -> str | None:
        """A session as that person may have one; none can be made where the secret is not known."""
        try:
            return self._instance.token(self.account["id"])
        except PeopleError:
            return None

    def _raise(self) -> None:
        try:
            if not self._administrators or self.account["first"]:
                raise PeopleError("Nobody else may.", "session")
            self._instance.change(self._administrators[0], self.account, role=decide.ADMIN)
        except PeopleError as error:
            if error.reason != "session":
                raise
            self._instance.write(_make_administrator, self.account["id"])
        self.account["role"] = decide.ADMIN

    def _set(self, password: str) -> None:
        own = self.account["role"] == decide.ADMIN
        try:
            # Nobody but themselves may change the first account
            acting = self.account["id"] if own else self._administrators[0]
            if self.account["first"] and not own:
                raise PeopleError("Nobody else may.", "session")
            self._instance.change(acting, self.account, password=password)
        except PeopleError as error:
            if error.reason != "session":
                raise
            hashed = bcrypt.hashed(password)
            if hashed is None:
                raise PeopleError(f"{error} This machine's C library has no bcrypt to do without.", "session") from None
            if self._instance.write(_set_password, self.account["id"], hashed) != 1:
                raise PeopleError(f"The database has no password of {self.account['email']}.", "refused") from None
            self.way = "database"

    def outcome(self, proof: dict[str, Any]) -> dict[str, Any]:
        result = {
            "changed": True,
            "email": self.account["email"],
            "role": decide.ADMIN if self._raises else self.account["role"],
            "way": self.way,
            "made_administrator": self._raises,
            "command": self._passwords.command(self.account["email"]),
            **proof,
        }
        return all_shown(dict(result, summary=_summary(result) if proof else _beforehand(result)))


def _beforehand(result: dict[str, Any]) -> list[str]:
    raised = ", who would become administrator" if result["made_administrator"] else ""
    return [f"{result['email']} would get a new password{raised}; sessions that are open would end."]


def _summary(result: dict[str, Any]) -> list[str]:
    email = result["email"]
    raised = ", and is administrator now" if result["made_administrator"] else ""
    said = [f"{email} has a new password{raised}. Fetch it on the machine: {result['command']}"]
    if result["way"] == "database":
        said.append("The instance refused the session made for that, so it was written into its database.")
    if result["role"] == decide.BLOCKED:
        said.append(f"{email} is blocked, and stays so: see mai_users, state.")
    elif not result["proven"]:
        said.append("Whether it opens the door could not be tried: nobody signs in with a password there.")
    if not result["sessions_end"]:
        said.append("This release lets sessions that are open go on until they expire.")
    return said


def _unknown(email: str | None, others: list[str]) -> PeopleError:
    if email is None:
        return PeopleError("Nobody is administrator of the instance: say whose password, with -e email=….", "unknown")
    known = {other.lower(): other for other in others}
    near = difflib.get_close_matches(email.lower(), list(known), _NEAREST, 0.5) or list(known)[:_NEAREST]
    names = f": there is {', '.join(shown(known[one], 254) for one in near)}" if near else ""
    return PeopleError(f"The instance has no account of {shown(email, 254)}{names}. Nothing was changed.", "unknown")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "deployment_dir": {"type": "path", "required": True},
            "email": {"type": "str"},
            "make_administrator": {"type": "bool", "default": False},
            **options("password"),
        },
        mutually_exclusive=[("password", "password_file")],
        supports_check_mode=True,
    )
    take(module, "password")
    try:
        reset = Reset(module.params)
        proof = {} if module.check_mode else reset.carry_out(module.params["password"])
    except (Refused, PasswordsError) as error:
        module.fail_json(msg=str(error), reason=error.reason if isinstance(error, Refused) else "unreadable")
    module.exit_json(**reset.outcome(proof))


if __name__ == "__main__":
    main()
