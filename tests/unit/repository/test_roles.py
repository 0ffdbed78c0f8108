# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role documents is what it has."""

from __future__ import annotations

import re

import pytest

from tests.unit.repository.tasks import ROOT, load

# What crosses the borders of roles: see entry point plan of role mai
FACTS = ("mai_handover", "mai_seen", "mai_key", "mai_keys", "mai_plan", "mai_checks", "mai_changes", "mai_variables")
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


def read(role: str, path: str) -> dict:
    file = ROOT / "roles" / role / path
    return (load(file.read_text(encoding="utf-8")) or {}) if file.exists() else {}


def entry_points(role: str) -> dict[str, dict]:
    return read(role, "meta/argument_specs.yml").get("argument_specs", {})


def options(role: str) -> dict[str, dict]:
    return {name: option for entry in entry_points(role).values() for name, option in entry.get("options", {}).items()}


@pytest.mark.parametrize("role", ROLES)
def test_documented_entry_points_exist(role):
    for name, entry in entry_points(role).items():
        assert entry.get("short_description"), name
        assert (ROOT / "roles" / role / "tasks" / f"{name}.yml").exists(), name


@pytest.mark.parametrize("folder", ["roles", "playbooks", "inventories"])
def test_every_client_variable_that_is_used_is_documented(folder):
    """Role mai documents them all, and awx_setup those of a controller, so a misspelt one stands out."""
    used = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".yml", ".j2", ".ini")
        for name in re.findall(r"\bmai_[a-z0-9_]+", path.read_text(encoding="utf-8"))
    }
    known = {
        *options("mai"),
        *options("awx_setup"),
        *read("mai", "vars/main.yml")["mai_variables"],
        "mai_clients",
        *FACTS,
    }
    unknown = sorted((path, name) for path, name in used if name not in known)
    assert used
    assert unknown == []


@pytest.mark.parametrize("role", ROLES)
def test_every_option_has_a_type_and_a_description(role):
    incomplete = [
        name for name, option in options(role).items() if not (option.get("type") and option.get("description"))
    ]
    assert incomplete == []


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_documentation(role):
    """A required option has no default; any other one is in defaults, null where it means "not given"."""
    documented = {name: option.get("default") for name, option in options(role).items() if not option.get("required")}
    assert read(role, "defaults/main.yml") == documented


@pytest.mark.parametrize("role", ROLES)
def test_secrets_are_text(role):
    """A value that fails its conversion is printed in the error, and text cannot fail."""
    secret = {
        name: option["type"]
        for name, option in options(role).items()
        if name.endswith(("_password", "_secret", "provisioning_key", "_token"))
    }
    assert set(secret.values()) <= {"str"}, secret


def test_there_are_roles_to_check():
    assert {"mai", "machine", "api_key", "instance", "organization", "verify", "handover"} <= set(ROLES)
    assert len(options("mai")) > 30


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_every_play_waits_for_its_clients_whatever_strategy_is_configured(path):
    """What is once per machine, and what one client says for all, needs them side by side."""
    plays = load(path.read_text(encoding="utf-8"))
    assert [play["strategy"] for play in plays] == ["linear"] * len(plays)
