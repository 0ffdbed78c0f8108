# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that people wrote keep everything but the one value."""

from __future__ import annotations

import pathlib
import textwrap
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._host_vars import Edit, NotRecordable, edit

HOST = "company-abc"
NAME = "mai_monthly_limit"
TEXT = textwrap.dedent("""\
    # Written by hand
    ---
    mai_client_name: 'O''Brien $HOME'   # as on the invoice
    mai_monthly_limit: 500  # USD, agreed in May

    mai_extra_env:
      A: "1"
    secret: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      6132
    # the end
    """)


@pytest.fixture
def inventory(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "host_vars").mkdir()
    return tmp_path


def put(inventory: pathlib.Path, name: str, text: str) -> pathlib.Path:
    path = inventory / "host_vars" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def record(inventory: pathlib.Path, value: t.Any) -> pathlib.Path:
    wanted = edit(str(inventory), HOST, NAME, value)
    wanted.write()
    assert not edit(str(inventory), HOST, NAME, value).changed
    return pathlib.Path(wanted.path)


def test_a_text_is_no_template(inventory: pathlib.Path) -> None:
    """An answer of a survey, say: what is recorded is read by the next run."""
    path = record(inventory, "serve {{ lookup('pipe', 'id') }}")
    assert path.read_text() == f"---\n{NAME}: !unsafe \"serve {{{{ lookup('pipe', 'id') }}}}\"\n"


@pytest.mark.parametrize(("value", "written"), [(750, "750"), (0.5, "0.5"), ("none", "none")])
def test_only_the_value_changes(inventory: pathlib.Path, value: t.Any, written: str) -> None:
    path = put(inventory, f"{HOST}.yml", TEXT)
    path.chmod(0o640)
    assert record(inventory, value) == path
    # The comment keeps its column where that is possible.
    assert path.read_text().split() == TEXT.replace("500", written).split()
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("list_style", ["  - a\n  - b\n", "- a\n- b\n"])
def test_lists_stay_indented_as_they_are(inventory: pathlib.Path, list_style: str) -> None:
    text = f"---\nnames:\n{list_style}other: x\n"
    path = put(inventory, f"{HOST}.yaml", text)
    record(inventory, 750)
    assert path.read_text() == f"{text}{NAME}: 750\n"


def test_a_new_file_where_the_host_has_none(inventory: pathlib.Path) -> None:
    (inventory / "host_vars").rmdir()
    path = record(inventory, 750)
    assert path == inventory / "host_vars" / f"{HOST}.yml"
    assert path.read_text() == f"---\n{NAME}: 750\n"


def test_comments_alone_are_kept(inventory: pathlib.Path) -> None:
    path = put(inventory, HOST, "# nothing yet\n")
    record(inventory, "none")
    assert path.read_text() == f"# nothing yet\n{NAME}: none\n"


def test_of_several_files_the_one_that_counts(inventory: pathlib.Path) -> None:
    first = put(inventory, f"{HOST}/a.yml", f"{NAME}: 1\n")
    last = put(inventory, f"{HOST}/b.yml", f"{NAME}: 2\n")
    put(inventory, f"{HOST}/c.yml", "other: 3\n")
    assert record(inventory, 750) == last
    assert (first.read_text(), last.read_text()) == (f"{NAME}: 1\n", f"{NAME}: 750\n")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (f"{HOST}.yml", "$ANSIBLE_VAULT;1.1;AES256\n6132\n", "encrypted as a whole"),
        (f"{HOST}.yml", "a: [\n", "not valid YAML"),
        (f"{HOST}.yml", "- a\n", "does not hold variables"),
        (f"{HOST}.json", "{}", "is JSON"),
    ],
)
def test_what_cannot_be_recorded_says_why(inventory: pathlib.Path, name: str, text: str, reason: str) -> None:
    path = put(inventory, name, text)
    with pytest.raises(NotRecordable, match=reason):
        edit(str(inventory), HOST, NAME, 750)
    assert path.read_text() == text


def test_a_link_stays_a_link(inventory: pathlib.Path) -> None:
    real = inventory / "elsewhere.yml"
    real.write_text(f"{NAME}: 1\n")
    link = inventory / "host_vars" / f"{HOST}.yml"
    link.symlink_to(real)
    record(inventory, 2)
    assert link.is_symlink() and real.read_text() == f"{NAME}: 2\n"


@pytest.mark.parametrize(
    ("text", "former"),
    [
        ("mai_monthly_limit: 500\n", {"mai_monthly_limit": 500}),
        ("mai_monthly_limit: 12.5\n", {"mai_monthly_limit": 12.5}),
        ("mai_monthly_limit: 'none'\n", {"mai_monthly_limit": "none"}),
        ("mai_monthly_limit:\n", {"mai_monthly_limit": None}),
        ("mai_monthly_limit: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n", {"mai_monthly_limit": "***"}),
        ("mai_port: 8001\n", {}),
        ("", {}),
    ],
)
def test_a_diff_has_what_was_there(text: str, former: dict[str, t.Any]) -> None:
    found = Edit("host_vars/x.yml", text, "").former("mai_monthly_limit")
    assert found == former
    assert [type(value) for value in found.values()] == [type(value) for value in former.values()]
