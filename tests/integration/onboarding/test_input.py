# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong is said before anything is touched; what is right but unusual is noted."""

from __future__ import annotations

import pathlib
import secrets
import subprocess
import sys
import typing as t

import pytest

from tests.kit.agency import Agency

# slug: (its variables, what the run must say)
WRONG: dict[str, tuple[dict[str, t.Any], str]] = {
    "Bad_Slug": ({}, "is not a slug"),
    "no-name": ({"mai_client_name": None}, "mai_client_name"),
    "no-port": ({"mai_port": None}, "mai_port"),
    "low-port": ({"mai_port": 80}, "mai_port is '80': give a number from 1024 to 65535"),
    "port-text": ({"mai_port": "http"}, "mai_port"),
    "limit-text": ({"mai_monthly_limit": "lots"}, "mai_monthly_limit"),
    "limit-zero": ({"mai_monthly_limit": 0}, "mai_monthly_limit"),
    "limit-empty": ({"mai_monthly_limit": ""}, "mai_monthly_limit"),
    "limit-digits": ({"mai_monthly_limit": "１２"}, "mai_monthly_limit is '１２': give USD per month as a number"),
    "port-digits": ({"mai_port": "８１４０"}, "mai_port is '８１４０': give a number from 1024 to 65535"),
    "markup-yes": ({"mai_markup_rate": True}, "mai_markup_rate is 'True': give a factor"),
    "markup": ({"mai_markup_rate": -1}, "mai_markup_rate"),
    "e-mail": ({"mai_billing_email": "nobody"}, "mai_billing_email"),
    "admin": ({"mai_admin_email": "<script>@example.com"}, "mai_admin_email"),
    "admin-bell": (
        {"mai_admin_email": "a\x07b@c.example"},
        "mai_admin_email is 'a␇b@c.example': give one e-mail address",
    ),
    "password-bell": (
        {"mai_admin_password": "a\x07b"},
        "mai_admin_password: the value holds the control character U+0007",
    ),
    "password": ({"mai_admin_password": "é" * 37}, "at most 72"),
    "key-name": ({"mai_key_name": "client ~pending-123456"}, "mai_key_name"),
    "own-key": ({"mai_extra_env": {"OPENAI_API_KEY": "x"}}, "must not set OPENAI_API_KEY"),
    "own-data": ({"mai_extra_env": {"DATA_DIR": "/app/data"}}, "must not set DATA_DIR: the instance's data is in the"),
    "own-name": ({"mai_extra_env": {"ORGANIZATION_NAME": "x"}}, "must not set ORGANIZATION_NAME: set mai_client_name"),
    "bind": ({"mai_bind_address": 5}, "mai_bind_address is '5': give an IP address"),
    "health-path": ({"mai_health_path": "/health check"}, "mai_health_path is '/health check'"),
    "health-timeout": ({"mai_health_timeout": 0}, "mai_health_timeout is '0': give seconds"),
    "directory": ({"mai_deployment_dir": "/srv/../srv"}, "mai_deployment_dir is '/srv/../srv': give an absolute path"),
    "url": ({"mai_instance_api_base_url": "http://[::1"}, "mai_instance_api_base_url is 'http://[::1': give an http"),
    "control": (
        {"mai_extra_env": {"GREETING": "a\rb"}},
        "mai_extra_env.GREETING: the value holds the control",
    ),
    "control-name": ({"mai_client_name": "Bell \a"}, "mai_client_name: the value holds the control character U+0007"),
    "control-admin": ({"mai_admin_name": "a\rb"}, "mai_admin_name: the value holds the control character U+000D"),
    "start": ({"mai_start_command": ""}, "mai_start_command"),
    "image": ({"mai_deployment": "docker"}, "placeholder your-mai-image:latest"),
    "twin-one": ({"mai_port": 9101, "ansible_host": "127.0.0.1"}, "mai_port 9101 is also that of twin-two"),
    "twin-two": ({"mai_port": 9101, "ansible_host": "127.0.0.1"}, "mai_port 9101 is also that of twin-one"),
    "room-one": (
        {"mai_deployment_dir": "/srv/shared", "ansible_host": "127.0.0.1"},
        "mai_deployment_dir '/srv/shared' holds that of room-two on the machine 127.0.0.1",
    ),
    "room-two": (
        {"mai_deployment_dir": "/srv/shared/two", "ansible_host": "127.0.0.1"},
        "mai_deployment_dir '/srv/shared/two' lies in that of room-one on the machine 127.0.0.1",
    ),
    "ab-c": ({"mai_domain": "example.com"}, "mai-abc.example.com is also the address of a-bc"),
    "a-bc": ({"mai_domain": "example.com"}, "mai-abc.example.com is also the address of ab-c"),
    "same-key": ({"mai_key_name": "client-ab-c"}, "mai_key_name 'client-ab-c' is also that of ab-c"),
    "key-missing": ({"openrouter_provisioning_key": ""}, "OPENROUTER_PROVISIONING_KEY_FILE"),
    "key-unknown": ({"openrouter_provisioning_key": "sk-or-v1-" + "5" * 64}, "This is not a management key"),
    "key-no-manager": ({}, "management key"),
    "misspelt": (
        {"mai_montly_limit": 5},
        "mai_montly_limit is no variable of mai.clients: did you mean mai_monthly_limit?",
    ),
    "not-a-version": ({"mai_validated_version": "banana"}, "mai_validated_version is 'banana': give the version of"),
    "newer": ({"mai_validated_version": "99.0.0"}, "mai.clients here is"),
    "many-faults": ({"mai_port": 80, "mai_monthly_limit": -1, "mai_markup_rate": 0}, "many-faults was not touched."),
}


