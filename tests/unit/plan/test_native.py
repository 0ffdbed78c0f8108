# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom a native instance runs, and what is a change of it."""

from __future__ import annotations

import pytest
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.plugin_utils._plan.native import own_user, user

from tests.unit.plan.situations import NATIVE, changed, client, converged, planned


@pytest.mark.parametrize(
    ("variables", "root", "expected"),
    [
        ({}, True, "mai-companyabc"),
        ({"mai_native_user": "webapps"}, True, "webapps"),
        ({"mai_native_user": "root"}, True, None),
        # Who is not root can be nobody else
        ({}, False, None),
        ({"mai_native_user": "webapps"}, False, None),
        ({"mai_deployment": "docker"}, True, None),
    ],
)
def test_as_whom_it_runs(variables, root, expected):
    wanted = client(**{**NATIVE, **variables})
    assert user(wanted, {"machine": {"root": root}}, "mai-companyabc") == expected


def test_names_fit_and_differ():
    long, other = (own_user(f"mai-{'x' * 48}{end}") for end in "ab")
    assert len(long) == len(other) == 32 and long != other and long.startswith("mai-xxx")
    assert own_user("mai-companyabc") == "mai-companyabc"


def test_what_ran_as_root_is_started_once_as_its_user():
    as_root, wanted = client(**NATIVE, mai_native_user="root"), client(**NATIVE)
    parts = planned(wanted, converged(as_root))["plan"]
    assert parts["instance"]["why"] == ["how it is started"] and parts["instance"]["data_owner_due"]
    assert (parts["machine"]["directory"], parts["instance"]["directory_mode"]) == (True, "0710")
    assert planned(wanted, converged(wanted))["plan"]["changes"] == []
    assert planned(as_root, converged(as_root))["plan"]["changes"] == []


@pytest.mark.parametrize(
    ("seen", "differs"), [(None, False), (sha256("open-webui serve"), False), (sha256("another"), True)]
)
def test_another_command_is_known_as_such(seen, differs):
    wanted = client(**NATIVE)
    found = planned(wanted, changed(converged(wanted), {"start_command": seen}))["plan"]["instance"]
    assert found["command_differs"] is differs


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"mai_memory_limit": "1g", "mai_cpu_limit": 2}, ["mai_memory_limit and mai_cpu_limit do nothing"]),
        ({"mai_memory_limit": "1g"}, ["mai_memory_limit does nothing"]),
        ({}, []),
        ({"mai_memory_limit": "1g", "mai_native_service": "systemd"}, []),
    ],
)
def test_limits_that_nobody_sets(variables, said):
    wanted = client(**{**NATIVE, "mai_native_service": "process", **variables})
    notes = [note for note in planned(wanted, converged(wanted))["plan"]["notes"] if " nothing: no systemd" in note]
    assert [note.partition(":")[0] for note in notes] == said
