# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator of its own for every test, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.openrouter_simulator import Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def agency(simulator: Simulator) -> Iterator[httpx.Client]:
    """Calls with the provisioning key."""
    with simulator.client() as http:
        yield http


@pytest.fixture
def new_key(agency: httpx.Client):
    """Creates a key and returns its description and its secret."""

    def create(name: str = "client-company-abc", **fields: object) -> tuple[dict, str]:
        response = agency.post("/keys", json={"name": name, **fields})
        assert response.status_code == 201, response.text
        return response.json()["data"], response.json()["key"]

    return create


@pytest.fixture
def as_client(simulator: Simulator) -> Iterator:
    """A client that calls with the given key."""
    opened = []

    def open_client(secret: str) -> httpx.Client:
        opened.append(simulator.client(secret))
        return opened[-1]

    yield open_client
    for http in opened:
        http.close()
