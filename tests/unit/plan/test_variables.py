# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about variables that make no sense."""

from __future__ import annotations

import datetime
import typing as t

import jinja2
import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.mai.clients.plugins.filter.values import byte_length
from ansible_collections.mai.clients.plugins.module_utils._instance import credentials
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._extra_env import OWNED
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import settings_file
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import DEPLOYMENTS_DIR, variable_problems
from ansible_collections.mai.clients.plugins.plugin_utils._variables import RULES, memory_bytes, money, secret_fault

from tests.unit.repository.test_roles import options, read

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
    "mai_users": [],
    "mai_admin_password_bytes": 0,
    "mai_admin_password_fault": "",
    "mai_backup_repository": None,
    "mai_backup_password_fault": "",
    "mai_backup_recovery": False,
    "mai_backup_stamp": "0000",
    "mai_backup_time": "03:00",
    "mai_backup_random_delay": "1h",
    "mai_backup_keep": {"daily": 7, "weekly": 5, "monthly": 12},
    "mai_backup_metrics_dir": None,
    "mai_usage_history": True,
    "mai_validated_version": None,
    "mai_deployment": "docker",
    "mai_image": "mai:1",
    "mai_image_pull": "missing",
    "mai_image_archive": None,
    "mai_registry_url": None,
    "mai_registry_username": None,
    "mai_registry_password_fault": "",
    "mai_start_command": None,
    "mai_native_service": "auto",
    "mai_native_user": None,
    "mai_port": 8001,
    "mai_bind_address": None,
    "mai_deployments_dir": "/opt/mai/deployments",
    "mai_deployment_dir": "/opt/mai/deployments/client-company-abc",
    "mai_health_path": "/health",
    "mai_health_timeout": 300,
    "mai_extra_env": {},
    "mai_compose_extra": {},
    "mai_memory_limit": "4g",
    "mai_cpu_limit": None,
    "mai_docker_packages": "auto",
    "mai_database": "sqlite",
    "mai_database_url_fault": "",
    "mai_database_url_given": False,
    "mai_database_image": "postgres:17",
    "mai_database_image_archive": None,
    "mai_database_driver": "psycopg2",
    "mai_database_create_table": False,
    "mai_timestamp_unit": "auto",
    "mai_domain": None,
    "mai_fqdn": "",
    "mai_proxy": "caddy",
    "mai_tls": "acme",
    "mai_tls_certificate": None,
    "mai_tls_key": None,
    "mai_acme_email": None,
    "mai_acme_directory": None,
    "mai_acme_ca_root": None,
    "mai_public_addresses": [],
    "mai_upload_limit": "1GB",
    "openrouter_base_url": "https://openrouter.ai/api/v1",
    "mai_instance_api_base_url": "https://openrouter.ai/api/v1",
    "mai_handover_dir": "/srv/handovers",
}


