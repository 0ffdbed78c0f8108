#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_secrets
short_description: The directory of an instance, and the secrets that it needs before its first start
version_added: 0.1.0
description:
  - Makes sure, on the target, that C(secrets.env) and C(admin.env) exist in a client's deployment directory.
    Both are environment files of mode V(0600), written whole or not at all.
  - With O(client) the directory is made first, and marked as that client's.
  - What exists is never changed. A new E(WEBUI_SECRET_KEY) would end all sessions and make what the instance has
    encrypted unreadable; the administrator of C(admin.env) may long have changed the password in the instance.
  - No secret leaves the target, and none is in the result.
author:
  - The mai.clients team (@mai-clients)
requirements:
  - Python >= 3.8 on the target
extends_documentation_fragment:
  - mai.clients.attributes
options:
  deployment_dir:
    description: The client's deployment directory on the target. It must exist, unless O(client) is given.
    type: path
    required: true
  client:
    description:
      - Slug of the client whose directory it is. With it the directory is made where it is missing, gets its mode,
        O(directory_mode), and the mark by which the collection knows what it made (the file C(.mai-clients)).
    type: str
  version:
    description: The version of the collection, which a mark that is made tells. That of an existing one stays.
    type: str
  directory_mode:
    description: Mode of the directory. V(0710) lets the user of a native instance through to C(data).
    type: str
    choices: ["0700", "0710"]
    default: "0700"
  secret_variables:
    description:
      - Variables in C(secrets.env). Each one that is missing is generated as 64 hexadecimal digits.
      - Variables that are there and not named here are kept.
    type: list
    elements: str
    default:
      - WEBUI_SECRET_KEY
  admin_email:
    description:
      - E-mail of the first administrator (E(WEBUI_ADMIN_EMAIL)).
      - Without it no C(admin.env) is written.
    type: str
  admin_name:
    description: Name of the first administrator (E(WEBUI_ADMIN_NAME)).
    type: str
    default: Admin
  admin_password:
    description:
      - Password of the first administrator (E(WEBUI_ADMIN_PASSWORD)), at most 72 bytes.
      - Without it one is generated on the target.
      - It is brought to the target apart from the other options, see O(admin_password_file). In check mode it is not,
        so that RV(not_applied) does not name it then.
    type: str
  admin_password_file:
    description:
      - File on the target that holds the password instead. It is removed once it has been read.
      - Used by the action plugin of this module, so that O(admin_password) is never one of the module's arguments.
    type: path
  database:
    description:
      - What C(database.env) is to hold, nothing for V(sqlite), which needs no such file.
      - For V(postgresql) the variables of the official image and the E(DATABASE_URL) of the instance. The password is
        made once and kept as long as the file exists.
      - For V(external) O(database_url) as it was given. It may change.
    type: str
    choices: [sqlite, postgresql, external]
    default: sqlite
  database_host:
    description: Name under which the instance reaches the PostgreSQL beside it. Required for V(postgresql).
    type: str
  database_driver:
    description: With what the instance talks to the PostgreSQL beside it.
    type: str
    choices: [psycopg2, psycopg]
    default: psycopg2
  database_url:
    description: The URL for V(external). Like O(admin_password), it reaches the target as standard input only.
    type: str
  database_url_file:
    description: File on the target that holds it instead, as O(admin_password_file).
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Names of variables only, never their values.
  idempotent:
    support: full
seealso:
  - module: mai.clients.instance_administrator
"""

EXAMPLES = r"""
- name: Make the secrets of company-abc once
  mai.clients.instance_secrets:
    deployment_dir: /opt/mai/deployments/client-company-abc
    client: company-abc
    admin_email: it@companyabc.com

- name: The same with a password for the client's own PostgreSQL
  mai.clients.instance_secrets:
    deployment_dir: /opt/mai/deployments/client-company-abc
    database: postgresql
    database_host: mai-companyabc-database
    admin_email: it@companyabc.com
    admin_password: "{{ mai_admin_password }}"
"""

RETURN = r"""
created_variables:
  description: The variables that were generated or written, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample:
    - WEBUI_SECRET_KEY
    - WEBUI_ADMIN_EMAIL
    - WEBUI_ADMIN_NAME
    - WEBUI_ADMIN_PASSWORD
password_generated:
  description: Whether the administrator's password was generated on the target in this run.
  returned: always
  type: bool
admin_email:
  description: The e-mail in C(admin.env), or null where there is no such file.
  returned: always
  type: str
not_applied:
  description: Options that differ from what C(admin.env) already holds, which is never changed.
  returned: always
  type: list
  elements: str
  sample:
    - admin_email
