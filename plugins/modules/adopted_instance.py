#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: adopted_instance
short_description: Take an instance that was made by hand over into a client's directory
version_added: 0.1.0
description:
  - Carries out, on the target, what playbook C(adopt_client.yml) has decided about an instance that
    M(mai.clients.adoptable_instances) found. Its key, what it signs its sessions with and the variables that somebody
    gave it go into the client's environment files. They never leave the target.
  - Each state can be asked for again after a run was killed. What has begun is noted in C(.adopting) of
    O(deployment_dir).
author:
  - The mai.clients team (@mai-clients)
requirements:
  - Python >= 3.8 on the target
extends_documentation_fragment:
  - mai.clients.attributes
  - mai.clients.instance
options:
  state:
    description:
      - V(prepared) writes C(api_key.env), C(secrets.env), C(adopted.env) and the mark of the client. The instance is
        not touched.
      - V(taken) stops the container and renames it, copies the database aside, and has the data in C(data) of
        O(deployment_dir). Other Compose files in O(deployment_dir) are put aside in C(.before-adoption).
      - V(adopted) removes the container of before. What was put aside, and a volume, stay.
      - V(returned) undoes all of it, and starts the container of before if it ran.
    type: str
    choices: [prepared, taken, adopted, returned]
    required: true
  container:
    description: Name or identifier of the container. Required for V(prepared).
    type: str
  key_hash:
    description: Which of the instance's keys is the client's, by its SHA-256 in hex. Required for V(prepared).
    type: str
  secret_variables:
    description: Names under which the key is written.
    type: list
    elements: str
    default: [OPENAI_API_KEY]
  known_variables:
    description: Names of the variables that the inventory gives the instance. What it had by these names goes.
    type: list
    elements: str
    default: []
  new_secret_key:
    description:
      - Whether to go on where it is not known what the instance signs its sessions with. People sign in again then.
    type: bool
    default: false
  data:
    description: How the data come to C(data) of O(deployment_dir).
    type: str
    choices: [stays, renamed, copied, from the container]
    default: stays
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: mai.clients.adoptable_instances
"""

EXAMPLES = r"""
- name: Take over the secrets of company-abc
  mai.clients.adopted_instance:
    client: company-abc
    deployment_dir: /opt/mai/deployments/client-company-abc
    container: open-webui
    key_hash: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    state: prepared

- name: Stop it, and have its data in the directory of company-abc
  mai.clients.adopted_instance:
    client: company-abc
    deployment_dir: /opt/mai/deployments/client-company-abc
    state: taken
"""

RETURN = r"""
aside:
  description: Where what was there before is kept.
  returned: success
  type: str
  sample: /opt/mai/deployments/client-company-abc/.before-adoption
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._instance.adoption import ASIDE, Adoption
from ansible_collections.mai.clients.plugins.module_utils._instance.options import INSTANCE_OPTIONS, service_of


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **INSTANCE_OPTIONS,
            "state": {"type": "str", "choices": ["prepared", "taken", "adopted", "returned"], "required": True},
            "container": {"type": "str"},
            "key_hash": {"type": "str", "no_log": False},
            "secret_variables": {"type": "list", "elements": "str", "default": ["OPENAI_API_KEY"], "no_log": False},
            "known_variables": {"type": "list", "elements": "str", "default": []},
            "new_secret_key": {"type": "bool", "default": False, "no_log": False},
            "data": {
                "type": "str",
                "choices": ["stays", "renamed", "copied", "from the container"],
                "default": "stays",
            },
        },
        required_if=[("state", "prepared", ["container", "key_hash"])],
    )
    params = module.params
    try:
        adoption = Adoption(params["client"], params["deployment_dir"], params["container"] or "")
        if params["state"] == "prepared":
            changed = adoption.prepare(
                params["key_hash"],
                params["secret_variables"],
                params["known_variables"],
                params["new_secret_key"],
                params["data"],
            )
        elif params["state"] == "taken":
            changed = adoption.take(service_of(params))
        elif params["state"] == "adopted":
            changed = adoption.finish()
        else:
            changed = adoption.back(service_of(params))
    except Refused as refused:
        module.fail_json(msg=str(refused))
    except ValueError as error:
        # From _envfile, which names the variable only
        module.fail_json(msg=f"The instance's environment cannot be written as a file: {error}.")
    except OSError as error:
        module.fail_json(msg=f"{error.filename} cannot be written: {error.strerror}. Run with become as root.")
    module.exit_json(changed=changed, aside=os.path.join(params["deployment_dir"], ASIDE))


if __name__ == "__main__":
    main()