def problems(others=None, **variables) -> list[str]:
    client = {**CLIENT, **variables}
    hostvars = {client["slug"]: {"ansible_host": "mai-01", **client}, **(others or {})}
    return variable_problems(client, hostvars, list(hostvars))


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
        # A formula for a spreadsheet is a name for everybody else: who writes CSV takes care of it
        *({"mai_client_name": f"{sign}cmd|' /C calc'!A0"} for sign in "=+-@"),
        {"mai_monthly_limit": 0.01, "mai_markup_rate": "1.25"},
        {"mai_monthly_limit": " 500 "},
        # Answers of a survey that were left empty
        {"mai_billing_email": "", "mai_admin_email": "", "mai_bind_address": "", "mai_memory_limit": ""},
        {"mai_admin_email": "o'brien@xn--bcher-kva.example"},
        {"mai_bind_address": "192.0.2.7", "mai_cpu_limit": 1.5, "mai_memory_limit": "4GB"},
        {"mai_cpu_limit": "0.5", "mai_memory_limit": 536870912},
        {"mai_deployments_dir": "/srv/mAI 2/Müller & Co".replace(" & ", "+"), "mai_deployment_dir": "/srv/a b/c%d"},
        {"mai_health_path": "/health?db=1&x=$y", "mai_health_timeout": "86400"},
        {"mai_deployment": "native", "mai_image": "", "mai_start_command": "sh -c 'exec mai --port \"$PORT\"'\n"},
        {"mai_image": "sha256:" + "0a" * 32},
        {"mai_image": "localhost/mai", "mai_registry_url": "localhost:5000", "mai_registry_username": "robot$mai+pull"},
        {"mai_registry_url": "https://index.docker.example/v1/", "mai_image_archive": "images/mai 1.tar"},
        {"openrouter_base_url": "http://127.0.0.1:8080/api/v1/", "mai_instance_api_base_url": "http://[::1]:80/v1"},
        {"mai_instance_api_base_url": "https://gateway.example/v1/acc-1/team_a/openrouter"},
        {"mai_database_create_table": "false", "mai_timestamp_unit": "ms", "mai_proxy": "none"},
        # What is the operator's to choose, also where the collection has a value of its own
        {"mai_extra_env": {"WEBUI_NAME": "Brand", "WEBUI_URL": "https://x", "CORS_ALLOW_ORIGIN": "*", "ENV": "dev"}},
        {"mai_extra_env": {"ENABLE_SIGNUP": True, "BYPASS_MODEL_ACCESS_CONTROL": False, "DEFAULT_USER_ROLE": "user"}},
        {"mai_extra_env": {"OAUTH_CLIENT_SECRET": "x", "WEBUI_AUTH_TRUSTED_EMAIL_HEADER": "X-E-Mail", "UNSET": None}},
        {"mai_extra_env": {"DATABASE_POOL_SIZE": 20, "INFLUXDB_FIRST_ENABLED": "true", "STATIC_DIR": "/srv/static"}},
        {"mai_extra_env": {"openai_api_key": "another variable", "Data_Dir": "another, too"}},
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
        ({"mai_client_name": 360}, "mai_client_name is 360, which YAML reads as another thing than text: write it in"),
        ({"mai_client_name": False}, "mai_client_name is False, which YAML reads"),
        ({"mai_admin_name": False}, "mai_admin_name is False, which YAML reads"),
        ({"mai_client_id": "a b"}, "mai_client_id"),
        ({"mai_client_id": "x'; DROP TABLE"}, "mai_client_id"),
        ({"mai_key_name": "client ~pending-1"}, "mai_key_name"),
        ({"mai_monthly_limit": ""}, "mai_monthly_limit is ''"),
        ({"mai_monthly_limit": 0}, "mai_monthly_limit"),
        ({"mai_monthly_limit": -5}, "mai_monthly_limit"),
        ({"mai_monthly_limit": "500 USD"}, "mai_monthly_limit"),
        ({"mai_monthly_limit": True}, "mai_monthly_limit"),
        ({"mai_monthly_limit": "nan"}, "mai_monthly_limit"),
        ({"mai_monthly_limit": "inf"}, "mai_monthly_limit is 'inf'"),
        ({"mai_monthly_limit": "7 50"}, "mai_monthly_limit is '7 50'"),
        ({"mai_monthly_limit": [1]}, "mai_monthly_limit"),
        ({"mai_markup_rate": 0}, "mai_markup_rate"),
        ({"mai_markup_rate": "30%"}, "mai_markup_rate"),
        ({"mai_billing_email": "billing"}, "mai_billing_email"),
        ({"mai_admin_email": "a@b.c, d@e.f"}, "mai_admin_email"),
        ({"mai_admin_email": "a\x07b@c.example"}, "mai_admin_email is 'a␇b@c.example'"),
        ({"mai_admin_name": None}, "mai_admin_name is no name"),
        ({"mai_admin_password_fault": secret_fault(12345678)}, "mai_admin_password: it is not text"),
        ({"mai_admin_password_fault": secret_fault("a\x07b")}, "mai_admin_password: the value holds the control"),
        ({"mai_admin_password_bytes": 73}, "at most 72"),
        ({"mai_port": None}, "mai_port is missing"),
        ({"mai_port": "80"}, "1024 to 65535"),
        ({"mai_port": "8001; rm"}, "1024 to 65535"),
        ({"mai_port": 65536}, "1024 to 65535"),
        ({"mai_port": "８１４０"}, "mai_port is '８１４０': give a number"),
        ({"mai_port": "08140"}, "mai_port"),
        ({"mai_bind_address": "localhost"}, "mai_bind_address"),
        ({"mai_bind_address": "fe80::1%eth0"}, "mai_bind_address"),
        ({"mai_bind_address": "fe80::1"}, "mai_bind_address"),
        ({"mai_bind_address": "224.0.0.1"}, "mai_bind_address"),
        ({"mai_bind_address": "255.255.255.255"}, "mai_bind_address"),
        ({"mai_deployment_dir": "/opt/mai/../x"}, "no '..'"),
        ({"mai_deployment_dir": "/opt/./x"}, "absolute path"),
        ({"mai_deployment_dir": "/opt/x:y"}, "absolute path"),
        ({"mai_deployment_dir": "/" + "ż" * 128}, "absolute path"),
        ({"mai_deployment_dir": "/opt/mai"}, "holds mai_deployments_dir '/opt/mai/deployments'"),
        ({"mai_deployment_dir": "/opt/mai/deployments"}, "holds mai_deployments_dir"),
        ({"mai_health_path": "/health check"}, "no blanks"),
        ({"mai_health_path": "/health#x"}, "no '#'"),
        ({"mai_health_path": "/zdrowie-ż"}, "ASCII"),
        ({"mai_domain": "example.org", "mai_fqdn": ""}, "mai_fqdn is ''"),
        ({"mai_domain": "example.org", "mai_fqdn": "mai-x.example.55"}, "not a host name"),
        ({"mai_domain": 55, "mai_fqdn": "mai-x.55"}, "mai_domain is '55'"),
        ({"mai_memory_limit": "5m"}, "at least 6m"),
        ({"mai_memory_limit": "4\ng"}, "mai_memory_limit is '4␊g'"),
        ({"mai_memory_limit": "4\u212a"}, "mai_memory_limit"),
        ({"mai_deployment": "native", "mai_start_command": "x", "mai_memory_limit": "4gb"}, "512m or 4g"),
        ({"mai_start_command": "a\nb"}, "mai_start_command is not shown"),
        ({"mai_image": "Team/MAI:1"}, "lower case"),
        ({"mai_key_name": " client-a"}, "blanks around it"),
        ({"mai_key_name": "client\u202ea"}, "mai_key_name is 'client<U+202E>a'"),
        ({"openrouter_base_url": "http://[::1"}, "openrouter_base_url is 'http://[::1'"),
        ({"openrouter_base_url": "http://a..b/v1"}, "openrouter_base_url"),
        ({"openrouter_base_url": "http://h:65536"}, "openrouter_base_url"),
        ({"openrouter_base_url": "https://h/v1;https://i/v1"}, "openrouter_base_url"),
        ({"mai_registry_url": "user:word@registry.example"}, "mai_registry_url has more than host"),
        ({"mai_registry_url": "-v"}, "mai_registry_url"),
        ({"mai_deployment_dir": "relative"}, "absolute path"),
        ({"mai_health_path": "health"}, "mai_health_path"),
        ({"mai_domain": "exa mple", "mai_fqdn": "mai-x.exa mple"}, "not a host name"),
        ({"openrouter_base_url": "openrouter.ai"}, "openrouter_base_url"),
        ({"mai_instance_api_base_url": "ftp://x"}, "mai_instance_api_base_url"),
        ({"mai_deployment": "native"}, "mai_start_command"),
        ({"mai_image": "mai:$TAG"}, "mai_image"),
        ({"mai_image": ""}, "mai_image"),
        ({"mai_memory_limit": "much"}, "mai_memory_limit"),
        ({"mai_database": "mysql"}, "mai_database is 'mysql': give one of sqlite, postgresql, external"),
        ({"mai_database": "external"}, "mai_database is external, but mai_database_url, which names it, is missing"),
        ({"mai_database_url_given": True}, "mai_database_url is set, and mai_database is 'sqlite'"),
        ({"mai_database_url_fault": "give postgresql://"}, "mai_database_url: give postgresql://"),
        ({"mai_database_driver": "asyncpg"}, "mai_database_driver is 'asyncpg': give one of psycopg2, psycopg"),
        ({"mai_database_image": "Postgres"}, "mai_database_image is 'Postgres'"),
        (
            {"mai_deployment": "native", "mai_start_command": "open-webui serve", "mai_database": "postgresql"},
            "mai_database: postgresql runs in Docker",
        ),
        ({"mai_extra_env": ["A=b"]}, "mapping"),
        ({"mai_extra_env": {"A B": "x"}}, "letters, digits"),
        ({"mai_extra_env": {"OPENAI_API_KEY": "x"}}, "must not set OPENAI_API_KEY"),
        ({"mai_extra_env": {None: "x"}}, "the name 'None'"),
        ({"mai_extra_env": {"X": "x" * 131_000}}, "mai_extra_env.X has 131002 bytes"),
        ({"mai_extra_env": {f"X{number}": "x" * 120_000 for number in range(9)}}, "in all"),
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
        (
            {"ansible_host": "mai-01", "mai_deployment_dir": "/opt/mai/deployments/client-company-abc"},
            "is also that of northwind on the machine mai-01",
        ),
        ({"ansible_host": "mai-01", "mai_deployment_dir": "/opt/mai/deployments"}, "lies in that of northwind"),
        (
            {"ansible_host": "mai-01", "mai_deployment_dir": "/opt/mai/deployments/client-company-abc/data"},
            "holds that of northwind",
        ),
        (
            {"ansible_host": "mai-01", "mai_deployments_dir": "/opt/mai/deployments/client-company-abc"},
            "holds that of northwind",
        ),
    ],
)
def test_clients_do_not_clash(other: dict, about: str) -> None:
    (found,) = problems({"northwind": other})
    assert about in found