"""

import os
import secrets
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils import _envfile, _own_file
from ansible_collections.mai.clients.plugins.module_utils._instance import credentials, folder, place, private_file

_ADMIN_OPTIONS = {
    credentials.EMAIL: "admin_email",
    credentials.NAME: "admin_name",
    credentials.PASSWORD: "admin_password",
}


class Directory:
    """The directory itself: whether it is there, nobody else's to read, and marked as the client's."""

    def __init__(self, directory: str, client: str | None, version: str | None, mode: str):
        self.path = directory
        self.mode = mode
        self.client = client
        self.text = "".join(f"{line}\n" for line in (client, version) if line)
        self.before = self._found()
        self.changed = client is not None and self.before != self._after()

    def _found(self) -> list[str]:
        if not os.path.isdir(self.path):
            return []
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        marked = folder.mark(self.path)[0] == self.client
        return [f"directory, mode {mode:04o}", *(["marked"] if marked else [])]

    def _after(self) -> list[str]:
        return [f"directory, mode {self.mode}", "marked"]

    def apply(self) -> None:
        os.makedirs(self.path, mode=private_file.DIRECTORY_MODE, exist_ok=True)
        os.chmod(self.path, int(self.mode, 8))
        if "marked" not in self.before:
            private_file.write(os.path.join(self.path, folder.MARK), self.text)

    def diff(self) -> dict[str, str]:
        headers = {"before_header": self.path, "after_header": self.path}
        return {**headers, "before": _lines(self.before), "after": _lines(self._after())}


def _lines(words: list[str]) -> str:
    return "".join(f"{word}\n" for word in words)


class File:
    """One environment file: what it holds, what it shall hold."""

    def __init__(self, directory: str, name: str):
        self.name = name
        self.path = os.path.join(directory, name)
        self.exists = os.path.lexists(self.path)
        self.before: dict[str, str] = {}
        if self.exists:
            self.before = _envfile.parse(_own_file.read(self.path).decode("utf-8"))
        self.after = dict(self.before)
        self.keeps = False  # beside it what it held, until the instance has come up with what it holds now

    @property
    def created(self) -> list[str]:
        return [name for name in self.after if not self.before.get(name)]

    @property
    def changed(self) -> bool:
        return self.after != self.before or (self.exists and not private_file.is_private(self.path))

    def apply(self) -> None:
        if self.after != self.before:
            previous = f"{self.path}.previous"
            # What an earlier run left there is what the instance came up with last
            if self.keeps and self.before and not os.path.lexists(previous):
                private_file.write(previous, _envfile.dump(self.before))
            private_file.write(self.path, _envfile.dump(self.after))
        elif self.changed:
            os.chmod(self.path, private_file.MODE)

    def diff(self) -> dict[str, str]:
        return {
            "before_header": self.path,
            "after_header": self.path,
            "before": self._names(self.before, not self.exists or private_file.is_private(self.path)),
            "after": self._names(self.after, True),
        }

    def _names(self, variables: dict[str, str], is_private: bool) -> str:
        other = [name for name, value in self.after.items() if self.before.get(name) not in (None, "", value)]
        marks = {name: " (another)" for name in other if variables is self.after}
        lines = [f"{name}: (secret){marks.get(name, '')}\n" for name, value in variables.items() if value]
        return "".join(lines + ([] if is_private else ["(readable by others than its owner)\n"]))


def plan_secrets(module: AnsibleModule, file: File) -> None:
    missing = [name for name in module.params["secret_variables"] if not file.before.get(name)]
    for name in missing:
        file.after[name] = secrets.token_hex(32)
    known = place.place_of(module.params["deployment_dir"])
    if "WEBUI_SECRET_KEY" in missing and known.exists():
        module.warn(
            f"{file.path} holds no WEBUI_SECRET_KEY although the instance already has a database: a new key ends all "
            "sessions, and what the old one encrypted stays unreadable. To keep the old key, put it there first."
        )


def plan_administrator(module: AnsibleModule, file: File) -> list[str]:
    """Fill in the file once; return the options that an existing one does not follow."""
    given = {name: module.params[option] for name, option in _ADMIN_OPTIONS.items() if module.params[option]}
    if file.exists:
        missing = [name for name in (credentials.EMAIL, credentials.PASSWORD) if not file.before.get(name)]
        if missing:
            module.fail_json(
                msg=f"{file.path} has no value for {', '.join(missing)}. Add it, or, if nobody has signed in yet, "
                "remove the file and run again."
            )
        return [_ADMIN_OPTIONS[name] for name, value in given.items() if value != file.before.get(name)]
    if credentials.EMAIL in given:
        file.after.update({credentials.PASSWORD: credentials.new_password()}, **given)
        credentials.check(file.after[credentials.EMAIL], file.after[credentials.PASSWORD])
    return []


def plan_database(module: AnsibleModule, file: File) -> None:
    """The official image makes its user at the first start of its data: another password later opens nothing."""
    kind, host = module.params["database"], module.params["database_host"]
    file.keeps = True
    if kind == "external":
        # Not known in check mode: it is not brought to the target then
        file.after = {place.URL: module.params["database_url"] or file.before.get(place.URL) or "(another)"}
    elif kind == "postgresql":
        data = os.path.join(module.params["deployment_dir"], place.DATA)
        password = file.before.get(place.PASSWORD)
        if not password and os.path.lexists(data):
            module.fail_json(
                msg=f"{file.path} holds no {place.PASSWORD}, and {data} has data that it opens. Put the file back from "
                f'a backup, or set another password: docker exec {host} psql -U mai -c "ALTER USER mai PASSWORD '
                "'…'\", "
                "and write it there."
            )
        password = password or secrets.token_hex(32)
        scheme = place.SCHEMES[module.params["database_driver"]]
        file.after = {
            place.USER: "mai",
            place.PASSWORD: password,
            place.NAME: "mai",
            place.URL: f"{scheme}://mai:{password}@{host}:5432/mai",
        }


def take_secret(module: AnsibleModule, option: str) -> str:
    path = module.params[option]
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            secret = stream.read()
        os.unlink(path)
    except (OSError, ValueError) as exc:
        module.fail_json(msg=f"The secret in {path} cannot be read: {type(exc).__name__}.")
    module.no_log_values.add(secret)
    return secret


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "deployment_dir": {"type": "path", "required": True},
            "client": {"type": "str"},
            "version": {"type": "str"},
            "directory_mode": {"type": "str", "choices": ["0700", "0710"], "default": "0700"},
            "secret_variables": {
                "type": "list",
                "elements": "str",
                "default": ["WEBUI_SECRET_KEY"],
                "no_log": False,
            },
            "admin_email": {"type": "str"},
            "admin_name": {"type": "str", "default": "Admin"},
            "admin_password": {"type": "str", "no_log": True},
            "admin_password_file": {"type": "path", "no_log": False},
            "database": {"type": "str", "choices": ["sqlite", "postgresql", "external"], "default": "sqlite"},
            "database_host": {"type": "str"},
            "database_driver": {"type": "str", "choices": ["psycopg2", "psycopg"], "default": "psycopg2"},
            "database_url": {"type": "str", "no_log": True},
            "database_url_file": {"type": "path", "no_log": False},
        },
        mutually_exclusive=[("admin_password", "admin_password_file"), ("database_url", "database_url_file")],
        required_if=[("database", "postgresql", ["database_host"])],
        supports_check_mode=True,
    )
    for option in ("admin_password", "database_url"):
        if module.params[f"{option}_file"]:
            module.params[option] = take_secret(module, f"{option}_file")
    directory = module.params["deployment_dir"]
    try:
        own = Directory(directory, module.params["client"], module.params["version"], module.params["directory_mode"])
        if own.changed and not module.check_mode:
            own.apply()
        if not os.path.isdir(directory) and not module.check_mode:
            module.fail_json(
                msg=f"The directory {directory} does not exist on the target. Create it first, with mode 0700."
            )
        secret_file, admin_file = File(directory, "secrets.env"), File(directory, "admin.env")
        database_file = File(directory, place.FILE)
        plan_secrets(module, secret_file)
        plan_database(module, database_file)
        not_applied = plan_administrator(module, admin_file)
        files = [file for file in (secret_file, admin_file, database_file) if file.changed]
        for file in files:
            _envfile.dump(file.after)
        if not module.check_mode:
            for file in files:
                file.apply()
    except credentials.CredentialsError as exc:
        module.fail_json(msg=str(exc))
    except ValueError as exc:
        # From _envfile, which names the variable only; a file that is not UTF-8 quotes no more than a byte.
        module.fail_json(msg=f"The secrets in {directory} cannot be written as an environment file: {exc}.")
    except OSError as exc:
        module.fail_json(
            msg=f"The secrets in {directory} cannot be read or written: {exc.strerror}. Run with become as root, "
            "and see that the disk is neither full nor read-only."
        )
    result = {
        "changed": bool(files) or own.changed,
        "created_variables": secret_file.created + admin_file.created + database_file.created,
        "password_generated": credentials.PASSWORD in admin_file.created and not module.params["admin_password"],
        "admin_email": admin_file.after.get(credentials.EMAIL),
        "not_applied": not_applied,
    }
    if module._diff:
        result["diff"] = [one.diff() for one in ([own] if own.changed else []) + files]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
