# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By whom a machine is asked what was made on it by hand."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.filter.adoptable import way_to_machine

HOSTVARS: dict[str, dict[str, t.Any]] = {
    "one": {"ansible_host": "mai-01", "ansible_user": "ops"},
    "two": {"ansible_host": "mai-02", "ansible_user": "root"},
}
GROUPS = {"all": ["one", "two"], "mai_clients": ["one", "two"]}


@pytest.mark.parametrize(
    ("machine", "way"),
    [
        ("mai-01", {"through": "one", "connection": {}}),
        ("mai-02", {"through": "two", "connection": {}}),
        ("mai-09", {"through": "", "connection": {"ansible_user": "root"}}),
    ],
)
def test_one_of_its_clients_else_as_the_last_one_is_reached(machine: str, way: dict[str, t.Any]) -> None:
    assert way_to_machine(machine, GROUPS, HOSTVARS) == way


def test_where_there_is_no_client_yet() -> None:
    assert way_to_machine("mai-01", {"all": []}, {}) == {"through": "", "connection": {}}
