# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that is set up: read by this collection, changed by the modules of another one.

This is private to the collection.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import Controller, Refused, login
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal

INSTALL = {
    "awx.awx": "it is in the PyPI package ansible up to 13.x, and on Galaxy",
    "ansible.controller": "it comes with Automation Platform",
    "ctrliq.ascender": "it is on Galaxy",
}
_TOKEN = {"description": "mai.clients sets the controller up", "scope": "write"}


def need_collection(namespace: str) -> None:
    """The modules that make what differs have to be there before anything is made."""
    try:
        found = importlib.util.find_spec(f"ansible_collections.{namespace}")
    except ImportError:
        found = None
    if found is None:
        where = INSTALL.get(namespace, "ask whoever wrote it")
        raise Refusal(
            f"Nothing was changed. The collection {namespace} (mai_awx_namespace) is not installed here: {where}. In"
            " AWX it has to be in the execution environment of the job."
        )


class Session:
    """Reads what is there, with one token for all of it where it signs in with a password."""

    def __init__(self, environ: t.Mapping[str, str], token: str = "") -> None:
        who = login(environ)
        self.host = who.url
        self.by_password = not who.token
        self._controller = Controller(dataclasses.replace(who, token=token) if token else who)

    def sign_in(self) -> dict[str, t.Any]:
        """A token for the modules that come: each would make one of its own, and delete it."""
        try:
            made = self._controller.post("/tokens/", _TOKEN)
        except Refused as error:
            if error.status == 401:
                raise
            # Behind the gateway of a newer platform tokens are made elsewhere
            return {"token": "", "id": 0}
        return {"token": made["token"], "id": made["id"]}

    def sign_out(self, number: int) -> None:
        self._controller.delete(f"/tokens/{number}/")

    def get(self, endpoint: str, **query: t.Any) -> dict[str, t.Any]:
        return self._controller.get(self._path(endpoint), **query)

    def all(self, endpoint: str, **query: t.Any) -> list[dict[str, t.Any]]:
        return self._controller.all(self._path(endpoint), **query)

    def names(self, endpoint: str) -> list[str]:
        """Of an endpoint that lists nothing but names."""
        return self._controller.names(self._path(endpoint))

    def _path(self, endpoint: str) -> str:
        """Of a kind of objects, or a link of one of them."""
        return self._controller.related(endpoint) if endpoint.startswith("/") else f"/{endpoint}/"
