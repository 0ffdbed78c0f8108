#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_data
short_description: Give an instance's data to the user as whom it runs
version_added: 0.1.0
description:
  - Makes C(data) in a client's directory, and everything in it, the property of the user as whom the image runs, so
    that an instance that is not root can write there. Of a native instance it is a user of the machine, O(owner).
  - An image that runs as root needs nothing of it, and nothing is changed for one.
  - A user's name is looked up in the image's own C(/etc/passwd). Nothing in the image is started for that.
  - Stop the instance first where its user changes. No link is followed.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
  - mai.clients.instance
attributes:
  check_mode:
    support: partial
    details: For a user's name a container is made, which never runs, and removed.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  image:
    description: Name or identifier of an image on the target.
    type: str
  owner:
    description: Name of a user of the machine, for a native instance.
    type: str
  user:
    description: As whom the instance runs, where that is not as the image says. As Compose has it, C(USER[:GROUP]).
    type: str
seealso:
  - module: mai.clients.instance_files
"""

EXAMPLES = r"""
- name: Let the instance write to its data
  mai.clients.instance_data:
    client: company-abc
    deployment_dir: /opt/mai/deployments/client-company-abc
    image: registry.example.com/mai:1.4.2

- name: The same for a native instance
  mai.clients.instance_data:
    client: company-abc
    deployment_dir: /opt/mai/deployments/client-company-abc
    owner: mai-companyabc
"""

RETURN = r"""
owner:
  description: The user's number, null where the image runs as root.
  returned: success
  type: int
  sample: 1000
given:
  description: How many files and directories became the user's, or would in check mode, C(data) included.
  returned: success
  type: int
  sample: 1
"""

import os
import pwd
from contextlib import suppress

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused, confined
from ansible_collections.mai.clients.plugins.module_utils._instance import engine, image_user, system
from ansible_collections.mai.clients.plugins.module_utils._instance.options import INSTANCE_OPTIONS, service_of
from ansible_collections.mai.clients.plugins.module_utils._text import shown

# As Docker makes a directory that is mounted; the client's own directory above it is root's alone
_MODE = 0o755
_SECONDS = 600


def owner_of(image: str, user: str | None, service: str) -> int | None:
    """The number of the user as whom an instance of the image runs; None for root."""
    found = engine.image(image, system.run(*engine.IMAGE, image))
    if not found["present"]:
        raise Refused(f"The image {shown(image)} is not on the machine.", "missing")
    name = image_user.user_of(user) if user else found["user"]
    if name is None:
        return None
    number = image_user.number_of(name, None)
    if number is None:
        number = image_user.number_of(name, engine.accounts(image, f"{service}-accounts"))
    if number is None:
        raise Refused(
            f"The image {shown(image)} runs as the user {shown(name)}, whom its /etc/passwd does not know, so its data "
            "could not be given to anyone: name the user by number, in the image or in mai_compose_extra.service.user.",
            "refused",
        )
    return number or None


def account_of(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Refused(f"There is no user {shown(name)} on the machine.", "missing") from None


def give(folder: str, owner: int, only_look: bool) -> int:
    """Give the folder, and all that is in it, to the owner; how many things that were."""
    missing = not os.path.lexists(folder)
    if missing and only_look:
        return 1
    if missing:
        os.mkdir(folder)
        os.chmod(folder, _MODE)
    given = confined(f"the data {folder}", _give_all, owner, only_look, folder=folder, seconds=_SECONDS)
    return max(given, int(missing))


def _give_all(owner: int, only_look: bool) -> int:
    given = 0
    for _path, directories, files, here in os.fwalk(".", follow_symlinks=False):
        for name in (".", *directories, *files):
            # What the instance removed meanwhile needs no owner
            with suppress(FileNotFoundError):
                if os.stat(name, dir_fd=here, follow_symlinks=False).st_uid != owner:
                    given += 1
                    if not only_look:
                        os.chown(name, owner, -1, dir_fd=here, follow_symlinks=False)
    return given


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **INSTANCE_OPTIONS,
            "image": {"type": "str"},
            "owner": {"type": "str"},
            "user": {"type": "str"},
        },
        mutually_exclusive=[("image", "owner"), ("user", "owner")],
        required_one_of=[("image", "owner")],
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["owner"]:
            owner = account_of(params["owner"])
        else:
            owner = owner_of(params["image"], params["user"], service_of(params))
        given = 0
        if owner is not None:
            given = give(os.path.join(params["deployment_dir"], "data"), owner, module.check_mode)
    except Refused as refused:
        module.fail_json(msg=str(refused))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} cannot be made: {error.strerror}. Run onboard_client.yml, with become.")
    module.exit_json(changed=given > 0, owner=owner, given=given)


if __name__ == "__main__":
    main()
