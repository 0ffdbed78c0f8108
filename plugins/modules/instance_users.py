#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_users
short_description: The people of an instance, as they are listed
version_added: 0.1.0
description:
  - Adds, blocks, lets in again and deletes people of an instance of mAI or Open WebUI, and gives them their roles, by
    the instance's own API. The session for that is made on the target from E(WEBUI_SECRET_KEY) and lasts a minute at
    most; nobody's password is needed.
  - Who is not listed is never touched. Who is listed and has an account keeps name and password.
  - First passwords are made on the target and stay there, root-only, in C(people.json) of O(deployment_dir). One is
    stored before its account is made, so that a run that was killed loses none.
  - That a blocked person does not get in any more, not even in a session that is open, is tried through the instance.
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
  users:
    description: The people. Each address once.
    type: list
    elements: dict
    required: true
    suboptions:
      email:
        description: E-mail, by which they sign in.
        type: str
        required: true
      name:
        description: Name with which the account is made, by default what is before the C(@) of the address.
        type: str
      role:
        description:
          - V(admin) or V(user). Without it an account is made as V(user), and one that is there keeps its role.
        type: str
        choices: [user, admin]
      state:
        description:
          - V(present) has an account and may use it. V(blocked) may not, and keeps all chats. V(absent) has no account.
        type: str
        choices: [present, blocked, absent]
        default: present
      delete_chats:
        description: Has to be true for V(absent), since the instance deletes all chats with the account.
        type: bool
        default: false
  admin_email:
    description: An address that is to be administrator, beside O(users).
    type: str
  admin_name:
    description: Name for that account.
    type: str
  admin_password:
    description:
      - First password for that account, where it has to be made. Without it one is made on the target.
      - It is brought to the target apart from the other options, see O(admin_password_file).
    type: str
  admin_password_file:
    description:
      - File on the target that holds the password instead. It is removed once it has been read.
      - Used by the action plugin of this module, so that O(admin_password) is never one of the module's arguments.
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: mai.clients.instance_password
"""

EXAMPLES = r"""
- name: The people of company-abc
  mai.clients.instance_users:
    url: http://127.0.0.1:8001
    deployment_dir: /opt/mai/deployments/client-company-abc
    users:
      - email: anna@companyabc.com
        name: Anna Nowak
      - email: jan@companyabc.com
        state: blocked
"""

RETURN = r"""
done:
  description: What was done, or would be in check mode, in words.
  returned: always
  type: list
  elements: str
  sample: ["anna@companyabc.com: added as user"]
managed:
  description: Whether the instance has accounts at all.
  returned: always
  type: bool
summary:
  description: The same for a person, with how first passwords are fetched.
  returned: always
  type: list
  elements: str
passwords:
  description: Of those who were added, by which command root on the target fetches the first password.
  returned: always
  type: dict
  sample:
    anna@companyabc.com: sudo grep -F '"anna@companyabc.com"' /opt/mai/deployments/client-company-abc/people.json
reason:
  description:
    - What a failure is about, in one word. V(session), V(unreachable), V(refused), V(last), or as for
      M(mai.clients.client_organization).
  returned: failure
  type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database
from ansible_collections.mai.clients.plugins.module_utils._instance import credentials
from ansible_collections.mai.clients.plugins.module_utils._instance.place import place_of
from ansible_collections.mai.clients.plugins.module_utils._people import accounts, decide
from ansible_collections.mai.clients.plugins.module_utils._people.api import Instance, PeopleError
from ansible_collections.mai.clients.plugins.module_utils._people.brought import options, take
from ansible_collections.mai.clients.plugins.module_utils._people.passwords import Passwords, PasswordsError

_USER = {
    "email": {"type": "str", "required": True},
    "name": {"type": "str"},
    "role": {"type": "str", "choices": ["user", "admin"]},
    "state": {"type": "str", "choices": ["present", "blocked", "absent"], "default": "present"},
    "delete_chats": {"type": "bool", "default": False},
}


def argument_spec() -> dict[str, Any]:
    return {
        "url": {"type": "str", "required": True},
        "deployment_dir": {"type": "path", "required": True},
        "users": {"type": "list", "elements": "dict", "required": True, "options": _USER},
        "admin_email": {"type": "str"},
        "admin_name": {"type": "str"},
        **options("admin_password"),
    }


def _look(database: Database, emails: list[str]) -> dict[str, Any]:
    return {"accounts": accounts.listed(database, emails), "administrators": accounts.administrators(database)}