def test_a_directory_that_two_clients_share_is_named_for_both() -> None:
    shared = {**CLIENT, "ansible_host": "mai-01", "mai_deployment_dir": "/srv/shared"}
    hostvars = {
        "a": {**shared, "mai_port": 8001, "mai_key_name": "client-a"},
        "b": {**shared, "mai_port": 8002, "mai_key_name": "client-b"},
    }
    for own, other in (("a", "b"), ("b", "a")):
        (found,) = variable_problems({**hostvars[own], "slug": own}, hostvars, list(hostvars))
        assert found == (
            f"mai_deployment_dir '/srv/shared' is also that of {other} on the machine mai-01: "
            "give each a directory of its own"
        )


@pytest.mark.parametrize(
    "other",
    [
        {"ansible_host": "mai-02", "mai_deployment_dir": CLIENT["mai_deployment_dir"]},
        {"ansible_host": "mai-01", "mai_deployment_dir": CLIENT["mai_deployment_dir"] + "-2"},
        {"ansible_host": "mai-01"},
        # What is wrong with it is said where it is that client's turn
        {"ansible_host": "mai-01", "mai_deployment_dir": ["/"]},
        {"ansible_host": "mai-01", "mai_deployment_dir": "relative"},
    ],
)
def test_directories_beside_each_other_are_fine(other: dict) -> None:
    assert problems({"northwind": other}) == []


