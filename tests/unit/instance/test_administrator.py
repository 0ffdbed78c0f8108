# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import socket
import sqlite3

import pytest
from ansible_collections.mai.clients.plugins.modules import instance_administrator

from .conftest import PASSWORD, make_database, write_env

EMAIL = "IT@companyabc.com"
SIGN_UP, SIGN_IN = ("POST", "/api/v1/auths/signup"), ("POST", "/api/v1/auths/signin")


@pytest.fixture
def credentials_file(directory):
    return write_env(
        directory / "admin.env", WEBUI_ADMIN_EMAIL=EMAIL, WEBUI_ADMIN_NAME="Żółw", WEBUI_ADMIN_PASSWORD=PASSWORD
    )


@pytest.fixture
def ensure(run_module, open_webui, directory):
    def run(**arguments):
        arguments = {"url": open_webui.url + "/", "credentials_file": str(directory / "admin.env"), **arguments}
        result = run_module(instance_administrator, **arguments)
        assert PASSWORD not in json.dumps(result, ensure_ascii=False)
        return result

    return run


def test_first_sign_up_and_its_proof(ensure, open_webui, credentials_file):
    result = ensure(_diff=True)
    assert result["rc"] == 0
    assert result["changed"] is result["signed_up"] is result["proven"] is result["managed"] is True
    assert result["administrators"] == 0
    assert result["email"] == EMAIL
    assert result["diff"] == {"before": "", "after": f"administrator: {EMAIL}\n"}
    assert open_webui.signups == [{"email": EMAIL, "password": PASSWORD, "name": "Żółw"}]
    assert open_webui.requests[-2:] == [SIGN_UP, SIGN_IN]


def test_second_run_changes_nothing_and_signs_in_nowhere(ensure, open_webui, credentials_file, directory):
    ensure()
    open_webui.requests.clear()
    result = ensure(deployment_dir=str(make_database(directory).parent.parent))
    assert result["changed"] is result["signed_up"] is result["proven"] is False
    assert result["administrators"] == 1
    assert open_webui.requests == [("GET", "/api/config")]


def test_changed_password_does_not_matter(ensure, open_webui, credentials_file):
    open_webui.users["it@companyabc.com"] = {"password": "changed by its owner", "role": "admin"}
    result = ensure()
    assert result["rc"] == 0
    assert result["administrators"] is None


def test_no_credentials_are_needed_when_there_is_an_administrator(ensure, open_webui):
    open_webui.users["somebody@example.com"] = {"password": "x", "role": "admin"}
    result = ensure()
    assert result["rc"] == 0
    assert result["email"] is None


def test_proof_on_demand(ensure, open_webui, credentials_file):
    open_webui.users["it@companyabc.com"] = {"password": PASSWORD, "role": "admin"}
    result = ensure(prove=True)
    assert result["proven"] is True
    assert result["changed"] is False


def test_proof_that_fails(ensure, open_webui, credentials_file):
    open_webui.users["it@companyabc.com"] = {"password": "another", "role": "admin"}
    result = ensure(prove=True)
    assert result["failed"] is True
    assert f"{EMAIL} cannot sign in at {open_webui.url}: HTTP 400" in result["msg"]


def test_stranger_who_was_faster(ensure, open_webui, credentials_file):
    open_webui.users["it@companyabc.com"] = {"password": PASSWORD, "role": "pending"}
    result = ensure(prove=True)
    assert result["failed"] is True
    assert "is not an administrator: somebody else signed up first" in result["msg"]


def test_check_mode_asks_and_signs_up_nowhere(ensure, open_webui, credentials_file):
    result = ensure(_check=True)
    assert result["changed"] is result["signed_up"] is True
    assert result["proven"] is False
    assert open_webui.requests == [("GET", "/api/config")]
    assert open_webui.users == {}


def test_check_mode_with_prove_only_reads(ensure, open_webui, credentials_file):
    open_webui.users["it@companyabc.com"] = {"password": PASSWORD, "role": "admin"}
    assert ensure(_check=True, prove=True)["changed"] is False
    assert open_webui.requests == [("GET", "/api/config")]


def test_instance_without_accounts(ensure, open_webui, credentials_file):
    open_webui.accounts = False
    result = ensure()
    assert result["rc"] == 0
    assert result["managed"] is False
    assert result["changed"] is False


def test_old_release_that_refuses_the_first_sign_up(ensure, open_webui, credentials_file):
    open_webui.first_signup_obeys_setting = True
    result = ensure()
    assert result["failed"] is True
    assert result["signup_refused"] is True
    assert "start the instance once with ENABLE_SIGNUP=true" in result["msg"]
    open_webui.enable_signup = True
    assert ensure()["signed_up"] is True
    assert open_webui.enable_signup is False


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "has no value for WEBUI_ADMIN_EMAIL and WEBUI_ADMIN_PASSWORD"),
        ({"WEBUI_ADMIN_EMAIL": EMAIL}, "has no value for WEBUI_ADMIN_PASSWORD"),
        ({"WEBUI_ADMIN_EMAIL": "nobody", "WEBUI_ADMIN_PASSWORD": PASSWORD}, "'nobody' is no address"),
        ({"WEBUI_ADMIN_EMAIL": EMAIL, "WEBUI_ADMIN_PASSWORD": "p" * 73}, "longer than 72 bytes"),
    ],
)
def test_credentials_that_would_leave_the_door_open(ensure, open_webui, directory, variables, message):
    write_env(directory / "admin.env", **variables)
    result = ensure()
    assert result["failed"] is True
    assert message in result["msg"]
    assert str(directory / "admin.env") in result["msg"]
    assert "ppp" not in result["msg"]
    assert open_webui.requests == [("GET", "/api/config")]


def test_users_without_an_administrator(ensure, open_webui, directory, credentials_file):
    open_webui.users["user@example.com"] = {"password": "x", "role": "user"}
    path = make_database(directory)
    with sqlite3.connect(path) as db:
        db.execute("""UPDATE "user" SET role = 'user'""")
    result = ensure(deployment_dir=str(path.parent.parent))
    assert result["failed"] is True
    assert "None of the instance's users (1) is an administrator" in result["msg"]


def test_instance_that_does_not_answer(ensure, credentials_file):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = ensure(url=f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert result["failed"] is True
    assert result["signup_refused"] is False
    assert "does not answer" in result["msg"]
    assert "Connection refused" in result["msg"]