class Run:
    """One reconciliation, of which the outcome tells what became of it, however it ended."""

    def __init__(self, params: dict[str, Any]) -> None:
        self._passwords = Passwords(params["deployment_dir"])
        named = params["admin_email"], params["admin_name"]
        self.people = decide.wanted(params["users"], *named, self._passwords.first_administrator)
        self._administrator = (params["admin_email"] or "").lower()
        self._given = params["admin_password"]
        self._instance = Instance(params["url"], place_of(params["deployment_dir"]))
        self.done: list[dict[str, Any]] = []

    def due(self) -> list[dict[str, Any]]:
        """What differs; whoever is there is looked up anew."""
        found = self._instance.ask(_look, [person["email"] for person in self.people])
        self._accounts = {account["email"]: account for account in found["accounts"]}
        self._administrators = found["administrators"]
        due = decide.steps(self.people, found["accounts"])
        refusal = decide.refusal(due, len(self._administrators))
        if refusal:
            raise PeopleError(f"Nobody was touched: {refusal}.", "last")
        return due

    def carry_out(self, due: list[dict[str, Any]]) -> None:
        self._instance.check()
        for one in due:
            self._one(one, self._acting(due))
            self.done.append(one)
        left = self.due()
        if left:
            raise PeopleError(
                f"The instance took {decide.said(left[0])} for done, and its database does not show it.", "refused"
            )

    def _acting(self, due: list[dict[str, Any]]) -> Any:
        """Whose session is used: who is administrator before and after it, the first account if that is one."""
        going = {self._accounts[one["email"]]["id"] for one in due if one["was"] == decide.ADMIN != one["role"]}
        staying = [identifier for identifier in self._administrators if identifier not in going]
        if not staying:
            raise PeopleError(
                "The instance has no administrator in whose session its people could be managed: see "
                "reset_password.yml, make_administrator.",
                "session",
            )
        return staying[0]

    def _one(self, one: dict[str, Any], acting: Any) -> None:
        step, email = one["step"], one["email"]
        account = self._accounts.get(email)
        if step == decide.ADD:
            given = self._given if email == self._administrator else None
            password = given or self._passwords.of(email) or credentials.new_password()
            self._passwords.keep(email, password)
            self._instance.add(acting, one, password)
        elif step == decide.DELETE:
            self._instance.delete(acting, account)
            self._passwords.keep(email, None)
        else:
            self._instance.change(acting, account, role=one["role"])
        if step == decide.BLOCK and self._instance.is_let_in(self._instance.token(account["id"])):
            raise PeopleError(f"{email} was blocked, and the instance still lets a session of theirs in.", "refused")

    def outcome(self, done: list[dict[str, Any]]) -> dict[str, Any]:
        added = [one["email"] for one in done if one["step"] == decide.ADD]
        said = [decide.said(one) for one in done]
        commands = {email: self._passwords.command(email) for email in added}
        return {
            "changed": bool(done),
            "managed": True,
            "done": said,
            "summary": [*said, *(f"first password, on the machine: {command}" for command in commands.values())],
            "passwords": commands,
            "diff": {
                "before_header": "people",
                "after_header": "people",
                "before": "".join(f"{one['email']}: {one['was'] or 'none'}\n" for one in done),
                "after": "".join(f"{one['email']}: {one['role'] or 'none'}\n" for one in done),
            },
        }


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(),
        mutually_exclusive=[("admin_password", "admin_password_file")],
        supports_check_mode=True,
    )
    take(module, "admin_password")
    for user in module.params["users"]:
        if user["state"] == "absent" and not user["delete_chats"]:
            module.fail_json(
                msg=f"{user['email']} is to be absent, which deletes all chats of that person: set delete_chats: true, "
                "or state: blocked, which keeps them."
            )
    run = None
    try:
        run = Run(module.params)
        due = run.due()
        if due and not module.check_mode:
            run.carry_out(due)
    except (Refused, PasswordsError) as error:
        reason = error.reason if isinstance(error, Refused) else "unreadable"
        so_far = run.outcome(run.done) if run else {"changed": False, "done": [], "summary": []}
        if reason == "accounts" and not so_far["changed"]:
            module.exit_json(**dict(so_far, managed=False))
        module.fail_json(msg=str(error), reason=reason, **so_far)
    module.exit_json(**run.outcome(due))


if __name__ == "__main__":
    main()
