#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_user
short_description: The user of the machine as whom a native instance runs
version_added: 0.1.0
description:
  - Makes a system user of the client's own where it is missing, and lets it go through the client's directory (mode
    V(0710), the directory's group becomes the user's), so that it reaches C(data) there. It reads nothing else in it.
  - Directories above the client's that are the collection's own (that of the locks, and those that hold nothing else)
    are made to let everybody through, without letting anybody list them. Fails where another lets the user not through.
  - A user that the collection made is known by its comment. Any other is only used where O(own) is V(false), and never
    changed or removed.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  client:
    description: Slug of the client.
    type: str
    required: true
  deployment_dir:
    description: The client's directory on the target.
    type: path
    required: true
  name:
    description: Name of the user.
    type: str
    required: true
  own:
    description: Whether it is the client's own, made by the collection, and not one that the operator named.
    type: bool
    default: true
  state:
    description: V(absent) removes a user that the collection made for this client, and its group.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: mai.clients.instance_data
"""

EXAMPLES = r"""
- name: The user of company-abc
  mai.clients.instance_user:
    client: company-abc
    deployment_dir: /opt/mai/deployments/client-company-abc
    name: mai-companyabc
"""

RETURN = r"""
made:
  description: Whether the user was made, or would be in check mode.
  returned: success
  type: bool
"""

import os
import pwd
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._text import shown

DIRECTORY_MODE = 0o710


def comment(client: str) -> str:
    return f"mAI of client {client}"


def account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def make_command(name: str, client: str, home: str, has_useradd: bool) -> list[str]:
    if has_useradd:
        options = ["--system", "--user-group", "--no-create-home", "--home-dir", home, "--shell", "/usr/sbin/nologin"]
        return ["useradd", *options, "--comment", comment(client), name]
    # BusyBox's
    return ["adduser", "-S", "-D", "-H", "-h", home, "-s", "/sbin/nologin", "-g", comment(client), name]


def is_ours(place: str, following: str) -> bool:
    """Whether a directory on the way is nothing but a way to clients: runs make them where they are missing."""
    entries = os.listdir(place)
    return ".locks" in entries or entries == [following]


def closed_way(directory: str, user: pwd.struct_passwd) -> list[tuple[str, bool]]:
    """The directories on the way that do not let the user through, and whether each is the collection's own."""
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    parts = os.path.realpath(directory).split(os.sep)
    closed = []
    for depth in range(1, len(parts)):
        place = os.sep.join(parts[:depth]) or os.sep
        status = os.stat(place)
        if status.st_uid == user.pw_uid:
            passes = status.st_mode & stat.S_IXUSR
        elif status.st_gid in groups:
            passes = status.st_mode & stat.S_IXGRP
        else:
            passes = status.st_mode & stat.S_IXOTH
        if not passes:
            closed.append((place, is_ours(place, parts[depth])))
    return closed


class User:
    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.name, self.directory = self.params["name"], self.params["deployment_dir"]
        self.found = account(self.name)

    def _fail(self, message: str) -> None:
        self.module.fail_json(msg=message)

    def _run(self, command: list[str]) -> None:
        code, _output, error = self.module.run_command(command)
        if code != 0:
            self._fail(f"{command[0]} could not do its part for the user {self.name}: {shown(error)}")

    def present(self) -> dict[str, bool]:
        own, made = self.params["own"], False
        if self.found is None and not own:
            self._fail(
                f"There is no user {self.name} on the machine, whom mai_native_user names: make that user, or leave "
                "mai_native_user out."
            )
        if self.found is not None and own and self.found.pw_gecos != comment(self.params["client"]):
            self._fail(
                f"The user {self.name} of the machine was not made by this collection, and is not taken over: set "
                "mai_native_user to a user of your choice."
            )
        if self.found is not None and self.found.pw_uid == 0:
            self._fail(f"The user {self.name} is root: set mai_native_user to root if you mean that.")
        if self.found is None:
            made = True
            if not self.module.check_mode:
                has_useradd = bool(self.module.get_bin_path("useradd"))
                home = os.path.join(self.directory, "data")
                self._run(make_command(self.name, self.params["client"], home, has_useradd))
                self.found = account(self.name)
        changed = made
        if self.found is not None and os.path.isdir(self.directory):
            closed = closed_way(self.directory, self.found)
            for place, ours in closed:
                if not ours:
                    self._fail(
                        f"The user {self.name}, as whom the instance is to run, cannot go through {place} to its data: "
                        f"let everybody through (chmod o+x {place}), choose another mai_deployments_dir, or set "
                        "mai_native_user."
                    )
            for place, _ours in closed:
                if not self.module.check_mode:
                    os.chmod(place, stat.S_IMODE(os.stat(place).st_mode) | stat.S_IXGRP | stat.S_IXOTH)
            changed |= self._opened() or bool(closed)
        return {"changed": changed, "made": made}

    def _opened(self) -> bool:
        """The client's directory lets the user through, and nobody else."""
        status = os.stat(self.directory)
        right = status.st_gid == self.found.pw_gid and stat.S_IMODE(status.st_mode) == DIRECTORY_MODE
        if not right and not self.module.check_mode:
            os.chown(self.directory, -1, self.found.pw_gid)
            os.chmod(self.directory, DIRECTORY_MODE)
        return not right

    def absent(self) -> dict[str, bool]:
        ours = self.found is not None and self.found.pw_gecos == comment(self.params["client"])
        if ours and not self.module.check_mode:
            self._run(["userdel" if self.module.get_bin_path("userdel") else "deluser", self.name])
        return {"changed": ours, "made": False}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "client": {"type": "str", "required": True},
            "deployment_dir": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "own": {"type": "bool", "default": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    user = User(module)
    try:
        module.exit_json(**(user.present() if module.params["state"] == "present" else user.absent()))
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename} cannot be given to the user {user.name}: {error.strerror}. Run with become."
        )


if __name__ == "__main__":
    main()
