# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new host goes into files that people wrote; they keep everything else, and Ansible reads back what was meant."""

from __future__ import annotations

import pathlib
import textwrap
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.mai.clients.plugins.plugin_utils._host_vars import NotRecordable
from ansible_collections.mai.clients.plugins.plugin_utils._inventory_files import Host, directory_of, edits

NEW = Host("new", {"ansible_host": "mai-01", "mai_port": 8002}, {"mai_client_name": "New", "mai_monthly_limit": 500})


def add(directory: pathlib.Path, host: Host = NEW) -> str:
    """What is in hosts.yml then; a second time nothing is written."""
    for one in edits(str(directory), host):
        one.write()
    return (directory / "hosts.yml").read_text()


def hosts(directory: pathlib.Path, text: str, name: str = "hosts.yml") -> pathlib.Path:
    (directory / name).write_text(textwrap.dedent(text))
    return directory


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            """\
            # Ours
            ---
            mai_clients:
              hosts:
                company-abc:
                  ansible_host: mai-01   # in the cellar
                  mai_port: 8001

            # Not ours
            web:
              hosts:
                www: {ansible_host: "web-01"}
            """,
            """\
            # Ours
            ---
            mai_clients:
              hosts:
                company-abc:
                  ansible_host: mai-01   # in the cellar
                  mai_port: 8001
                new:
                  ansible_host: mai-01
                  mai_port: 8002

            # Not ours
            web:
              hosts:
                www: {ansible_host: "web-01"}
            """,
        ),
        (
            """\
            all:
                children:
                    mai_clients:
                        hosts:
                            company-abc:
                        vars:
                            names:
                            - a
            """,
            """\
            all:
                children:
                    mai_clients:
                        hosts:
                            company-abc:
                            new:
                                ansible_host: mai-01
                                mai_port: 8002
                        vars:
                            names:
                            - a
            """,
        ),
        (
            "mai_clients:\n",
            "mai_clients:\n  hosts:\n    new:\n      ansible_host: mai-01\n      mai_port: 8002\n",
        ),
        (
            "# Nothing yet\n",
            "# Nothing yet\nmai_clients:\n  hosts:\n    new:\n      ansible_host: mai-01\n      mai_port: 8002\n",
        ),
        (
            "web:\n  hosts:\n    www:\n",
            "web:\n  hosts:\n    www:\n"
            "mai_clients:\n  hosts:\n    new:\n      ansible_host: mai-01\n      mai_port: 8002\n",
        ),
    ],
)
def test_only_the_entry_is_added(tmp_path: pathlib.Path, before: str, after: str) -> None:
    hosts(tmp_path, before)
    (tmp_path / "hosts.yml").chmod(0o640)
    assert add(tmp_path) == textwrap.dedent(after)
    assert (tmp_path / "hosts.yml").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "host_vars" / "new.yml").read_text() == "---\nmai_client_name: New\nmai_monthly_limit: 500\n"


def test_an_empty_directory(tmp_path: pathlib.Path) -> None:
    assert add(tmp_path) == "---\nmai_clients:\n  hosts:\n    new:\n      ansible_host: mai-01\n      mai_port: 8002\n"


def test_beside_a_client_of_the_same_machine_and_by_its_way(tmp_path: pathlib.Path) -> None:
    hosts(
        tmp_path,
        """\
        mai_clients:
          children:
            cellar:
              hosts:
                company-abc:
                  ansible_host: mai-01
                  ansible_port: 2222
                  ansible_become_password: !vault |
                    $ANSIBLE_VAULT;1.1;AES256
                    6132
                  mai_port: 8001
            attic:
              hosts:
                northwind:
        """,
    )
    (tmp_path / "host_vars").mkdir()
    hosts(tmp_path / "host_vars", "ansible_user: deploy\nmai_client_name: X\n", "company-abc.yml")
    after = add(tmp_path, Host("new", NEW.entry, NEW.variables, beside="company-abc"))
    cellar = after[: after.index("    attic:")]
    assert cellar.endswith(
        """\
        new:
          ansible_host: mai-01
          ansible_port: 2222
          ansible_become_password: !vault |
            $ANSIBLE_VAULT;1.1;AES256
            6132
          ansible_user: deploy
          mai_port: 8002
"""
    )
    assert "mai_client_name" not in after


