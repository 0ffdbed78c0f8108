# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's handbook has a page for each playbook, and sends nobody to a playbook that does not exist."""

from __future__ import annotations

import re

import pytest

from tests.unit.repository.tasks import ROOT

HANDBOOK = ROOT / "docs" / "handbook"
PLAYBOOKS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "playbooks").glob("*.yml"))}
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(HANDBOOK.glob("*.md"))}
OTHER_FILES = {"compose", "galaxy", "hosts"}


def variables(playbook: str) -> set[str]:
    """The extra variables that the comments at a playbook's head name."""
    head = playbook.split("\n- ", 1)[0]
    return set(re.findall(r"-e (\w+)=", head))


def missing(name: str, playbook: str, pages: dict[str, str]) -> list[str]:
    page = pages.get(f"{name}.md", "")
    found = [] if page else ["the page"]
    if f"]({name}.md" not in pages.get("README.md", ""):
        found.append("the link in the index")
    return found + sorted(word for word in variables(playbook) if not re.search(rf"\b{word}\b", page))


def unknown(page: str) -> list[str]:
    """Playbooks that a page names and that are not there, but for lines that say so."""
    lines = [line for line in page.splitlines() if "not yet" not in line.lower()]
    named = re.findall(r"(?:playbooks/|(?<![\w/.-]))(\w+)\.yml", "\n".join(lines))
    return sorted(set(named) - set(PLAYBOOKS) - OTHER_FILES)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_playbook_has_its_page(name):
    assert missing(name, PLAYBOOKS[name], PAGES) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_playbook_on_a_page_exists(page):
    assert unknown(PAGES[page]) == []


def messages() -> dict[str, str]:
    """What plugins and roles may say, by file."""
    paths = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "plugins").rglob("*.yml"), *(ROOT / "roles").rglob("*.yml")]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def test_no_message_names_a_playbook_that_is_not_there():
    named = {
        (path, name)
        for path, text in messages().items()
        for name in re.findall(
            r"(?:playbooks/|\b(?=\w+_(?:client|clients|key|limit|password|backup|report)\.yml))(\w+)\.yml", text
        )
    }
    assert len(named) > 10
    own_tasks = {(path, name) for path, name in named if (ROOT / path).with_name(f"{name}.yml").exists()}
    assert sorted((path, name) for path, name in named - own_tasks if name not in PLAYBOOKS) == []


def test_the_checks_themselves_find_what_is_wrong():
    playbook = "# ansible-playbook playbooks/x.yml -e client=… -e older=90\n---\n- name: X\n  a: -e no=1\n"
    assert variables(playbook) == {"client", "older"}
    assert missing("x", playbook, {}) == ["the page", "the link in the index", "client", "older"]
    assert missing("x", playbook, {"README.md": "[x](x.md)", "x.md": "-e client=abc -e older=1"}) == []
    page = "run playbooks/no_such.yml\nor other_one.yml, site.yml\nhost_vars/x_y.yml, hosts.yml\nmore_of.yml: not yet"
    assert unknown(page) == ["no_such", "other_one"]
