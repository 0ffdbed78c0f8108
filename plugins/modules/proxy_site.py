#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: proxy_site
short_description: The site of one client in Caddy's configuration
version_added: 0.1.0
description:
  - Writes, on the target, one client's site into a file of its own below C(/etc/caddy/mai.d), has Caddy read its whole
    configuration, and reloads it. Caddy is never restarted. It is started where it does not run.
  - What Caddy does not accept is taken back, and the message has Caddy's own words. What was served is served on.
  - The operator's own C(/etc/caddy/Caddyfile) is kept. One line that imports these sites is added where it
    has none.
  - Runs for several clients of one machine take turns.
author:
  - The mai.clients team (@mai-clients)
requirements:
  - Python >= 3.8 on the target
  - Caddy 2.6 or newer as C(caddy.service), for O(state=present)
extends_documentation_fragment:
  - mai.clients.attributes
options:
  client:
    description: Slug of the client whose site it is. A file of that name that bears no mark of it is refused.
    type: str
    required: true
  state:
    description:
      - V(absent) removes the client's site and the files that were brought for it. V(present) removes those that
        O(content) does not name.
    type: str
    choices: [present, absent]
    default: present
  content:
    description: What the site's file holds. Its first line is the mark, C(# mai.clients.client:) and the slug.
    type: str
  fqdn:
    description: The name of the site. With it, the module waits until Caddy shows a certificate for it.
    type: str
  certificate:
    description:
      - File on the controller with the certificate. It comes to the target as C(<client>.crt) beside the site, and
        together with a O(key) as C(<client>.pem), which then holds both.
    type: str
  key:
    description:
      - File on the controller with the private key, which may be encrypted with Ansible Vault. It comes to the target
        as C(<client>.key), or C(<client>.pem), for root and Caddy only; as the standard input of a command, apart from
        the other options.
    type: str
  root:
    description: File on the controller with the root certificate of an ACME directory; C(<client>.root.crt) there.
    type: str
  brought:
    description:
      - Files on the target that hold these instead, by what they are. They are removed once they have been read.
      - Used by the action plugin of this module.
    type: dict
    default: {}
  retry:
    description:
      - Whether Caddy is reloaded although nothing differs. It then asks at once for a certificate that it did not get,
        and not when it next would, which may be hours later.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for a certificate of O(fqdn). That there is none is in the result, and no error.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Of the site and of Caddy's configuration; of other files only that they differ.
  idempotent:
    support: full
seealso:
  - module: mai.clients.instance_info
"""

EXAMPLES = r"""
- name: Publish company-abc
  mai.clients.proxy_site:
    client: company-abc
    fqdn: mai-companyabc.example.com
    content: |
      # mai.clients.client: company-abc
      mai-companyabc.example.com {
          reverse_proxy 127.0.0.1:8001
      }

- name: The same with a certificate of one's own
  mai.clients.proxy_site:
    client: company-abc
    fqdn: mai-companyabc.example.com
    certificate: certificates/company-abc.crt
    key: certificates/company-abc.key
    content: |
      # mai.clients.client: company-abc
      mai-companyabc.example.com {
          tls /etc/caddy/mai.d/company-abc.pem /etc/caddy/mai.d/company-abc.pem
          reverse_proxy 127.0.0.1:8001
      }

- name: Publish it no longer
  mai.clients.proxy_site:
    client: company-abc
    state: absent
"""

RETURN = r"""
path:
  description: The file of the site.
  returned: success
  type: str
  sample: /etc/caddy/mai.d/company-abc.caddy
certificate_shown:
  description: Whether Caddy shows a certificate for O(fqdn). Null where it was not waited for.
  returned: success
  type: bool
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils import _caddy, _certificate
from ansible_collections.mai.clients.plugins.module_utils._instance import site


def _brought(module: AnsibleModule, caddy: _caddy.Caddy) -> dict[str, _caddy.Content]:
    found = {what: site.read(path) for what, path in module.params["brought"].items()}
    if not module.check_mode:
        for path in module.params["brought"].values():
            os.unlink(path)
    files = {}
    if {"certificate", "key"} <= set(found):
        found["pair"] = _certificate.joined(found.pop("certificate") or b"", found.pop("key") or b"")
    for what, content in found.items():
        secret = what in ("key", "pair")
        files[site.tls_path(module.params["client"], what)] = _caddy.Content(
            content, 0o640 if secret else 0o644, caddy.group if secret else 0
        )
    return files


