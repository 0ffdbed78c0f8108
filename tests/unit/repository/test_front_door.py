# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever comes in by the README finds every page: it is short, and no link leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import jinja2.meta
import pytest
import yaml

from tests.unit.repository.tasks import ROOT
from tests.unit.repository.test_handbook import unknown

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
}
README = PAGES["README.md"]
DOORS = ("docs/README.md", "docs/handbook/README.md", "docs/awx.md", "docs/ansible-users.md")
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
MODULES = sorted(path for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())

FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)


def prose(page: str) -> str:
    """A page without its blocks of code, in which `#` is no heading and brackets are no link."""
    return re.sub(r"^ {4,}.*$", "", FENCED.sub("", page), flags=re.M)


def slugs(page: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} +(.+?)[ #]*$", prose(page), re.M):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        again = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other) is not None for other in found)
        found.append(f"{slug}-{again}" if again else slug)
    return set(found)


def links(page: str) -> list[str]:
    """Where a page leads within the repository."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if not re.match(r"[a-z]+:", link)]


def linked_files(name: str) -> set[str]:
    """The files that a page links, as paths from the root."""
    here = (ROOT / name).parent
    files = {(here / link.partition("#")[0]).resolve() for link in links(PAGES[name]) if not link.startswith("#")}
    return {str(path.relative_to(ROOT)) for path in files if path.is_relative_to(ROOT)}


def wrong_links(name: str, page: str) -> list[str]:
    """Links to files that are not there, or to headings that they do not have."""
    wrong = []
    for link in links(page):
        file, _hash, anchor = link.partition("#")
        target = (ROOT / name).parent / file if file else ROOT / name
        there = target.exists()
        if there and anchor:
            there = anchor in slugs(target.read_text(encoding="utf-8") if file else page)
        if not there:
            wrong.append(link)
    return wrong


def first_command(page: str) -> int:
    """Where the first block of commands begins."""
    found = re.search(r"^(?: {4,}\S|```)", page, re.M)
    return found.start() if found else len(page)


def unnamed(page: str, paths: list[Path]) -> list[str]:
    return [path.stem for path in paths if f"`{path.stem}`" not in page]


def credential_faults(type_: dict) -> list[str]:
    """What AWX would refuse in a credential type: it takes only fields that are declared, and no ANSIBLE_ variable."""
    known = {field["id"] for field in type_["fields"]}
    secret = {field["id"] for field in type_["fields"] if field.get("secret")}
    faults = [f"{name} is not declared" for name in type_.get("required", []) if name not in known]
    injected: set[str] = set()
    for where in ("env", "file"):
        for name, text in type_.get(where, {}).items():
            used = jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(text))
            injected |= used
            faults += [f"{name} uses {field}" for field in sorted(used - known - {"tower"})]
            if "tower" in used and "file" not in type_:
                faults.append(f"{name} names a file, and none is made")
            if where == "env" and name.startswith("ANSIBLE_"):
                faults.append(f"{name} is refused")
    faults += [f"{field} is not used" for field in sorted(known - injected)]
    return faults if secret else [*faults, "nothing is secret"]


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 100


@pytest.mark.parametrize("door", DOORS)
def test_the_readme_opens_every_door(door):
    assert door in linked_files("README.md")


def test_requirements_stand_before_the_first_command():
    assert 0 < README.find("\n## Requirements\n") < first_command(README)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    assert wrong_links(name, PAGES[name]) == []


@pytest.mark.parametrize("name", [name for name in PAGES if not name.startswith(("CHANGELOG", "docs/handbook/"))])
def test_every_playbook_that_a_page_names_exists(name):
    assert unknown(PAGES[name]) == []


@pytest.mark.parametrize(
    ("index", "folder"), [("docs/README.md", "docs/"), ("docs/handbook/README.md", "docs/handbook/")]
)
def test_every_page_is_in_the_table_of_contents(index, folder):
    pages = {name for name in PAGES if name.startswith(folder)} - {index}
    assert pages - linked_files(index) == set()


@pytest.mark.parametrize("paths", [PLAYBOOKS, MODULES, ROLES], ids=["playbooks", "modules", "roles"])
def test_ansible_users_find_everything(paths):
    assert paths and unnamed(PAGES["docs/ansible-users.md"], paths) == []


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_every_playbook_is_a_job_template(path):
    assert f"| `playbooks/{path.name}` |" in PAGES["docs/awx.md"]


def test_awx_takes_the_credential_type():
    fields, by_file, by_environment = (yaml.safe_load(text) for _kind, text in FENCED.findall(PAGES["docs/awx.md"]))
    assert credential_faults({**fields, **by_file}) == []
    assert credential_faults({**fields, **by_environment}) == []
    assert set(by_file["env"]) == {"OPENROUTER_PROVISIONING_KEY_FILE", "OPENROUTER_BASE_URL"}
    assert set(by_environment["env"]) == {"OPENROUTER_PROVISIONING_KEY", "OPENROUTER_BASE_URL"}


def test_the_checks_themselves_find_what_is_wrong():
    page = "# A, `b` & C\n## Twice\n## Twice\n## [Żółw](x.md)_1\n\n    # code\n\n```sh\n## code\n[a](nowhere.md)\n```\n"
    assert slugs(page) == {"a-b--c", "twice", "twice-1", "żółw_1"}
    page += "[a](README.md#no-such) [b](README.md#requirements) [c](gone.md)\n"
    page += "[d](https://example.org/e.md) [e](#twice) [f](#x)\n"
    assert wrong_links("README.md", page) == ["x.md", "README.md#no-such", "gone.md", "#x"]
    assert first_command("- a\n  b\n\n    make demo\n") == len("- a\n  b\n\n")
    assert unnamed("`site`", [Path("site.yml"), Path("gone.yml")]) == ["gone"]
    wrong = {
        "fields": [{"id": "key"}, {"id": "spare"}],
        "required": ["url"],
        "env": {"ANSIBLE_X": "{{ kye }}", "FILE": "{{ tower.filename }}"},
    }
    assert credential_faults(wrong) == [
        "url is not declared",
        "ANSIBLE_X uses kye",
        "ANSIBLE_X is refused",
        "FILE names a file, and none is made",
        "key is not used",
        "spare is not used",
        "nothing is secret",
    ]
