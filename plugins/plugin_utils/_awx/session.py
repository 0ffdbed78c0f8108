# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller, as the code that the modules of awx.awx share talks to it.

This is private to the collection.
"""

from __future__ import annotations

import importlib
import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal

# The name of the module's option, and where its value is in the environment
VARIABLES = {
    "controller_host": "HOST",
    "controller_username": "USERNAME",
    "controller_password": "PASSWORD",
    "controller_oauthtoken": "OAUTH_TOKEN",
    "validate_certs": "VERIFY_SSL",
    "request_timeout": "REQUEST_TIMEOUT",
}
INSTALL = {
    "awx.awx": "it is in the PyPI package ansible up to 13.x, and on Galaxy",
    "ansible.controller": "it comes with Automation Platform",
    "ctrliq.ascender": "it is on Galaxy",
}


def given(environ: t.Mapping[str, str]) -> dict[str, str]:
    """What the environment says of the controller. Empty counts as not given: a credential injects that, too."""
    found = {}
    for option, name in VARIABLES.items():
        value = environ.get(f"CONTROLLER_{name}") or environ.get(f"TOWER_{name}")
        if value:
            found[option] = value
    return found


def what_is_missing(found: t.Mapping[str, str]) -> str:
    """Of a controller and somebody who may sign in there; empty where nothing is."""
    if "controller_host" not in found:
        return "which controller: set CONTROLLER_HOST in the environment to its address"
    if "controller_oauthtoken" not in found and not {"controller_username", "controller_password"} <= set(found):
        return "who you are there: set CONTROLLER_OAUTH_TOKEN, or CONTROLLER_USERNAME and CONTROLLER_PASSWORD"
    return ""


class Session:
    """Reads what is there. One token for all of it, where it signs in with a password."""

    def __init__(self, namespace: str, environ: t.Mapping[str, str], token: str = "") -> None:
        found = given(environ)
        missing = what_is_missing(found)
        if missing:
            raise Refusal(
                f"Nothing was changed. It is not known {missing}. In AWX, attach a credential for the controller to the"
                " job template."
            )
        self.host = found["controller_host"]
        self.by_password = "controller_oauthtoken" not in found
        if token:
            found["controller_oauthtoken"] = token
        options: dict[str, t.Any] = dict(found)
        if "validate_certs" in found:
            options["validate_certs"] = found["validate_certs"].lower() not in ("false", "no", "off", "0", "n", "f")
        options["request_timeout"] = float(found.get("request_timeout", 10))
        self._api = _shared_code(namespace)(
            argument_spec={}, direct_params=options, error_callback=self._refused, warn_callback=lambda _warning: None
        )

    def sign_in(self) -> dict[str, t.Any]:
        """A token for the modules that come: each would make one of its own, and delete it."""
        self._api.authenticate()
        return {"token": self._api.oauth_token, "id": self._api.oauth_token_id}

    def sign_out(self, number: int) -> None:
        self._api.oauth_token_id, self._api.authenticated = number, True
        self._api.logout()

    def get(self, endpoint: str, **query: t.Any) -> t.Any:
        answer = self._api.get_endpoint(endpoint, data=query)
        if answer["status_code"] != 200:
            self._refused(msg=f"HTTP {answer['status_code']} from {endpoint}")
        return answer["json"]

    def all(self, endpoint: str, **query: t.Any) -> list[dict[str, t.Any]]:
        found = self.get(endpoint, page_size=200, **query)
        objects = found["results"]
        while found["next"]:
            found = self._api.get_endpoint(found["next"])["json"]
            objects += found["results"]
        return objects

    def _refused(self, **result: t.Any) -> t.NoReturn:
        """It refused, or did not answer. What it sent is not shown, only what the modules make of it."""
        raise Refusal(f"Nothing was changed. {self.host} says: {result.get('msg', 'it refused')}")


def _shared_code(namespace: str) -> t.Any:
    name = f"ansible_collections.{namespace}.plugins.module_utils.controller_api"
    try:
        return importlib.import_module(name).ControllerAPIModule
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(f"ansible_collections.{namespace.split('.')[0]}"):
            raise
        where = INSTALL.get(namespace, "ask whoever wrote it")
        raise Refusal(
            f"Nothing was changed. The collection {namespace} (mai_awx_namespace) is not installed here: {where}. In"
            " AWX it has to be in the execution environment of the job."
        ) from None
