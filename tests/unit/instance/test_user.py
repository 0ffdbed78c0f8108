# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom a native instance runs. (That users are made and removed, as root: tests/e2e/test_native.py.)"""

from __future__ import annotations

import os
import pwd

import pytest
from ansible_collections.mai.clients.plugins.modules import instance_user
from ansible_collections.mai.clients.plugins.modules.instance_user import closed_way, make_command


@pytest.fixture
def ensure(directory, run_module):
    def ensure(name: str, **options):
        return run_module(
            instance_user, client="company-abc", deployment_dir=str(directory), name=name, _check=True, **options
        )

    return ensure


def test_a_user_that_is_missing_would_be_made(ensure):
    result = ensure("mai-nosuchuser")
    assert (result["changed"], result["made"]) == (True, True)
    assert not ensure("mai-nosuchuser", state="absent")["changed"]


@pytest.mark.parametrize(
    ("name", "own", "said"),
    [
        ("daemon", True, "The user daemon of the machine was not made by this collection, and is not taken over"),
        ("mai-nosuchuser", False, "There is no user mai-nosuchuser on the machine, whom mai_native_user names"),
        ("root", False, "The user root is root"),
    ],
)
def test_nobody_elses_user_is_taken(ensure, name, own, said):
    result = ensure(name, own=own)
    assert result["failed"] and said in result["msg"]


def test_nobody_elses_user_is_removed(ensure):
    assert not ensure("daemon", state="absent")["changed"]


def test_how_it_is_made():
    assert make_command("mai-companyabc", "company-abc", "/srv/c/data", True)[-2:] == [
        "mAI of client company-abc",
        "mai-companyabc",
    ]
    assert make_command("mai-companyabc", "company-abc", "/srv/c/data", False)[0] == "adduser"


def test_a_way_that_is_closed_is_named(tmp_path):
    client = tmp_path / "opt" / "mai" / "deployments" / "client-company-abc"
    client.mkdir(parents=True)
    me = pwd.getpwuid(os.geteuid())
    assert closed_way(str(client), me) == []
    (client.parent / ".locks").mkdir()
    (tmp_path / "opt" / "somebody's").mkdir()
    for folder in (client.parent, client.parent.parent, tmp_path / "opt"):
        folder.chmod(0o600)
    # What holds nothing but the way to clients, and what holds their locks, is ours
    assert closed_way(str(client), me) == [
        (str(tmp_path / "opt"), False),
        (str(tmp_path / "opt" / "mai"), True),
        (str(client.parent), True),
    ]
