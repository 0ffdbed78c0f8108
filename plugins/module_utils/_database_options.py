# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which every module that opens an instance's database is told where it is."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database import transaction
from ansible_collections.mai.clients.plugins.module_utils._instance.place import place_of
from ansible_collections.mai.clients.plugins.module_utils._secret_file import read_secret

DATABASE_OPTIONS: dict[str, Any] = dict(
    database_path=dict(type="path"),
    database_url=dict(type="str", no_log=True),
    database_url_file=dict(type="path"),
    deployment_dir=dict(type="path"),
    wait_timeout=dict(type="float", default=30),
)
ONE_DATABASE = ("database_path", "database_url", "database_url_file", "deployment_dir")


class OptionError(Refused):
    """Which option has a value that cannot be, and what it has to be; never with the value."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "invalid")


def in_database(params: dict[str, Any], work: Callable[..., Any], *arguments: Any, readonly: bool) -> Any:
    """Return what work(database, *arguments) returns, see transaction()."""
    if not 0 <= params["wait_timeout"] <= 86400:
        raise OptionError("wait_timeout has to be a number of seconds from 0 to 86400.")
    url = params["database_url"]
    if params["database_url_file"]:
        url = read_secret(params["database_url_file"], "DATABASE_URL")
    where = {"path": params["database_path"], "url": url}
    if params["deployment_dir"]:
        where = place_of(params["deployment_dir"]).reached()
    return transaction(work, *arguments, **where, readonly=readonly, wait_timeout=params["wait_timeout"])