VALUES = {
    "apostrophe": "O'Brien $HOME",
    "quotes": 'Żółw & Söhne "Sp. z o.o."',
    "lines": "two\nlines",
    "jinja": "{{ jinja }} {% raw %}",
    "jinja_lines": "a\n{# b",
    "jinja_quotes": 'it\'s {{ "q" }} \\',
    "emoji": "😀",
    "chinese": "中文公司",
    "truth": "no",
    "number": "12",
    "date": "2026-01-01",
    "sexagesimal": "1:20",
    "comment": "a # b",
    "mapping": "a: b",
    "tag": "!vault x",
    "blank": " x ",
    "empty": "",
    "separator": "a\u2028b",
    "long": "x " * 300,
    "int": 750,
    "float": 0.5,
    "nested": {"A": "{{ x }}", "B": ["no", 1, True, None]},
}


def test_values_are_data(tmp_path: pathlib.Path) -> None:
    add(tmp_path, Host("no", {"ansible_host": "1:20", "mai_port": 8002}, VALUES))
    loader = DataLoader()
    found = loader.load_from_file(str(tmp_path / "host_vars" / "no.yml"), trusted_as_template=True)
    assert found == VALUES
    assert list(loader.load_from_file(str(tmp_path / "hosts.yml"))["mai_clients"]["hosts"].items()) == [
        ("no", {"ansible_host": "1:20", "mai_port": 8002})
    ]
    text = (tmp_path / "host_vars" / "no.yml").read_text()
    assert text.count("!unsafe") == sum(str(value).count("{{") + str(value).count("{#") for value in VALUES.values())


def test_a_run_that_was_killed_between_the_two_files_is_finished(tmp_path: pathlib.Path) -> None:
    first, _second = edits(str(tmp_path), NEW)
    first.write()
    [variables, entry] = edits(str(tmp_path), NEW)
    assert (variables.changed, entry.changed) == (False, True)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"host_vars/new.yml": "mai_client_name: Other\n"}, "host_vars/new.yml is there already"),
        ({"host_vars/new/main.yml": "a: 1\n"}, "is there already"),
        ({"hosts": "[mai_clients]\na\n"}, "hosts is not YAML"),
        ({"clients.py": "#!/bin/sh\n"}, "clients.py is not YAML"),
        ({"hosts.yml": "$ANSIBLE_VAULT;1.1;AES256\n6132\n"}, "encrypted as a whole"),
        ({"hosts.yml": "a: [\n"}, "not valid YAML"),
        ({"hosts.yml": "mai_clients: {hosts: {a: {}, a: {}}}\n"}, "not valid YAML"),
        ({"hosts.yml": "- a\n"}, "does not hold"),
    ],
)
def test_what_cannot_be_added_says_why(tmp_path: pathlib.Path, files: dict[str, str], reason: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(NotRecordable, match=reason):
        edits(str(tmp_path), NEW)


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        ([], "there is none"),
        (["a", "b"], "there are 2 \\(-i a -i b\\)"),
        (["a,b,"], "is a list of hosts"),
        (["missing"], "is not there"),
        (["file.yml"], "is a single file"),
        (["program"], "is a program"),
    ],
)
def test_an_inventory_that_is_no_directory(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, sources: list[t.Any], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.yml").write_text("a:\n")
    (tmp_path / "program").touch(mode=0o755)
    with pytest.raises(NotRecordable, match=reason) as raised:
        directory_of(sources)
    assert "-i inventories/production" in str(raised.value)
