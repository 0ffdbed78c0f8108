# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose an instance's data is. (As root, on real images: tests/e2e/test_images.py.)"""

from __future__ import annotations

import os

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance import image_user
from ansible_collections.mai.clients.plugins.modules import instance_data

from .conftest import IMAGE_ID

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
mai:x:1234:1234::/app:/none
mai2:x:1235:1234::/app:/none
toor:x:0:0::/root:/bin/sh
odd:x:-1:0::/:
huge:x:4294967295:0::/:
short:x
"""


@pytest.mark.parametrize(
    ("told", "user"),
    [
        *((root, None) for root in (None, "", "0", "root", "0:0", "root:root", "0:1000", 0)),
        *((told, "1000") for told in ("1000", "1000:1000", "1000:mai", 1000)),
        ("mai", "mai"),
        ("mai:staff", "mai"),
    ],
)
def test_as_whom_an_image_runs(told, user):
    assert image_user.user_of(told) == user


@pytest.mark.parametrize(
    ("user", "number"),
    [
        *(("1000", 1000), ("0", 0), ("4294967294", 4294967294), ("mai", 1234), ("mai2", 1235), ("toor", 0)),
        *((unknown, None) for unknown in ("nobody", "ma", "short", "odd", "huge", "x", "4294967295", "-1", "")),
    ],
)
def test_a_users_number(user, number):
    assert image_user.number_of(user, PASSWD) == number


def test_a_name_without_accounts_has_no_number():
    assert image_user.number_of("mai", None) is None


@pytest.fixture
def give(directory, docker, run_module):
    """give(user of the image, variable=…) → the module's result for that image."""

    def give(image_says: str, accounts: str | None = None, **options):
        docker.images = [{"Id": IMAGE_ID, "RepoTags": ["mai:1"], "Config": {"User": image_says}}]
        docker.accounts = accounts
        docker.save()
        given = {"client": "company-abc", "deployment_dir": str(directory), "image": "mai:1", **options}
        return run_module(instance_data, **given)

    return give


ME = os.geteuid() or 1000


def test_a_client_that_is_root_keeps_what_docker_makes(give, directory):
    for user in ("", "root", "0:0"):
        result = give(user)
        assert (result["changed"], result["owner"], result["given"]) == (False, None, 0)
    assert give("toor", PASSWD)["owner"] is None
    assert not (directory / "data").exists()


def test_data_becomes_the_users_once(give, directory):
    assert give(f"{ME}:5", _check=True)["changed"] is True
    assert not (directory / "data").exists()
    assert give(f"{ME}:5")["changed"] is True
    made = (directory / "data").stat()
    assert (made.st_uid, oct(made.st_mode)) == (ME, "0o40755")
    assert give(f"{ME}:5")["changed"] is False
    again = give("keeper", f"keeper:x:{ME}:5::/:")
    assert (again["changed"], again["owner"]) == (False, ME)


def test_the_operators_word_counts(give):
    assert give("nobody", user=str(ME))["owner"] == ME
    assert give("1000", user="0")["owner"] is None


def test_whom_nobody_knows_is_told(give, directory):
    for accounts in (None, PASSWD):
        result = give("nobody:x", accounts)
        assert result["rc"] == 1
        assert "mai:1 runs as the user nobody, whom its /etc/passwd does not know" in result["msg"]
        assert "mai_compose_extra.service.user" in result["msg"]
    assert not (directory / "data").exists()


def test_an_image_that_is_not_there_is_told(give):
    assert "mai:2 is not on the machine" in give("1", image="mai:2")["msg"]


def test_links_are_not_followed(give, directory, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("root's")
    (directory / "data").mkdir()
    (directory / "data" / "link").symlink_to(outside)
    (directory / "data" / "gone").symlink_to("nowhere")
    give(str(ME))
    assert outside.stat().st_uid == os.geteuid()
    (directory / "data" / "link").unlink()
    (directory / "data" / "gone").unlink()
    (directory / "data").rmdir()
    (directory / "data").symlink_to(tmp_path)
    result = give(str(ME))
    assert result["rc"] == 1
    assert "no run follows a link there" in result["msg"]