def _wanted(module: AnsibleModule, caddy: _caddy.Caddy) -> dict[str, _caddy.Content]:
    client = module.params["client"]
    present, path = module.params["state"] == "present", site.site_path(client)
    content = module.params["content"] if present else ""
    # Those that no site names any more, with their keys
    wanted = {one: _caddy.Content(None) for one in site.tls_files(client) if one not in content}
    if not present:
        return {**wanted, **({path: _caddy.Content(None)} if os.path.lexists(path) else {})}
    wanted.update(_brought(module, caddy))
    wanted[path] = _caddy.Content(content.encode("utf-8"))
    configuration = caddy.imports()
    if configuration:
        wanted[caddy.config_file()] = configuration
    return wanted


def _shown(path: str, content: bytes | None) -> str:
    if content is None:
        return ""
    return content.decode("utf-8", "replace") if path.endswith((".caddy", "Caddyfile")) else "(a file)\n"


def _added(path: str, content: bytes | None) -> bytes | None:
    before = (site.read(path) or b"") if path.endswith("Caddyfile") else b""
    return content if content is None or not content.startswith(before) else content[len(before) :]


def _diff(changes: dict[str, _caddy.Content]) -> list[dict[str, str]]:
    return [
        {
            "before_header": path,
            "after_header": path,
            # Of the machine's own configuration, which may hold tokens and hashes, what is added to it
            "before": "" if path.endswith("Caddyfile") else _shown(path, site.read(path)),
            "after": _shown(path, _added(path, wanted.content)).replace("(a file)", "(another file)"),
        }
        for path, wanted in changes.items()
    ]


def _apply(module: AnsibleModule) -> dict:
    client, path = module.params["client"], site.site_path(module.params["client"])
    caddy = _caddy.Caddy(module.run_command)
    present = module.params["state"] == "present"
    found, pending = site.read(path), site.pending_path(client)
    if found is not None and not found.startswith(f"{site.MARK}{client}\n".encode()):
        module.fail_json(
            msg=f"{path} was not made by this collection for {client}. Nothing of it is replaced: put it away by hand."
        )
    if present and not module.check_mode and (not _caddy.is_there() or caddy.unit.get("LoadState") != "loaded"):
        module.fail_json(msg="There is no Caddy with a unit caddy.service on the machine: install it, and run again.")
    changes = {one: wanted for one, wanted in _wanted(module, caddy).items() if _caddy.differs(one, wanted)}
    due = bool(changes) or os.path.exists(pending) or (present and (not caddy.active or module.params["retry"]))
    result = {"changed": due, "path": path, "certificate_shown": None}
    if module._diff:
        result["diff"] = _diff(changes)
    if due and not module.check_mode:
        if _caddy.is_there():
            caddy.change(changes, client)
        else:
            for one, wanted in changes.items():
                _caddy.write(one, wanted)
        site.sweep(client)
        # Another reload would make Caddy begin anew; but for one that does not come, nobody else waits for long
        if present and module.params["fqdn"]:
            result["certificate_shown"] = _wait(module, min(module.params["timeout"], 15))
    return result


def _wait(module: AnsibleModule, seconds: int) -> bool:
    return _caddy.wait_for_certificate(module.params["fqdn"], seconds)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "client": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "content": {"type": "str"},
            "fqdn": {"type": "str"},
            "certificate": {"type": "str"},
            "key": {"type": "str", "no_log": False},
            "root": {"type": "str"},
            "brought": {"type": "dict", "default": {}},
            "retry": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
        },
        required_if=[("state", "present", ("content",))],
        supports_check_mode=True,
    )
    try:
        if not os.path.isdir(site.DIRECTORY):
            if module.params["state"] == "absent" or module.check_mode:
                module.exit_json(
                    changed=module.params["state"] == "present",
                    path=site.site_path(module.params["client"]),
                    certificate_shown=None,
                )
            os.makedirs(site.DIRECTORY, 0o755, exist_ok=True)
        with _caddy.locked(site.DIRECTORY):
            result = _apply(module)
        if result["certificate_shown"] is False:
            result["certificate_shown"] = _wait(module, module.params["timeout"] - 15)
        module.exit_json(**result)
    except _caddy.NotTaken as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(
            msg=f"The site cannot be written: {error.strerror} ({error.filename}). Run with become as root."
        )


if __name__ == "__main__":
    main()
