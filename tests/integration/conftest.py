# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are taken first; and the client that was onboarded once, for whoever begins with one."""

from __future__ import annotations

import typing as t

import pytest

from tests.awx_imitation import Awx
from tests.kit.agency import Agency, Kept
from tests.order import longest_first

LONGEST = (
    *("day_two/test_rotate.py", "day_two/test_offboard.py", "onboarding/test_lost_key.py"),
    *("onboarding/test_interrupted.py", "onboarding/test_slices.py", "day_two/test_diagnose.py"),
    "onboarding/test_two_runs.py",
    *("openrouter_key/test_openrouter_key.py", "day_two/test_suspend.py", "secrets/test_secrets.py"),
    *("day_two/test_people.py", "awx_setup/test_awx_setup.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, LONGEST)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def onboarded(kept: Kept) -> t.Iterator[Agency]:
    """An agency for one test, of its own; its client company-abc is onboarded and up."""
    with kept.taken_out() as agency:
        yield agency


@pytest.fixture
def awx() -> t.Iterator[Awx]:
    """A controller that is as AWX was when it was installed."""
    with Awx() as controller:
        yield controller


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> None:
    if "agency" in request.fixturenames and isinstance(agency := request.getfixturevalue("agency"), Agency):
        agency.control.clear_faults()
        agency.control.clear_journal()
