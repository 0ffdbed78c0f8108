# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options mean."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import key_spec
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.options import (
    check_names,
    connection_of,
    expiry_of,
    fields_of,
)


def validated(**options: t.Any) -> dict[str, t.Any]:
    spec = {name: value for name, value in key_spec().items() if name != "supports_check_mode"}
    result = ArgumentSpecValidator(**spec).validate({"name": "x", **options})
    assert not result.error_messages
    return result.validated_parameters


def fields(**options: t.Any) -> dict[str, t.Any]:
    return fields_of(validated(**options), options)


def test_what_is_not_mentioned_is_left_alone() -> None:
    assert fields() == {}


@pytest.mark.parametrize("value", [None, "", "none", "None", "null", " "])
def test_no_limit(value: t.Any) -> None:
    assert fields(limit=value) == {"limit": None}


@pytest.mark.parametrize("value", [500, 500.0, "500", " 500.0 "])
def test_limit(value: t.Any) -> None:
    assert fields(limit=value) == {"limit": 500.0}


@pytest.mark.parametrize("value", [-1, "-0.01", True, "unlimited", "nan", "inf", [], {}, 10**400, "9" * 5000])
def test_wrong_limit(value: t.Any) -> None:
    with pytest.raises(InvalidOption, match="limit must be"):
        fields(limit=value)


def test_the_rest() -> None:
    assert fields(limit_reset="never") == {"limit_reset": None}
    assert fields(limit_reset="monthly", include_byok_in_limit="no") == {
        "limit_reset": "monthly",
        "include_byok_in_limit": False,
    }
    assert fields(state="disabled") == {"disabled": True}
    with pytest.raises(InvalidOption, match="contradict"):
        fields(state="disabled", disabled=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2027-01-31T23:59:59Z", "2027-01-31T23:59:59Z"),
        ("2027-01-31T23:59:59", "2027-01-31T23:59:59Z"),
        ("2027-02-01T00:59:59+01:00", "2027-01-31T23:59:59Z"),
        ("", None),
    ],
)
def test_expiry(value: str, expected: str | None) -> None:
    assert expiry_of(validated(expires_at=value)) == expected


@pytest.mark.parametrize("value", ["tomorrow", "2027-01-31", "2027-13-01T00:00:00Z"])
def test_wrong_expiry(value: str) -> None:
    with pytest.raises(InvalidOption, match="ISO 8601"):
        expiry_of(validated(expires_at=value))


@pytest.mark.parametrize("name", ["", " ", "x ", " x", "x\ny", "x ~pending-abcdef", "x ~retired-012345"])
def test_wrong_name(name: str) -> None:
    with pytest.raises(InvalidOption, match="name must not"):
        check_names({"name": name, "hash": None})


def test_hash_instead_of_a_name() -> None:
    check_names({"name": None, "hash": "ab"})
    with pytest.raises(InvalidOption, match="hash must not be empty"):
        check_names({"name": None, "hash": ""})


@pytest.mark.parametrize("name", ["client-company-abc", 'Żółw "Sp. z o.o."', "O'Brien $HOME", "x ~pending-"])
def test_name(name: str) -> None:
    check_names({"name": name, "hash": None})


def test_where_the_provisioning_key_comes_from(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-file\n")
    environ = {"OPENROUTER_PROVISIONING_KEY": "from-environment", "OPENROUTER_PROVISIONING_KEY_FILE": str(file)}

    def found(option: str | None, environ: dict[str, str]) -> str:
        return connection_of(validated(provisioning_key=option), environ)["provisioning_key"]

    assert found("from-option", environ) == "from-option"
    assert found("", environ) == "from-environment"
    environ["OPENROUTER_PROVISIONING_KEY"] = ""
    assert found(None, environ) == "from-file"
    file.write_text("\n")
    with pytest.raises(InvalidOption, match="empty"):
        found(None, environ)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidOption, match="not text"):
        found(None, environ)
    file.unlink()
    with pytest.raises(InvalidOption, match="No such file"):
        found(None, environ)
    with pytest.raises(InvalidOption, match="OPENROUTER_PROVISIONING_KEY_FILE"):
        found(None, {})


def test_base_url() -> None:
    key = {"OPENROUTER_PROVISIONING_KEY": "k"}
    assert connection_of(validated(), key)["base_url"] == "https://openrouter.ai/api/v1"
    environ = {**key, "OPENROUTER_BASE_URL": "http://localhost:1/api/v1"}
    assert connection_of(validated(base_url=""), environ)["base_url"] == "http://localhost:1/api/v1"
    assert connection_of(validated(base_url="https://eu.example"), environ)["base_url"] == "https://eu.example"


@pytest.mark.parametrize("options", [{"timeout": 0}, {"retries": -1}])
def test_wrong_bounds(options: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidOption, match="timeout"):
        connection_of(validated(**options), {"OPENROUTER_PROVISIONING_KEY": "k"})
