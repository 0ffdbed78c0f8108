#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_chat
short_description: Prove with one chat of one token that an instance works and who pays for it
version_added: 0.1.0
description:
  - Sends one chat of one token through the client's instance, on the target host, in a session of at most 60 seconds
    that is made there from E(WEBUI_SECRET_KEY), without anybody's password.
  - Then asks OpenRouter with the client's key for the record of that chat. OpenRouter tells a key only of its own
    chats, so a record proves that the instance pays with this key.
  - It costs a fraction of a cent, on the client's key. Nothing is kept in the instance.
  - A chat that does not work is a result (RV(status)), not a failure of the task.
author:
  - The mai.clients team (@mai-clients)
requirements:
  - Python >= 3.8 on the target
extends_documentation_fragment:
  - mai.clients.attributes
options:
  url:
    description: Address of the instance on this machine.
    type: str
    required: true
  base_url:
    description: Address of the API that the instance uses, for example V(https://openrouter.ai/api/v1).
    type: str
    required: true
  deployment_dir:
    description: The client's directory on the target, with C(api_key.env), C(secrets.env) and C(data/webui.db).
    type: path
    required: true
  user:
    description:
      - What the chat is recorded under at OpenRouter (its C(user)), for example V(company-abc-001).
      - An instance of mAI sets its own, see RV(external_user).
    type: str
  model:
    description: Model to use. By default the one with the lowest price that the instance offers.
    type: str
attributes:
  check_mode:
    support: full
    details: Nothing is sent, and RV(status) is V(unknown).
  diff_mode:
    support: N/A
    details: The module changes nothing.
  idempotent:
    support: full
    details: Each run pays for one chat, and changes nothing.
seealso:
  - module: mai.clients.instance_info
"""

EXAMPLES = r"""
- name: Try the instance of company-abc with one token
  mai.clients.instance_chat:
    url: http://127.0.0.1:8001
    base_url: https://openrouter.ai/api/v1
    deployment_dir: /opt/mai/deployments/client-company-abc
    user: company-abc-001
  register: chat

- name: Insist that it works
  ansible.builtin.assert:
    that: chat.status == 'ok'
    fail_msg: "{{ chat.reason }}"
"""

RETURN = r"""
status:
  description:
    - V(ok) when the chat was answered and OpenRouter has it on record under the client's key.
    - V(failed) when it was refused, or paid for with another key.
    - V(unknown) when it could not be tried, or its record not be read.
  returned: success
  type: str
  sample: ok
reason:
  description: Why it is not V(ok), for an operator; null when it is.
  returned: success
  type: str
model:
  description: The model that was used.
  returned: success
  type: str
  sample: mistralai/ministral-3b
generation:
  description: OpenRouter's identifier of the chat.
  returned: success
  type: str
  sample: gen-1795526160-5f0c2d1e
external_user:
  description: The user that OpenRouter recorded the chat under, or null.
  returned: success
  type: str
  sample: company-abc-001_user_1f2e3d4c
cost:
  description: What it cost, in USD; null where that is not told.
  returned: success
  type: float
  sample: 0.0000021
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._instance import chat, database, folder
from ansible_collections.mai.clients.plugins.module_utils._instance.place import place_of
from ansible_collections.mai.clients.plugins.module_utils._secret_file import SecretError, read_secret


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "base_url": {"type": "str", "required": True},
            "deployment_dir": {"type": "path", "required": True},
            "user": {"type": "str"},
            "model": {"type": "str"},
        },
        supports_check_mode=True,
    )
    params = module.params
    nothing = dict.fromkeys(("generation", "external_user", "cost"))
    if module.check_mode:
        module.exit_json(
            changed=False, status="unknown", reason="not tried in check mode", model=params["model"], **nothing
        )
    directory = params["deployment_dir"]
    try:
        key = read_secret(os.path.join(directory, "api_key.env"), "OPENAI_API_KEY")
        administrator = database.look(place_of(directory)).administrator
        token = chat.session_of(folder.variables(directory, "secrets.env").get("WEBUI_SECRET_KEY"), administrator)
    except SecretError as error:
        module.fail_json(msg=str(error))
    except chat.Outcome as outcome:
        module.exit_json(changed=False, status=outcome.status, reason=outcome.reason, model=params["model"], **nothing)
    result = chat.chat(
        params["url"].rstrip("/"), token, params["base_url"].rstrip("/"), key, params["user"], params["model"]
    )
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