class OfItsOwnRun(dict):
    """A client whose variables are made from defaults of a role, which only its own run knows."""

    raises = False

    def get(self, name: str, default: t.Any = None) -> t.Any:
        if name not in ("mai_deployment_dir", "mai_port", "mai_key_name", "mai_fqdn"):
            return super().get(name, default)
        if self.raises:
            raise AnsibleUndefinedVariable("'mai_deployments_dir' is undefined")
        return jinja2.StrictUndefined(name="mai_deployments_dir")


@pytest.mark.parametrize("raises", [False, True])
def test_what_is_not_known_of_another_client_is_not_compared(raises: bool) -> None:
    other = OfItsOwnRun(ansible_host="mai-01", mai_domain="example.org")
    other.raises = raises
    assert problems({"northwind": other}, mai_domain="example.org", mai_fqdn="mai-x.example.org") == []


def test_the_default_of_another_client_is_the_role_s() -> None:
    default = options("mai")["mai_deployment_dir"]["default"]
    assert default == "{{ mai_deployments_dir }}/client-{{ inventory_hostname }}"
    assert options("mai")["mai_deployments_dir"]["default"] == DEPLOYMENTS_DIR


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


# What somebody may write, by mistake or not. Each variable is given each of them.
ODD: dict[str, t.Any] = {
    "null": None,
    "empty": "",
    "blank": " ",
    "true": True,
    "false": False,
    "0": 0,
    "5": 5,
    "-1": -1,
    "8140": 8140,
    "1.5": 1.5,
    "1e-300": 1e-300,
    "nan": float("nan"),
    "inf": float("inf"),
    "10**400": 10**400,
    "10**5000": 10**5000,
    "list": [],
    "list of text": ["a"],
    "mapping": {"password": "hidden"},
    "bytes": b"a",
    "date": datetime.date(2026, 11, 28),
    "object": object(),
    "text 12": "12",
    "text 8140": "8140",
    "text 010": "010",
    "text -1": "-1",
    "text 1_000": "1_000",
    "text 1e-300": "1e-300",
    "text 1e400": "1e400",
    "text nan": "nan",
    "text true": "true",
    "text none": "none",
    "full-width 12": "１２",
    "full-width 8140": "８１４０",
    "full-width 1g": "１g",
    "4g": "4g",
    "word": "word",
    "formula": "=1+1",
    "unicode": "Żółw",
    "apostrophe": "O'Brien $HOME",
    "template": "{{ 7*7 }}",
    "line break": "a\nb",
    "carriage return": "a\rb",
    "NUL": "a\0b",
    "ESC": "a\x1b[31mb",
    "bidi": "a\u202eb",
    "zero width": "a\u200bb",
    "surrogate": "a\ud800",
    "long": "a" * 10**6,
    "long digits": "9" * 10**6,
    "root": "/",
    "directory": "/srv/mai",
    "trailing slash": "/srv/mai/",
    "double slash": "//srv/mai",
    "up": "/srv/../etc",
    "directory with line break": "/srv/a\nb",
    "directory with NUL": "/srv/a\0b",
    "directory with ESC": "/srv/a\x1bb",
    "path with query": "/srv?a=1",
    "address": "192.0.2.7",
    "IPv6": "::1",
    "e-mail": "a@b.example",
    "e-mail with BEL": "a\x07b@c.example",
    "URL": "https://h.example/v1",
    "URL with line break": "https://h.example/\nv1",
    "URL with blank": "https://h.example/ v1",
    "URL without a port": "http://h:x",
    "URL half a bracket": "http://[::1",
    "URL with password": "https://u:p4ss@h.example/",
    "URL with key": "https://h.example/?key=k3y",
    "URL with fragment": "https://h.example/#f",
    "host": "h.example",
    "key": "sk-or-v1-" + "5" * 64,
}
# The odd ones by what they are: words of letters, digits and signs of a name; anything in ASCII; anything on one line;
# any text that an environment file carries
_WORDS = {"text 12", "text 8140", "text 010", "text 1_000", "text 1e-300", "text 1e400", "text nan", "text true"}
_WORDS |= {"text none", "4g", "word", "host", "key"}
_ASCII = _WORDS | {"text -1", "formula", "root", "directory", "trailing slash", "double slash", "up", "path with query"}
_ASCII |= {"address", "IPv6", "e-mail", "URL", "URL without a port", "URL half a bracket", "URL with password"}
_ASCII |= {"URL with key", "URL with fragment"}
_LINES = _ASCII | {"full-width 12", "full-width 8140", "full-width 1g", "unicode", "apostrophe", "template"}
_LINES |= {"URL with blank"}
_TEXTS = _LINES | {"line break", "bidi", "zero width", "directory with line break", "URL with line break"}
_NONE = {"null", "empty"}
_NUMBERS = {"5", "8140", "1.5", "text 12", "text 8140"}

