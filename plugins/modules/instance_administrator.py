#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_administrator
short_description: The first administrator of an instance
version_added: 0.1.0
description:
  - Makes sure, on the target, that an instance of mAI or Open WebUI has an administrator before anybody but the
    target itself can reach it. A stranger's first sign-up would become administrator.
  - Releases from 0.9 on create the administrator themselves from E(WEBUI_ADMIN_EMAIL), E(WEBUI_ADMIN_PASSWORD) and
    E(WEBUI_ADMIN_NAME). On older ones, and where that did not work, the module signs up the first user with the
    credentials in O(credentials_file), then proves by signing in that they work and that the user is administrator.
  - An instance that already has an administrator is left alone. Nothing depends on the password then, which its
    owner may have changed.
author:
  - The mai.clients team (@mai-clients)
requirements:
  - Python >= 3.8 on the target
  - psycopg or psycopg2 on the target, for an instance with a PostgreSQL database
extends_documentation_fragment:
  - mai.clients.attributes
options:
  url:
    description: Address of the instance as the target itself reaches it, for example V(http://127.0.0.1:8001).
    type: str
    required: true
  credentials_file:
    description:
      - Environment file on the target with E(WEBUI_ADMIN_EMAIL), E(WEBUI_ADMIN_NAME) and E(WEBUI_ADMIN_PASSWORD),
        see M(mai.clients.instance_secrets).
    type: path
    required: true
  prove:
    description:
      - Whether to sign in although the instance already has an administrator, and to fail when it refuses.
      - Meant for the first start, when nobody can have changed the password yet.
    type: bool
    default: false
  deployment_dir:
    description: The client's directory on the target. The database of its instance is asked for administrators.
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: mai.clients.instance_secrets
"""

EXAMPLES = r"""
- name: Make sure that company-abc has an administrator
  mai.clients.instance_administrator:
    url: http://127.0.0.1:8001
    credentials_file: /opt/mai/deployments/client-company-abc/admin.env
    deployment_dir: /opt/mai/deployments/client-company-abc
"""

RETURN = r"""
managed:
  description: Whether the instance has accounts at all. Without C(/api/config) or C(/api/v1/auths) it has none.
  returned: success
  type: bool
signed_up:
  description: Whether the administrator was signed up in this run, or would be in check mode.
  returned: success
  type: bool
signup_refused:
  description: Whether the failure is that the release refuses even the first sign-up while E(ENABLE_SIGNUP) is false.
  returned: failure
  type: bool
proven:
  description: Whether signing in with the credentials in O(credentials_file) worked in this run.
  returned: success
  type: bool
administrators:
  description: Number of administrators before this run. Null where neither instance nor database told.
  returned: success
  type: int
email:
  description: E-mail of the administrator in O(credentials_file), or null.
  returned: success
  type: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._instance import credentials, database, folder, web
from ansible_collections.mai.clients.plugins.module_utils._instance.place import place_of

_NO_SUCH_ROUTE = (404, 405)


class AdministratorError(Exception):
    """What went wrong with the instance's accounts and what to do; never a password or the body of an answer."""


class SignUpRefused(AdministratorError):
    """The release takes no first sign-up while sign-up is closed; callers may open it and try again."""


def is_onboarding(url: str) -> bool | None:
    """Whether the instance has no user yet; None where it has no accounts."""
    answer = web.request(url + "/api/config", timeout=20)
    if answer.status is None:
        raise AdministratorError(
            f"The instance does not answer at {url}: {answer.error}. Wait until it is healthy and run again."
        )
    if answer.status >= 500:
        raise AdministratorError(
            f"The instance answers {url}/api/config with HTTP {answer.status}. See its log, and run again."
        )
    return bool(answer.get("onboarding", False)) if isinstance(answer.data, dict) and answer.ok else None


def sign_up(url: str, known: dict[str, str]) -> bool:
    """Create the first user; False where the instance has no such thing."""
    answer = web.request(
        url + "/api/v1/auths/signup",
        body={
            "email": known[credentials.EMAIL],
            "password": known[credentials.PASSWORD],
            "name": known.get(credentials.NAME) or "Admin",
        },
        timeout=30,
    )
    if answer.ok and answer.data is not None:
        return True
    if answer.status in _NO_SUCH_ROUTE or answer.ok:
        return False
    if answer.status == 403:
        raise SignUpRefused(
            f"The instance at {url} refuses the first sign-up (HTTP 403). Releases before 0.9 do so as long as "
            "ENABLE_SIGNUP is false: start the instance once with ENABLE_SIGNUP=true, reachable from its host only; "
            "the first sign-up closes it."
        )
    if answer.status in (400, 422):
        raise AdministratorError(
            f"The instance at {url} does not accept the administrator's e-mail or password (HTTP "
            f"{answer.status}). Check "
            "the form of the address and the instance's own rules for passwords, and correct the credentials file."
        )
    raise AdministratorError(f"The administrator's sign-up at {url} failed: {_why(answer)}. See the instance's log.")


def sign_in(url: str, known: dict[str, str]) -> None:
    answer = web.request(
        url + "/api/v1/auths/signin",
        body={"email": known[credentials.EMAIL], "password": known[credentials.PASSWORD]},
        timeout=30,
    )
    if not answer.ok or not answer.get("token"):
        raise AdministratorError(
            f"The administrator {known[credentials.EMAIL]} cannot sign in at {url}: {_why(answer)}. If the password "
            "was changed in the instance, set a new one there (Admin Panel, Users); else see the instance's log for "
            "why it did not take the credentials at its first start."
        )
    if answer.get("role") != "admin":
        raise AdministratorError(
            f"{known[credentials.EMAIL]} can sign in at {url} but is not an administrator: somebody else signed up "
            "first. Keep the instance closed to others and look at its users before going on."
        )


def read_credentials(path: str) -> dict[str, str]:
    known = folder.variables(os.path.dirname(path), os.path.basename(path))
    missing = [name for name in (credentials.EMAIL, credentials.PASSWORD) if not known.get(name)]
    if missing:
        raise AdministratorError(
            f"The instance needs an administrator, and {path} has no value for {' and '.join(missing)} (or cannot be "
            "read). Set mai_admin_email for this client, and run with become as root."
        )
    try:
        credentials.check(known[credentials.EMAIL], known[credentials.PASSWORD])
    except credentials.CredentialsError as exc:
        raise AdministratorError(f"{exc} (in {path})") from None
    return known


def count_administrators(directory: str | None) -> int | None:
    if not directory:
        return None
    summary = database.look(place_of(directory)).summary
    if summary["users"] and not summary["administrators"]:
        raise AdministratorError(
            f"None of the instance's users ({summary['users']}) is an administrator. Make one of them administrator in "
            "its database (table user, column role), then run again."
        )
    return summary["administrators"]


def ensure(module: AnsibleModule) -> dict:
    url, path = module.params["url"].rstrip("/"), module.params["credentials_file"]
    email = folder.variables(os.path.dirname(path), os.path.basename(path)).get(credentials.EMAIL)
    result = {
        "changed": False,
        "managed": True,
        "signed_up": False,
        "proven": False,
        "administrators": None,
        "email": email,
    }
    onboarding = is_onboarding(url)
    if onboarding is None:
        result["managed"] = False
        return result
    result["administrators"] = 0 if onboarding else count_administrators(module.params["deployment_dir"])
    if not onboarding and (module.check_mode or not module.params["prove"]):
        return result
    known = read_credentials(path)
    if onboarding:
        if module.check_mode:
            return dict(result, changed=True, signed_up=True)
        if not sign_up(url, known):
            return dict(result, managed=False)
        result.update(changed=True, signed_up=True)
    sign_in(url, known)
    result["proven"] = True
    return result


def _why(answer: web.Answer) -> str:
    return f"HTTP {answer.status}" if answer.status else answer.error or "no answer"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "credentials_file": {"type": "path", "required": True},
            "prove": {"type": "bool", "default": False},
            "deployment_dir": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        result = ensure(module)
    except AdministratorError as exc:
        module.fail_json(msg=str(exc), signup_refused=isinstance(exc, SignUpRefused))
    if module._diff and result["signed_up"]:
        result["diff"] = {"before": "", "after": f"administrator: {result['email']}\n"}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
