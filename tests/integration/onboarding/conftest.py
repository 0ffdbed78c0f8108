# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that are onboarded, by an agency of a file's own."""

from __future__ import annotations

import typing as t

import pytest

from tests.kit.agency import Agency
from tests.openrouter_simulator import Simulator


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Agency]:
    """One for all tests of a file: they use clients of their own."""
    with Simulator() as openrouter:
        agency = Agency(tmp_path_factory.mktemp("agency"), openrouter)
        yield agency
        agency.end()
