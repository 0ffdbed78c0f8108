# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a client after its onboarding: the tests begin with one that was kept."""

from __future__ import annotations

import typing as t

import pytest

from tests.kit.agency import KEPT, Agency, Kept


@pytest.fixture(scope="module")
def agency(kept: Kept) -> t.Iterator[Agency]:
    """One for all tests of a file; its client company-abc is onboarded and up."""
    with kept.taken_out() as agency:
        yield agency


@pytest.fixture(scope="module")
def client(agency: Agency) -> str:
    return KEPT