ACCEPTED: dict[str, set[str]] = {
    "mai_backup_repository": _NONE | {"directory"},
    "mai_backup_time": set(),
    "mai_backup_random_delay": set(),
    "mai_backup_keep": set(),
    "mai_backup_metrics_dir": _NONE | {"directory"},
    "mai_validated_version": _NONE,
    "mai_native_user": _NONE | {"word", "text true", "text none", "text nan"},
    "mai_usage_history": {"true", "false", "0", "text true"},
    "mai_client_name": _TEXTS,
    "mai_client_id": (_WORDS - {"key"}) | {"address"},
    "mai_key_name": _LINES,
    "mai_monthly_limit": _NUMBERS | {"null", "text none"},
    "mai_markup_rate": {"5", "1.5", "text 12"},
    "mai_billing_email": _NONE | {"e-mail"},
    "mai_admin_email": _NONE | {"e-mail"},
    "mai_admin_name": _TEXTS,
    "mai_deployment": set(),
    "mai_image": _WORDS | {"address"},
    "mai_image_pull": set(),
    "mai_image_archive": _NONE | _LINES,
    "mai_registry_url": _NONE | (_WORDS - {"key"}) | {"address", "URL"},
    "mai_registry_username": _NONE | _LINES,
    "mai_start_command": _NONE | _LINES,
    "mai_native_service": set(),
    "mai_port": {"8140", "text 8140"},
    "mai_bind_address": _NONE | {"address", "IPv6"},
    "mai_deployments_dir": {"directory"},
    "mai_deployment_dir": {"directory"},
    "mai_health_path": {"root", "directory", "trailing slash", "double slash", "up", "path with query"},
    "mai_health_timeout": {"5", "8140", "text 12", "text 8140"},
    "mai_memory_limit": _NONE | {"4g"},
    "mai_cpu_limit": _NONE | {"5", "1.5", "text 12"},
    "mai_docker_packages": {"text none"},
    "mai_database": set(),
    "mai_database_image": _WORDS | {"address"},
    "mai_database_image_archive": _NONE | _LINES,
    "mai_database_driver": set(),
    "mai_database_create_table": {"true", "false", "0", "text true"},
    "mai_timestamp_unit": set(),
    "mai_domain": _NONE | {"host", "word", "text nan"},
    "mai_fqdn": _NONE | {"host"},
    "mai_proxy": {"text none"},
    "mai_tls": set(),
    "mai_tls_certificate": _NONE | _LINES,
    "mai_tls_key": _NONE | _LINES,
    "mai_acme_email": _NONE | {"e-mail"},
    "mai_acme_directory": _NONE | {"URL"},
    "mai_acme_ca_root": _NONE | _LINES,
    "mai_public_addresses": _NONE | {"list"},
    "mai_upload_limit": set(),
    "openrouter_base_url": {"URL"},
    "mai_instance_api_base_url": {"URL"},
    "mai_handover_dir": _LINES,
    "mai_extra_env": {"mapping"},
    "a value of mai_extra_env": {
        "null",
        "empty",
        "blank",
        "true",
        "false",
        "0",
        "-1",
        "1e-300",
        "nan",
        "inf",
        "10**400",
    }
    | _NUMBERS
    | _TEXTS,
}


