#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_files
short_description: Files and directories of a client on its machine, in one transfer
version_added: 0.1.0
description:
  - Writes the files that differ in content or mode, each whole or not at all. The machine is asked once, however many
    there are.
  - Their content travels as the standard input of one command, never as an argument, and is in no result.
  - What is a symbolic link is not followed, and fails the task.
  - The machine needs a POSIX shell and coreutils, no Python.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Of a secret file only its path.
  idempotent:
    support: full
options:
  directories:
    description:
      - Directories that are made, parents included, where they are missing.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Its path on the machine.
        type: str
        required: true
      mode:
        description: Its permissions, four octal digits.
        type: str
        default: "0700"
  files:
    description:
      - Files, in the order in which they are written, after the directories.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Its path on the machine. Its directory must exist, or be one of O(directories).
        type: str
        required: true
      content:
        description: What it holds.
        type: str
        required: true
      mode:
        description: Its permissions, four octal digits.
        type: str
        default: "0600"
      secret:
        description: Whether its content may be in no diff.
        type: bool
        default: false
  keep_in:
    description:
      - Directory on the machine that gets a copy of each of O(files) that is there, before any is written.
    type: str
seealso:
  - module: mai.clients.instance_secrets
"""

EXAMPLES = r"""
- name: Write what the instance is started with
  mai.clients.instance_files:
    files:
      - path: /opt/mai/deployments/client-company-abc/settings.env
        content: "{{ {'WEBUI_NAME': 'Company ABC'} | mai.clients.env_file }}"
        secret: true
      - path: /opt/mai/deployments/client-company-abc/compose.yml
        content: "{{ lookup('ansible.builtin.template', 'compose.yml.j2') }}"
    keep_in: /opt/mai/deployments/client-company-abc/.previous
"""

RETURN = r"""
written:
  description: Paths of what was written, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample:
    - /opt/mai/deployments/client-company-abc/compose.yml
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {
    "directories": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"path": {"type": "str", "required": True}, "mode": {"type": "str", "default": "0700"}},
    },
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "str", "required": True},
            "content": {"type": "str", "required": True},
            "mode": {"type": "str", "default": "0600"},
            "secret": {"type": "bool", "default": False, "no_log": False},
        },
    },
    "keep_in": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="mai.clients.instance_files runs on the controller: its action plugin was not found there.")


if __name__ == "__main__":
    main()
