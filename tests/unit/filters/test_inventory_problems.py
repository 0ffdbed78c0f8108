# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about variables that make no sense."""

from __future__ import annotations

import pytest
from ansible_collections.mai.clients.plugins.filter.inventory_problems import (
    inventory_problems,
    memory_bytes,
    money,
)

CLIENT = {
    "slug": "company-abc",
    "mai_client_name": "Company ABC",
    "mai_client_id": "company-abc-001",
    "mai_key_name": "client-company-abc",
    "mai_monthly_limit": 500,
    "mai_markup_rate": 1.3,
    "mai_billing_email": "billing@companyabc.com",
    "mai_admin_email": "admin@companyabc.com",
    "mai_admin_name": "Admin",
    "mai_admin_password_bytes": 0,
    "mai_deployment": "docker",
    "mai_image": "mai:1",
    "mai_image_pull": "missing",
    "mai_image_archive": None,
    "mai_registry_url": None,
    "mai_start_command": None,
    "mai_native_service": "auto",
    "mai_port": 8001,
    "mai_bind_address": None,
    "mai_deployment_dir": "/opt/mai/deployments/client-company-abc",
    "mai_health_path": "/health",
    "mai_health_timeout": 300,
    "mai_extra_env": {},
    "mai_memory_limit": "4g",
    "mai_docker_packages": "auto",
    "mai_database": "sqlite",
    "mai_domain": None,
    "mai_fqdn": "",
    "openrouter_base_url": "https://openrouter.ai/api/v1",
    "mai_instance_api_base_url": "https://openrouter.ai/api/v1",
}


def problems(others=None, **variables) -> list[str]:
    client = {**CLIENT, **variables}
    hostvars = {client["slug"]: {"ansible_host": "mai-01", **client}, **(others or {})}
    return inventory_problems(client, hostvars, list(hostvars))


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"mai_client_name": 'Żółw & Söhne "Sp. z o.o."\nO\'Brien $HOME {{ x }} %'},
        {"mai_monthly_limit": None, "mai_billing_email": None, "mai_admin_email": None},
        {"mai_monthly_limit": "none"},
        {"mai_monthly_limit": "12.50"},
        {"mai_port": "8001"},
        {"mai_image": "registry.example.org:5000/team/mai@sha256:abc"},
        {"mai_bind_address": "::1"},
        {"mai_extra_env": {"DEFAULT_MODELS": "a,b", "WEBUI_BANNERS": '[{"x": "$y"}]'}},
        {"mai_domain": "example.org", "mai_fqdn": "mai-companyabc.example.org"},
    ],
)
def test_good_variables_have_no_problem(variables: dict) -> None:
    assert problems(**variables) == []