@pytest.mark.parametrize(
    ("own", "other", "one"),
    [
        ({}, {}, True),
        ({"ansible_port": 22}, {}, True),
        ({"ansible_port": "2201"}, {"ansible_port": 2201}, True),
        ({"ansible_port": 2201}, {"ansible_port": 2202}, False),
        ({"ansible_port": 2201}, {}, False),
        ({"ansible_ssh_common_args": "-J gate-a"}, {"ansible_ssh_common_args": "-J gate-b"}, False),
        ({"ansible_ssh_common_args": "-J gate-a"}, {"ansible_ssh_common_args": "-J gate-a"}, True),
        ({"ansible_ssh_extra_args": "-J gate-a"}, {}, False),
        ({"ansible_connection": "local"}, {"ansible_connection": "local"}, True),
        ({"ansible_connection": "local"}, {"ansible_connection": "local", "ansible_host": "elsewhere"}, True),
        ({"ansible_connection": "local"}, {}, False),
    ],
)
def test_one_machine_is_one_way_to_it(own: dict[str, t.Any], other: dict[str, t.Any], one: bool) -> None:
    found = problems({"northwind": {"mai_port": 8001, "ansible_host": "mai-01", **other}}, **own)
    assert len(found) == one
    assert all(said.startswith("mai_port 8001 is also that of northwind on the machine ") for said in found)


def given(variable: str, value: t.Any) -> dict[str, t.Any]:
    if variable == "a value of mai_extra_env":
        return {"mai_extra_env": {"X": value}}
    if variable == "mai_domain":
        return {"mai_domain": value, "mai_fqdn": "mai-x.example.org"}
    return {variable: value}


@pytest.mark.parametrize("variable", ACCEPTED)
def test_of_every_odd_value_it_is_known_whether_it_is_accepted(variable: str) -> None:
    """Never a traceback, never a second line, never a secret that came there; and the same value of a neighbour's."""
    accepted = set()
    for name, value in ODD.items():
        found = problems({"northwind": {"ansible_host": "mai-01", variable: value}}, **given(variable, value))
        for message in found:
            assert shown(message, 10_000) == message and len(message) < 400, name
            assert not any(secret in message for secret in ("hidden", "p4ss", "k3y", "5555")), name
        if not any("northwind" not in message for message in found):
            accepted.add(name)
    assert accepted == ACCEPTED[variable]


