#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: awx_plan
short_description: What of a controller differs from what it is to be
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - >-
    Reads what AWX, Automation Controller or Ascender has, and compares it with objects in the shape that the modules of
    C(awx.awx) take. Writes nothing.
  - >-
    A difference that cannot be seen (a secret that the controller masks) is none, unless the object is to replace it.
  - >-
    Runs on the controller, in its process, with the variables of the environment that the modules of C(awx.awx) take,
    too: E(CONTROLLER_HOST), E(CONTROLLER_OAUTH_TOKEN) or E(CONTROLLER_USERNAME) and E(CONTROLLER_PASSWORD),
    E(CONTROLLER_VERIFY_SSL).
  - The result is never shown, since notifications may hold passwords; RV(words) may be.
  - Fails before anything is made where something that is named is not there, or where it is there twice.
requirements:
  - httpx >= 0.27
  - the collection that O(namespace) names, whose modules make what differs
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
extends_documentation_fragment:
  - mai.clients.attributes
options:
  namespace:
    description: The collection whose modules talk to the controller.
    type: str
    default: awx.awx
  objects:
    description:
      - >-
        Lists of objects by their kind: C(organizations), C(execution_environments), C(credential_types),
        C(credentials), C(projects), C(inventories), C(groups), C(inventory_sources), C(notifications), C(templates),
        C(workflows) with C(simplified_workflow_nodes), C(schedules), C(roles).
    type: dict
    required: true
  referenced:
    description:
      - Names of objects that have to be there, by the endpoint that lists them and the variable that names them.
      - Each is one name or a list; an empty one names nothing.
    type: dict
    default: {}
  token:
    description: A token of the controller. Left out, the environment says who signs in.
    type: str
  provisioning_key:
    description:
      - >-
        OpenRouter's provisioning key, which has to be known where a credential is made. Left out,
        E(OPENROUTER_PROVISIONING_KEY) or the file that E(OPENROUTER_PROVISIONING_KEY_FILE) names. It is not sent.
    type: str
"""

EXAMPLES = r"""
- name: Decide what to change
  mai.clients.awx_plan:
    objects:
      inventories:
        - name: Clients
          organization: Default
    referenced:
      credentials:
        mai_awx_machine_credential: Machines
  register: plan
"""

RETURN = r"""
due:
  description: The objects that are to be given to their modules, by kind, and the steps and links of workflows.
  returned: success
  type: dict
words:
  description: A sentence for each of them.
  returned: success
  type: list
  elements: str
  sample:
    - would make inventory Clients
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {
    "namespace": {"type": "str", "default": "awx.awx"},
    "objects": {"type": "dict", "required": True},
    "referenced": {"type": "dict", "default": {}},
    "token": {"type": "str", "no_log": True},
    "provisioning_key": {"type": "str", "no_log": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="awx_plan runs on the controller, as an action plugin of the same name.")


if __name__ == "__main__":
    main()
