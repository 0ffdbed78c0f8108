#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: key_recovery
short_description: Find a client's lost key elsewhere on its machine
version_added: 0.1.0
description:
  - When the file with a client's key was lost, the key may still be in the environment of the running container or
    process, among the connections saved in Open WebUI, or in the organisation's record.
  - Looks there, on the target, for a key whose SHA-256 is one of O(hashes), and writes it back into O(secret_file)
    (mode 0600). The key never leaves the target and is in no result.
  - A file that already holds such a key is left as it is. That none was found is no failure.
author:
  - The mai.clients team (@mai-clients)
requirements:
  - Python >= 3.8 on the target
extends_documentation_fragment:
  - mai.clients.attributes
  - mai.clients.instance
options:
  hashes:
    description: Hashes (SHA-256 in hex) of the keys that are the client's at OpenRouter.
    type: list
    elements: str
    required: true
  secret_file:
    description: Environment file on the target for the key. Its directory must exist.
    type: path
    required: true
  secret_variables:
    description: Names under which the key is written.
    type: list
    elements: str
    default: [OPENAI_API_KEY]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Put the key of company-abc back into its file
  mai.clients.key_recovery:
    hashes:
      - 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
    client: company-abc
    service: mai-companyabc
    deployment_dir: /opt/mai/deployments/client-company-abc
"""

RETURN = r"""
found:
  description: Where the key was found; null when it was found nowhere, or the file already held it.
  returned: success
  type: str
  sample: saved in Open WebUI
key_hash:
  description: Hash of the key that the file holds now, or would hold in check mode; null for none of O(hashes).
  returned: success
  type: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils import _envfile
from ansible_collections.mai.clients.plugins.module_utils._instance import candidates, folder, private_file
from ansible_collections.mai.clients.plugins.module_utils._instance.options import INSTANCE_OPTIONS, service_of
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "hashes": {"type": "list", "elements": "str", "required": True},
            "secret_file": {"type": "path", "required": True, "no_log": False},
            "secret_variables": {"type": "list", "elements": "str", "default": ["OPENAI_API_KEY"], "no_log": False},
            **INSTANCE_OPTIONS,
        },
        supports_check_mode=True,
    )
    params = module.params
    wanted = set(params["hashes"])
    directory, name = os.path.split(params["secret_file"])
    held = {sha256(value) for value in folder.variables(directory, name).values()} & wanted
    if held:
        module.exit_json(changed=False, found=None, key_hash=held.pop())

    for where, key in candidates.keys(params["client"], service_of(params), params["deployment_dir"]):
        if sha256(key) in wanted:
            text = _envfile.dump({variable: key for variable in params["secret_variables"]})
            if not module.check_mode:
                try:
                    private_file.write(params["secret_file"], text)
                except OSError as error:
                    module.fail_json(msg=f"{params['secret_file']} cannot be written: {error.strerror}.")
            module.exit_json(changed=True, found=where, key_hash=sha256(key))
    module.exit_json(changed=False, found=None, key_hash=None)


if __name__ == "__main__":
    main()