def test_no_variable_is_without_a_rule() -> None:
    # Where the machine is found is Ansible's variable
    looked_at = set(read("mai", "vars/main.yml")["mai_variables"]) - {"machine"}
    # Of the database's URL the action itself says what is wrong; two are made from passwords
    of_url = {"mai_database_url_fault", "mai_database_url_given"}
    of_backups = {"mai_backup_recovery", "mai_backup_stamp"}
    others = {"slug", "mai_extra_env", "mai_compose_extra", "mai_users", "mai_database_url_given"} | of_backups
    assert set(RULES) | others == looked_at | of_url == set(CLIENT)
    passwords = {name for name in options("mai") if name.endswith(("_password", "_key"))} | {"mai_backup_environment"}
    passwords -= {"mai_tls_key"}  # the path of a file
    inputs = {
        name for name in options("mai") if name.startswith(("mai_plan_", "mai_check_", "mai_inventory_", "mai_awx_"))
    }
    assert set(options("mai")) - looked_at - inputs == passwords | {"mai_database_url"}
    assert set(RULES) - set(ACCEPTED) == {name for name in RULES if "password" in name or name.endswith("_fault")}


def test_the_defaults_are_right() -> None:
    defaults = {name: value for name, value in read("mai", "defaults/main.yml").items() if name in CLIENT}
    plain = {name: value for name, value in defaults.items() if "{{" not in str(value)}
    assert len(plain) > 20 and problems(**plain) == []


@pytest.mark.parametrize("name", OWNED)
@pytest.mark.parametrize("value", ["x", "", "true", False, None])
def test_what_the_collection_depends_on_is_its_own(name: str, value: t.Any) -> None:
    (found,) = problems(mai_extra_env={name: value})
    assert found == f"mai_extra_env must not set {name}: {OWNED[name]}"
    assert shown(found) == found


def test_own_settings_are_owned_or_the_operator_s_to_choose() -> None:
    """A new setting of the instance has to be decided upon."""
    wanted = {**{name: "1" for name in CLIENT}, "mai_extra_env": {}, "mai_domain": "", "mai_deployment": "native"}
    settings = set(settings_file(wanted, "127.0.0.1"))
    assert settings - set(OWNED) == {"WEBUI_NAME", "ENABLE_SIGNUP", "BYPASS_MODEL_ACCESS_CONTROL", "ENV"}
    for instead in OWNED.values():
        assert {word.strip(",;") for word in instead.split() if word.startswith("mai_")} <= set(options("mai"))


@pytest.mark.parametrize(
    ("email", "right"),
    [
        ("name@example.com", True),
        ("o'brien+mai@sub.example.com", True),
        ("it@localhost", True),
        ("żółw@example.pl", True),
        ("name@example", False),
        ("a\x07b@c.example", False),
        ("a\u202eb@c.example", False),
        ("a\ud800@c.example", False),
        ("a@b.example\n", False),
        ("Name <a@b.example>", False),
        ("a@b.example,c@d.example", False),
        ("a" * 250 + "@b.example", False),
        (None, False),
        (["a@b.example"], False),
    ],
)
def test_what_is_an_address_for_the_inventory_is_one_for_the_machine(email: t.Any, right: bool) -> None:
    assert credentials.is_address(email) is right
    assert (problems(mai_admin_email=email) == []) is (right or email is None)
    if isinstance(email, str) and not right:
        with pytest.raises(credentials.CredentialsError) as caught:
            credentials.check(email, "word")
        assert shown(caught.value) == str(caught.value)


@pytest.mark.parametrize("value", ["", 0, "1e3", "nan", True, b"5", [5], "５", "1_0", 10**400, 10**9, "-5", object()])
def test_what_is_no_limit_raises_one_kind_of_error(value: t.Any) -> None:
    with pytest.raises(ValueError):
        money(value)


def test_what_is_said_of_a_password_holds_nothing_of_it() -> None:
    assert secret_fault(None) == secret_fault("") == secret_fault("Zażółć \"$'\n") == ""
    for password in (31337, ["31337"], b"31337", "31337\0", "31337\ud800", True):
        assert secret_fault(password) and "31337" not in secret_fault(password)
    assert byte_length("é\ud800") == 5