@pytest.fixture(scope="module")
def said(agency: Agency, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[dict[str, str]]:
    """One run over all that is wrong."""
    with agency.openrouter.client() as account:
        ordinary = account.post("/keys", json={"name": "ordinary"}).json()["key"]
    WRONG["key-no-manager"][0]["openrouter_provisioning_key"] = ordinary
    WRONG["image"][0]["openrouter_provisioning_key"] = agency.openrouter.provisioning_key
    agency.control.clear_journal()
    for slug, (variables, _message) in WRONG.items():
        agency.client(slug, **variables)
    said = agency.failures("all", OPENROUTER_PROVISIONING_KEY="")
    assert agency.control.writes() == []
    # Nothing at all is made on the machine, not even a lock
    assert not agency.deployments.exists()
    assert not any(ordinary in message or "5" * 64 in message for message in said.values())
    agency.clients.clear()
    yield said


@pytest.mark.parametrize("slug", WRONG)
def test_what_is_wrong_is_said(said: dict[str, str], slug: str) -> None:
    assert WRONG[slug][1] in said[slug]


def test_the_message_names_the_client_and_all_its_faults_at_once(said: dict[str, str]) -> None:
    message = said["many-faults"]
    assert message.startswith("many-faults was not touched.")
    assert all(name in message for name in ("mai_port", "mai_monthly_limit", "mai_markup_rate"))


# (Of all kinds: tests/unit/filters/test_hosts.py)
def test_an_unknown_client_is_answered_with_the_nearest_name(agency: Agency) -> None:
    agency.client("northwind")
    run = agency.run("northwnd")
    assert run.rc not in (0, 2) and "TASK" not in run.stdout
    assert "northwind" in run.output, run.output
    assert agency.control.journal() == [] and not agency.directory("northwind").exists()


def test_a_misspelt_extra_variable_is_not_passed_over(agency: Agency) -> None:
    run = agency.run(agency.client("northwind"), "-e", "take_loc=true")
    assert run.rc not in (0, 2) and "TASK" not in run.stdout
    assert "did you mean -e take_lock=…?" in " ".join(run.output.split()), run.output


def test_the_provisioning_key_can_come_from_a_vault(agency: Agency, tmp_path: pathlib.Path) -> None:
    """As inventories/example describes it. (From a file: tests/e2e/test_runner.py.)"""
    slug = agency.client("northwind")
    password = tmp_path / "vault password"
    password.write_text(secrets.token_hex(16))
    program = pathlib.Path(sys.executable).with_name("ansible-vault")
    command = [program, "encrypt_string", "--vault-password-file", password]
    encrypted = subprocess.run(
        [*command, "--stdin-name", "openrouter_provisioning_key"],
        input=agency.openrouter.provisioning_key,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (agency.group_vars / "vault.yml").write_text(encrypted)
    assert agency.openrouter.provisioning_key not in encrypted
    arguments = ("--vault-password-file", str(password))
    run = agency.onboard(slug, "--check", *arguments, OPENROUTER_PROVISIONING_KEY="")
    (agency.group_vars / "vault.yml").unlink()
    assert run.total("changed") > 0 and agency.control.writes() == []
    assert agency.openrouter.provisioning_key not in run.output


def test_no_credit_and_no_limit_are_noted_but_no_obstacle(agency: Agency, tmp_path: pathlib.Path) -> None:
    """The provisioning key comes as an extra variable; an answer of a survey that was left empty is none."""
    extra = tmp_path / "extra.yml"
    extra.write_text(f"openrouter_provisioning_key: {agency.openrouter.provisioning_key}\n")
    no_other = {"OPENROUTER_PROVISIONING_KEY": "", "OPENROUTER_PROVISIONING_KEY_FILE": ""}
    agency.control.credits(0)
    slug = agency.client("unlimited", mai_monthly_limit="none")
    run = agency.onboard(slug, "-e", f"@{extra}", **no_other)
    agency.control.credits(100)
    assert agency.openrouter.provisioning_key not in run.output
    assert "NO LIMIT is set for this client" in run.said
    assert "no credit left" in run.said
    assert (agency.key(slug)["limit"], agency.key(slug)["limit_reset"]) == (None, None)
    agency.assert_converged(slug)
    record = (agency.handovers / f"{slug}.md").read_text()
    assert "NO LIMIT" in record and agency.secret(slug) not in record
    again = agency.onboard(slug)
    assert again.total("changed") == 0 and "no credit left" not in again.stdout
