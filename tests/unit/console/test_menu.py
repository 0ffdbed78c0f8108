# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu: what an answer means, what a playbook is run with, and how what was typed unseen is kept."""

from __future__ import annotations

import multiprocessing
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils import _child, _menu
from ansible_collections.mai.clients.plugins.plugin_utils._menu import Target, Unclear
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._sealed import seal, unseal

CLIENTS = {"company-abc": "client-company-abc", "northwind": "nw", "ab": "client-ab"}


def key(name: str, digits: str, **data: t.Any) -> Key:
    return Key(digits.ljust(64, "0"), name, {"hash": digits.ljust(64, "0"), "name": name, **data})


OURS = key("client-company-abc", "aaaaaaaa1")
RETIRED = key("client-company-abc ~retired-49216395", "aaaaaaaa2")
FOREIGN = key("website", "bbbbbbbb1", limit=20, limit_reset="monthly", usage_monthly=1.5, disabled=False)
TWIN, OTHER_TWIN = key("twin", "cccccccc1"), key("twin", "cccccccc2")
KEYS = [OURS, RETIRED, FOREIGN, TWIN, OTHER_TWIN]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        *(("1", "create"), ("2", "list"), ("3", "information"), ("4", "limit"), ("5", "disable"), ("6", "exit")),
        *(("7", "rotate"), ("8", "diagnose"), (" 4 ", "limit"), ("Exit", "exit"), ("q", "exit"), ("rot", "rotate")),
        *(("9", None), ("", None), ("12", None), ("delete", None)),
    ],
)
def test_choices(answer: str, word: str | None) -> None:
    found = _menu.choice(answer)
    assert (found.word if found else None) == word


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("company-abc", Target(client="company-abc")),
        ("client-company-abc", Target(client="company-abc")),
        ("nw", Target(client="northwind")),
        (OURS.hash, Target(client="company-abc")),
        (RETIRED.hash, Target(key=RETIRED)),
        ("BBBBBBBB", Target(key=FOREIGN)),
        ("website", Target(key=FOREIGN)),
        (TWIN.hash, Target(key=TWIN)),
    ],
)
def test_what_is_meant(answer: str, target: Target) -> None:
    assert _menu.target(answer, CLIENTS, KEYS) == target


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("northwnd", "Did you mean northwind"),
        ("websit", "Did you mean website?"),
        ("bbbbbbb", "no client and no key bbbbbbb"),  # too short for a hash
        ("aaaaaaaa", "2 keys are meant by aaaaaaaa"),
        ("twin", "2 keys are meant by twin"),
        ("\x1b[2J", "no client and no key ␛[2J"),
    ],
)
def test_what_is_not_clear(answer: str, said: str) -> None:
    with pytest.raises(Unclear) as raised:
        _menu.target(answer, CLIENTS, KEYS)
    assert said in str(raised.value)


def test_keys_without_a_client() -> None:
    alone = _menu.without_client(CLIENTS, KEYS)
    assert alone == [RETIRED, FOREIGN, TWIN, OTHER_TWIN]
    assert "bbbbbbbb100…" in _menu.keys_table(alone) and "website" in _menu.keys_table(alone)
    text = _menu.key_text(FOREIGN)
    assert "limit: 20.00 (monthly)" in text and "used this month: 1.50" in text and "state: enabled" in text


@pytest.mark.parametrize(
    ("answer", "fits"), [("750", True), ("12.5", True), ("none", True), ("0", False), ("x", False)]
)
def test_limits(answer: str, fits: bool) -> None:
    assert (_menu.limit_fault(answer) is None) == fits


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({}, []),
        (
            {"inventory": ("/a b", "c"), "extra_vars": ("x=1", "@f"), "verbosity": 3},
            ["-i/a b", "-ic", "-ex=1", "-e@f", "-vvv"],
        ),
        ({"check": True, "diff": False, "become": True}, ["--check", "--become"]),
        ({"ssh_common_args": "-o X=1"}, ["--ssh-common-args=-o X=1"]),
        ({"vault_ids": ["a@file", "b@prompt", "c@prompt_ask_vault_pass"], "forks": 5}, ["-f5", "--vault-id=a@file"]),
        # What chooses parts of a run, and what asks
        ({"subset": "a", "tags": ["x"], "ask_pass": True, "become_ask_pass": True, "ask_vault_pass": True}, []),
    ],
)
def test_a_playbook_is_run_with_what_the_menu_was_started_with(given: dict[str, t.Any], arguments: list[str]) -> None:
    assert _child.arguments(given) == arguments


def test_the_command_can_be_typed() -> None:
    command = _child.command("set_limit", ["/a b"], {"client": "x", "new_limit": "5"})
    assert command == "ansible-playbook -i '/a b' playbooks/set_limit.yml -e client=x -e new_limit=5"


def test_secrets_go_through_pipes_and_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: t.Any) -> None:
    program = tmp_path / "ansible.py"
    program.write_text(
        "import os, sys\n"
        "paths = [word.partition('@')[2] for word in sys.argv if '@' in word]\n"
        "seen = 'hidden word' in ' '.join(sys.argv)\n"
        "print([open(path).read() for path in paths], os.environ['WORD'], seen, sys.argv[-2:])\n"
        "sys.exit(3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said: list[str] = []
    code = _child.run("p.yml", {"a": "b"}, {}, {"--vault-id=x@": b"hidden word"}, {"WORD": "hidden"}, said.append)
    assert (code, said) == (3, ["['hidden word'] hidden False ['{\"a\": \"b\"}', 'p.yml']"])


def test_what_is_sealed_is_opened_by_this_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = seal("sk-or-v1-x")
    assert "sk-or" not in sealed and unseal(sealed) == "sk-or-v1-x"
    assert (seal(""), unseal(""), unseal("nonsense")) == ("", "", "")
    process = multiprocessing.current_process()
    monkeypatch.setitem(t.cast(t.Any, process)._config, "authkey", b"another run")
    assert unseal(sealed) == ""
