# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a run stops for what a newer version of the collection changes, and what it says then."""

from __future__ import annotations

import pytest
from ansible.utils.version import SemanticVersion
from ansible_collections.mai.clients.plugins.plugin_utils._breaking_changes import CHANGES, Change, collection_version
from ansible_collections.mai.clients.plugins.plugin_utils._plan.version import fault, sentence, undecided

from tests.unit.repository.tasks import ROOT, load

PLANTED = (
    Change("0.2.0", "Keys are named otherwise.", "Rename them."),
    Change("0.3.0", "Native instances run as a user.", "Give it its files.", {"mai_deployment": ("native",)}),
    Change("0.10.0", "Backups are encrypted anew.", "Run backup_client.yml."),
)
NEW = {"managed": False, "made_by": None}
OLD = {"managed": True, "made_by": None}


def made_by(version: str) -> dict:
    return {"managed": True, "made_by": version}


# (validated for, the directory as it was seen, the collection, the versions whose changes have to be decided)
SITUATIONS = [
    ("0.1.0", None, "0.1.0", []),
    ("0.1.0", None, "0.2.0", ["0.2.0"]),
    ("0.1.0", None, "0.10.0", ["0.2.0", "0.10.0"]),
    ("0.2.0", None, "0.9.0", []),
    # Numbers, not text: 0.10 comes after 0.9
    ("0.9.0", None, "0.10.0", ["0.10.0"]),
    ("0.10.0", None, "0.10.0", []),
    # What a collection does not have yet is not decided for it
    ("0.1.0", None, "0.2.0-beta.1", []),
    # What the inventory says goes before what made the client
    ("0.2.0", OLD, "0.2.0", []),
    ("0.1.0", made_by("0.2.0"), "0.2.0", ["0.2.0"]),
    # Nothing said: what made the client counts, and a new client is not held up
    (None, None, "0.10.0", []),
    ("", NEW, "0.10.0", []),
    (None, NEW, "0.10.0", []),
    (None, OLD, "0.2.0", ["0.2.0"]),
    (None, made_by("0.1.0"), "0.2.0", ["0.2.0"]),
    (None, made_by("0.2.0"), "0.2.0", []),
    (None, made_by("0.2.0"), "0.10.0", ["0.10.0"]),
    (None, made_by("what is this"), "0.2.0", ["0.2.0"]),
]


@pytest.mark.parametrize(("validated", "directory", "current", "versions"), SITUATIONS)
def test_what_has_to_be_decided(validated, directory, current, versions):
    client = {"mai_validated_version": validated, "mai_deployment": "docker"}
    found = undecided(client, directory, PLANTED, current)
    assert [change.version for change in found] == versions


def test_a_change_concerns_those_whom_it_names():
    client = {"mai_validated_version": "0.2.0", "mai_deployment": "native"}
    assert [change.version for change in undecided(client, None, PLANTED, "0.9.0")] == ["0.3.0"]


def test_what_is_said():
    client = {"mai_validated_version": "0.1.0", "mai_deployment": "native"}
    assert sentence(client, None, PLANTED[:2], "0.3.0") == (
        "mai.clients is 0.3.0 by now, and this inventory was validated for 0.1.0. What changed meanwhile needs a "
        "decision:\n- 0.2.0: Keys are named otherwise. Rename them.\n"
        "- 0.3.0: Native instances run as a user. Give it its files.\n"
        "To go on, see to each of these, then set mai_validated_version: '0.3.0' in the inventory, for all clients in "
        "group_vars/mai_clients or for this one in its host_vars, and run again."
    )
    client["mai_validated_version"] = None
    assert "and the client was made by 0.1.0. " in sentence(client, made_by("0.1.0"), PLANTED, "0.3.0")
    assert "and the client was made by an older version. " in sentence(client, OLD, PLANTED, "0.3.0")
    assert "made by a␇b. " in sentence(client, made_by("a\x07b"), PLANTED, "0.3.0")
    assert sentence(client, OLD, [], "0.3.0") == ""


@pytest.mark.parametrize("validated", [None, "", "0.1.0", "0.2.0", "0.2.0-beta.1"])
def test_versions_that_are_right(validated):
    assert fault(validated, "0.2.0") == ""


@pytest.mark.parametrize("validated", ["banana", 0.1, 1, True, "1", "0.1", "0.1.0.0", " 0.1.0", "٠.١.٠", ["0.1.0"], {}])
def test_garbage_is_no_version(validated):
    assert "give the version of mai.clients that this inventory was checked for, as '0.2.0'" in fault(
        validated, "0.2.0"
    )


@pytest.mark.parametrize("validated", ["0.2.1", "1.0.0", "0.10.0"])
def test_a_collection_that_is_older_than_its_inventory(validated):
    assert fault(validated, "0.2.0").startswith(", and the collection mai.clients here is 0.2.0, which is older: ")


def test_the_version_is_that_of_the_collection():
    assert collection_version() == load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]


def breaking(releases: dict, fragments: list) -> list[str]:
    """What the changelog calls a breaking change after the first release, before which there was nothing to break."""
    later = sorted(releases, key=SemanticVersion)[1:]
    told = [releases[version].get("changes", {}) for version in later] + (fragments if releases else [])
    return sorted(entry for one in told for entry in one.get("breaking_changes", []))


def test_what_the_changelog_calls_breaking():
    fragments = [{"breaking_changes": ["next"]}, {"bugfixes": ["x"]}]
    first, later = {"changes": {"breaking_changes": ["first"]}}, {"changes": {"breaking_changes": ["later"]}}
    assert breaking({}, fragments) == []
    assert breaking({"0.1.0": first}, fragments) == ["next"]
    assert breaking({"0.10.0": later, "0.9.0": first}, fragments) == ["later", "next"]


def test_the_changelog_says_the_same():
    """One list: whoever adds a breaking change tells it to the operators, and to the runs that stop for it."""
    fragments = [load(file.read_text(encoding="utf-8")) for file in (ROOT / "changelogs" / "fragments").glob("*.yml")]
    releases = load((ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    assert sorted(f"{change.what} {change.how}" for change in CHANGES) == breaking(releases, fragments)


def test_the_list_is_in_order_and_can_be_read():
    client = {"mai_validated_version": "0.0.1", "mai_deployment": "docker"}
    every = [Change(change.version, change.what, change.how) for change in CHANGES]
    assert undecided(client, None, every, "999.0.0") == every
    assert [change.version for change in CHANGES] == sorted(
        (change.version for change in CHANGES), key=lambda version: [int(part) for part in version.split(".")]
    )
