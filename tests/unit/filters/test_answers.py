# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile and empty answers of a survey: each is refused in a short sentence, or is data that can do no harm."""

from __future__ import annotations

import itertools
import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible.template import trust_as_template
from ansible.utils.vars import load_extra_vars
from ansible_collections.mai.clients.plugins.filter.hosts import FilterModule, controller, hosts
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._answers import RULES, answer_problem
from ansible_collections.mai.clients.plugins.plugin_utils._interview import Interview, Unknown
from ansible_collections.mai.clients.plugins.plugin_utils._names import extra_variables
from ansible_collections.mai.clients.plugins.plugin_utils._new_client import WRITABLE, Fleet

ROOT = pathlib.Path(__file__).parents[3]
GROUPS = {"all": ["company-abc", "northwind"], "mai_clients": ["company-abc", "northwind"], "gold": ["northwind"]}
LONG = "x" * 10_000

HOSTILE: dict[str, t.Any] = {
    "shell": "Bad Slug; rm -rf /",
    "substitution": "$(reboot)`id`",
    "template": "{{ 7*7 }}",
    "lookup": "{{ lookup('env', 'HOME') }}",
    "raw": "{% raw %}",
    "long": LONG,
    "long digits": "9" * 10_000,
    "lines": "company-abc\nnorthwind",
    "carriage return": "company-abc\r",
    "null": "a\x00b",
    "escape": "\x1b[2Jgone",
    "direction": "company\u202eabc",
    "no width": "company\u200babc",
    "dash": "--limit=all",
    "pattern": "all:!northwind",
    "wildcard": "*",
    "path": "../../etc/passwd\n",
    "yaml": "{a: [1, 2]}",
    "tag": "!vault |",
    "list": ["all"],
    "mapping": {"client": "all"},
    "half a character": "\udcff",
}
# What is data there, and is asked for by name, opened or run as it stands: nothing takes it apart
_TEXT = {"shell", "substitution", "template", "lookup", "raw", "dash", "pattern", "wildcard", "yaml", "tag"}
DATA: dict[str, set[str]] = {
    **dict.fromkeys(("canary", "confirm", "restore_to", "test_model", "mai_awx_inventory"), _TEXT),
    **dict.fromkeys(("json_file", "csv_file", "new_password_file"), _TEXT),
    "new_start_command": _TEXT | {"long", "long digits", "path"},
}
REAL: dict[str, list[t.Any]] = {
    "canary": ["company-abc"],
    "confirm": ["company-abc"],
    "restore_to": ["mai-02.example.org", "203.0.113.7"],
    "host": ["mai-01.example.org", "2001:db8::1"],
    "machine": ["mai-01.example.org", "10.0.0.1"],
    "container": ["open-webui"],
    "email": ["anna@companyabc.com"],
    "new_image": ["mai:1.5", "your-registry.example.com/mai@sha256:" + "a" * 64],
    "new_start_command": ["open-webui serve"],
    "new_limit": ["750", 750, 750.0, "0.5", "none", "None"],
    "key_hash": ["a" * 64],
    "snapshot": ["latest", "e38ed470"],
    "fail_on": ["down,limit80, disk5,backup26,usage", "down"],
    "idle_minutes": ["60", 60, 60.0, "0", 0],
    "older_than_days": ["90", 90, 0, "0"],
    "disk_gib": ["1", 0.5, "0"],
    "memory_mib": ["256", 256],
    "test_model": ["openai/gpt-4o-mini"],
    "json_file": ["clients.json", "/tmp/a b.json"],
    "csv_file": ["clients.csv"],
    "new_password_file": ["~/new"],
    "mai_inventory_backend": ["files", "awx"],
    "mai_awx_inventory": ["Clients of \u017b\u00f3\u0142w", 7, "7"],
}
SWITCH = ["true", "false", "True", "yes", "no", True, False, 1, "0", "on"]


def is_short(said: str) -> bool:
    return shown(said, 400) == said and LONG[:100] not in said


def test_each_extra_variable_has_a_rule() -> None:
    others = {"client"} | {name for name in extra_variables() if name.startswith("mai_")}
    assert set(RULES) | others == extra_variables() and set(DATA) | set(REAL) <= set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_what_is_meant_is_taken(name: str) -> None:
    for value in [*REAL.get(name, SWITCH), "", None]:
        assert answer_problem({name: value}) == "", value


def test_hostile_answers_are_refused_shortly_and_counted() -> None:
    refused = taken = 0
    for name, (kind, value) in itertools.product(RULES, HOSTILE.items()):
        said = answer_problem({name: value})
        assert bool(said) == (kind not in DATA.get(name, ())), (name, kind, said)
        assert is_short(said) and (not said or said.startswith(f"{name} is ")), said
        refused, taken = refused + bool(said), taken + (not said)
    for kind, value in HOSTILE.items():
        for name in (value, f"northwind,{value}"):
            if kind == "carriage return":  # a blank around a name is none of it
                assert "\r" not in hosts(name, GROUPS)
                taken += 1
                continue
            with pytest.raises(AnsibleFilterError) as failure:
                hosts(name, GROUPS)
            assert is_short(str(failure.value)), str(failure.value)
            refused += 1
    for name, value in itertools.product(sorted(WRITABLE), HOSTILE.values()):
        try:
            Interview(Fleet({}), {name: value}, ask=False).check_given()
            taken += 1
        except Unknown as error:
            assert all(is_short(line) for line in str(error).splitlines()), str(error)
            refused += 1
    folder = ROOT / "build" / "report.d"
    folder.mkdir(parents=True, exist_ok=True)
    names = len(RULES) + 1 + len(WRITABLE)
    lines = [
        "## Hostile answers of surveys",
        "",
        "| variables | answers | refused | taken as text |",
        "|--:|--:|--:|--:|",
    ]
    lines.append(f"| {names} | {refused + taken} | {refused} | {taken} |")
    (folder / "hostile-answers.md").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("choose", [lambda: hosts("company-abc", GROUPS), lambda: controller(GROUPS)])
def test_an_answer_stops_the_play_before_a_host_is_chosen(
    monkeypatch: pytest.MonkeyPatch, choose: t.Callable[[], str]
) -> None:
    monkeypatch.setattr(load_extra_vars, "extra_vars", {"take_lock": "perhaps"}, raising=False)
    with pytest.raises(AnsibleFilterError, match="take_lock is 'perhaps': give true or false. Nothing was touched."):
        choose()
    monkeypatch.setattr(load_extra_vars, "extra_vars", {"take_lock": ""}, raising=False)
    assert choose()


@pytest.mark.parametrize(("limit", "wrong"), [("750", False), ("none", False), ("", True), ("7 50", True)])
def test_what_has_to_be_given_is_judged_with_its_value(limit: str, wrong: bool) -> None:
    found = FilterModule().filters()["answer_problem"]("new_limit", limit)
    assert found.startswith(f"new_limit is '{limit}': give USD per calendar month") is wrong
    assert bool(found) is wrong


def test_a_template_of_the_operator_is_none_of_a_survey() -> None:
    assert answer_problem({"new_limit": "{{ 700 + 50 }}"}).startswith("new_limit is '{{ 700 + 50 }}'")
    assert answer_problem({"new_limit": trust_as_template("{{ 700 + 50 }}")}) == ""
