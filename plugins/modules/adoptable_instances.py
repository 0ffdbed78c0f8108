#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: adoptable_instances
short_description: Instances on a machine that were made by hand
version_added: 0.1.0
description:
  - Finds, on the target, the containers of mAI or Open WebUI that bear no mark of this collection, whoever made them
    with whatever (Docker Compose of any generation, C(docker run)), running or stopped.
  - Tells of each what it takes to adopt it. Nothing is changed, and no secret is returned. Keys come as their SHA-256,
    which is the hash that OpenRouter knows them by, and of other variables only the names.
  - Their databases are read as M(mai.clients.instance_info) reads them.
author:
  - The mai.clients team (@mai-clients)
requirements:
  - Python >= 3.8 on the target
extends_documentation_fragment:
  - mai.clients.attributes
options:
  container:
    description: Only the one of this name. It wins over O(port).
    type: str
  port:
    description: Only those that publish this port of the machine, or would if they ran.
    type: int
  people:
    description: E-mail addresses whose accounts are told of, whatever their case.
    type: list
    elements: str
    default: []
  deployment_dir:
    description:
      - Directory on the target that the client is to have. An instance whose adoption was begun there, and not ended,
        is found by what that noted, whatever the other options say.
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: mai.clients.adopted_instance
"""

EXAMPLES = r"""
- name: Look for instances that were made by hand
  mai.clients.adoptable_instances:

- name: Look at the one that has the port of company-abc
  mai.clients.adoptable_instances:
    port: 8001
    deployment_dir: /opt/mai/deployments/client-company-abc
"""

RETURN = r"""
instances:
  description:
    - One entry for each. C(container), C(id), C(state), C(image), C(image_id), C(started_at), C(host_ip), C(port) and
      C(inner_port) (null and none where it publishes nothing).
    - C(project), C(working_dir) and C(config_files), what Docker Compose was called with; null for C(docker run).
    - C(data), with C(kind) (V(bind), V(volume), V(layer) for one without a mount, V(within) for a folder of a mount),
      C(source) (path on the machine), C(volume), C(bytes) and C(device) (number of its file system).
    - C(key_candidates), C(database), C(stored_connection) and C(stored_settings), as M(mai.clients.instance_info)
      returns them.
    - C(accounts), of the addresses in O(people) and of nobody else.
    - C(onboarding), whether it has no account yet (null where it does not run).
    - C(secret_key), where it is (V(environment), V(file), V(default), null), and whether the instance accepts a session
      made with it (null where it does not run, or has no administrator).
    - C(external_user), C(organization_name), C(api_base_url), and C(settings), the values of a few variables that are
      no secrets.
    - C(added), names of the variables that somebody gave it. C(uncarriable), those of them that no environment file
      carries. C(several_keys), whether its environment holds a list of keys.
    - C(extras), how else it differs from an instance of this collection.
  returned: success
  type: list
  elements: dict
begun:
  description:
    - The adoption that was begun in O(deployment_dir), null for none. C(id) and C(name) of the container as it was,
      C(taken), whether it was stopped for good.
  returned: success
  type: dict
directory:
  description: What lies in O(deployment_dir). C(data), whether there is a folder of that name.
  returned: success
  type: dict
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils import _envfile
from ansible_collections.mai.clients.plugins.module_utils._instance import (
    adoption,
    engine,
    folder,
    hand_made,
    system,
    web,
)
from ansible_collections.mai.clients.plugins.module_utils._instance.health import CONFIG
from ansible_collections.mai.clients.plugins.module_utils._instance.saved_hashes import saved_connections, saved_hashes
from ansible_collections.mai.clients.plugins.module_utils._instance.session import token
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown, show_url

_COMPOSE = "com.docker.compose.project"


def told(one: hand_made.HandMade, every: list[dict[str, Any]], emails: list[str]) -> dict[str, Any]:
    container, contents, published = one.described(), one.contents(emails), one.published() or {}
    url = engine.url(container) if one.running else None
    labels = one.config.get("Labels") or {}
    variables = one.own_variables()
    where, key = one.secret_key(contents, url)
    accepted, onboarding = None, None
    if url:
        onboarding = bool(web.request(url + CONFIG, timeout=10).get("onboarding", False))
    if key and url and contents.administrator:
        answer = web.request(url + "/api/v1/auths/", token=token(key, contents.administrator), timeout=10)
        accepted = True if answer.ok and answer.data else False if answer.status == 401 else None
    return {
        "container": one.name,
        "id": one.identifier,
        "state": container["state"],
        "image": one.config.get("Image"),
        "image_id": one.entry.get("Image"),
        "started_at": container["started_at"],
        "host_ip": published.get("host_ip"),
        "port": published.get("host_port"),
        "inner_port": one.inner_port,
        "project": labels.get(_COMPOSE),
        "working_dir": labels.get(f"{_COMPOSE}.working_dir"),
        "config_files": (labels.get(f"{_COMPOSE}.config_files") or "").split(",") if _COMPOSE in labels else [],
        "data": {**one.data, **_extent(one.data["source"])},
        "key_candidates": [{"where": place, "hash": sha256(value)} for place, value in one.keys(contents)],
        "database": contents.summary,
        "accounts": contents.accounts_shown(),
        "onboarding": onboarding,
        "stored_connection": saved_connections(contents.saved),
        "stored_settings": saved_hashes(contents.saved, one.environment),
        "secret_key": {"found": where, "accepted": accepted},
        "external_user": one.environment.get("OPENROUTER_EXTERNAL_USER"),
        "organization_name": one.environment.get("ORGANIZATION_NAME") or one.environment.get("CLIENT_ORG_NAME"),
        "api_base_url": show_url(one.environment.get("OPENAI_API_BASE_URL") or ""),
        "environment": folder.hashes(one.environment),
        "settings": {name: variables[name] for name in hand_made.TELLABLE if name in variables},
        "added": sorted(variables),
        "uncarriable": [name for name in sorted(variables) if not _carried(name, variables[name])],
        "several_keys": len({value for place, value in one.keys(contents) if place == "environment"}) > 1,
        "extras": one.extras(every),
    }


def _carried(name: str, value: str) -> bool:
    try:
        _envfile.dump({name: value})
    except ValueError:
        return False
    return True


def _extent(source: str | None) -> dict[str, int | None]:
    """How much room it takes, and on which file system; of a very large one only the latter in time."""
    if source is None:
        return {"bytes": None, "device": None}
    counted = system.run("du", "--summarize", "--block-size=1", source, timeout=60).output.split()
    return {"bytes": int(counted[0]) if counted and counted[0].isdigit() else None, "device": system.device(source)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "container": {"type": "str"},
            "port": {"type": "int"},
            "people": {"type": "list", "elements": "str", "default": []},
            "deployment_dir": {"type": "path"},
        },
        supports_check_mode=True,
    )
    params = module.params
    directory = params["deployment_dir"]
    begun = adoption.begun(directory) if directory else None
    every = engine.inspect_containers()
    found = hand_made.instances(every)
    if begun:
        found = [one for one in found if one.identifier == begun["id"]]
    elif params["container"]:
        found = [one for one in found if one.name == params["container"]]
    elif params["port"]:
        found = [one for one in found if (one.published() or {}).get("host_port") == params["port"]]
    module.exit_json(
        changed=False,
        instances=all_shown([told(one, every, params["people"]) for one in found]),
        begun={name: begun[name] for name in ("id", "name", "taken")} if begun else None,
        directory={"data": bool(directory) and os.path.lexists(os.path.join(directory, "data"))},
    )


if __name__ == "__main__":
    main()