@pytest.mark.parametrize(
    ("variables", "about"),
    [
        ({"slug": "Company_ABC"}, "not a slug"),
        ({"slug": "-abc"}, "not a slug"),
        ({"slug": "a" * 51}, "not a slug"),
        ({"mai_client_name": None}, "mai_client_name is missing"),
        ({"mai_client_name": "  "}, "mai_client_name is missing"),
        ({"mai_client_name": 7}, "mai_client_name is missing"),
        ({"mai_client_id": "a b"}, "mai_client_id"),
        ({"mai_client_id": "x'; DROP TABLE"}, "mai_client_id"),
        ({"mai_key_name": "client ~pending-1"}, "mai_key_name"),
        ({"mai_monthly_limit": ""}, "mai_monthly_limit is ''"),
        ({"mai_monthly_limit": 0}, "mai_monthly_limit"),
        ({"mai_monthly_limit": -5}, "mai_monthly_limit"),
        ({"mai_monthly_limit": "500 USD"}, "mai_monthly_limit"),
        ({"mai_monthly_limit": True}, "mai_monthly_limit"),
        ({"mai_monthly_limit": "nan"}, "mai_monthly_limit"),
        ({"mai_monthly_limit": [1]}, "mai_monthly_limit"),
        ({"mai_markup_rate": 0}, "mai_markup_rate"),
        ({"mai_markup_rate": "30%"}, "mai_markup_rate"),
        ({"mai_billing_email": "billing"}, "mai_billing_email"),
        ({"mai_admin_email": "a@b.c, d@e.f"}, "mai_admin_email"),
        ({"mai_admin_password_bytes": 73}, "at most 72"),
        ({"mai_port": None}, "mai_port is missing"),
        ({"mai_port": "80"}, "1024 to 65535"),
        ({"mai_port": "8001; rm"}, "1024 to 65535"),
        ({"mai_port": 65536}, "1024 to 65535"),
        ({"mai_bind_address": "localhost"}, "mai_bind_address"),
        ({"mai_deployment_dir": "relative"}, "absolute path"),
        ({"mai_health_path": "health"}, "mai_health_path"),
        ({"mai_domain": "exa mple", "mai_fqdn": "mai-x.exa mple"}, "not a host name"),
        ({"openrouter_base_url": "openrouter.ai"}, "openrouter_base_url"),
        ({"mai_instance_api_base_url": "ftp://x"}, "mai_instance_api_base_url"),
        ({"mai_deployment": "native"}, "mai_start_command"),
        ({"mai_image": "mai:$TAG"}, "mai_image"),
        ({"mai_image": ""}, "mai_image"),
        ({"mai_memory_limit": "much"}, "mai_memory_limit"),
        ({"mai_database": "external"}, "sqlite only"),
        ({"mai_database": "postgresql"}, "sqlite only"),
        ({"mai_extra_env": ["A=b"]}, "mapping"),
        ({"mai_extra_env": {"A B": "x"}}, "letters, digits"),
        ({"mai_extra_env": {"OPENAI_API_KEY": "x"}}, "must not set OPENAI_API_KEY"),
        ({"mai_extra_env": {"X": {"a": 1}}}, "structure"),
        ({"mai_extra_env": {"X": "a\0b"}}, "mai_extra_env.X: the value holds the control character U+0000"),
        ({"mai_client_name": "a\rb"}, "mai_client_name: the value holds the control character U+000D"),
        ({"mai_admin_name": "a\x07b"}, "mai_admin_name: the value holds the control character U+0007"),
    ],
)
def test_a_bad_variable_is_named_once(variables: dict, about: str) -> None:
    found = problems(**variables)
    assert len(found) == 1 and about in found[0]


def test_everything_is_said_at_once() -> None:
    assert len(problems(mai_port=1, mai_monthly_limit="", mai_billing_email="x")) == 3


@pytest.mark.parametrize(
    ("other", "about"),
    [
        ({"mai_port": "8001", "ansible_host": "mai-01"}, "mai_port 8001 is also that of northwind"),
        ({"mai_port": 8002, "ansible_host": "mai-01", "mai_key_name": "client-company-abc"}, "each needs its own key"),
    ],
)
def test_clients_do_not_clash(other: dict, about: str) -> None:
    (found,) = problems({"northwind": other})
    assert about in found


def test_the_same_port_on_another_machine_is_fine() -> None:
    assert problems({"northwind": {"mai_port": 8001, "ansible_host": "mai-02"}}) == []


def test_two_slugs_with_one_container_name_clash_on_one_machine() -> None:
    (found,) = problems({"companyabc": {"mai_port": 8002, "ansible_host": "mai-01"}})
    assert "mai-companyabc" in found


def test_two_slugs_with_one_address_clash_on_any_machine() -> None:
    (found,) = problems(
        {"companyabc": {"mai_port": 8002, "ansible_host": "mai-02", "mai_domain": "example.org"}},
        mai_domain="example.org",
        mai_fqdn="mai-companyabc.example.org",
    )
    assert "mai-companyabc.example.org is also the address of companyabc" in found


@pytest.mark.parametrize(
    ("text", "size"),
    [("512m", 512 * 1024**2), ("4g", 4 * 1024**3), ("4GB", 4 * 1024**3), ("100", 100), ("64k", 65536)],
)
def test_memory_limits_are_read_as_docker_does(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["0", "4t", "-1g", "g", ""])
def test_what_is_no_memory_limit(text: str) -> None:
    assert memory_bytes(text) is None


def test_no_limit_and_a_limit_are_told_apart() -> None:
    assert money(None) is None and money(" None ") is None and money("7.5") == 7.5
