# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end-to-end tests' real parts, with the real Open WebUI as the image."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Callable

import httpx
import pytest

# Fixtures: pytest finds them by their names in here.
from tests.e2e.conftest import boot, engine, postgresql_image, project, simulator  # noqa: F401  # pylint: disable=unused-import
from tests.e2e.fleet import Fleet
from tests.hosts import engine as engines
from tests.hosts.host import Host
from tests.hosts.paths import REPOSITORY
from tests.hosts.project import Project, Result
from tests.openrouter_simulator import Simulator

HERE = pathlib.Path(__file__).parent
SLUG = "company-abc"
ADMIN = "admin@companyabc.example"
START_SECONDS = 900
NEWER = "0.12.4"
OLDER = "0.6.43"
"""Keeps its settings in one blob, and has no /ready."""


def install(version: str) -> pathlib.Path:
    """That release in an environment of its own; .cache/openwebui is the one that the contract tests run."""
    venv = REPOSITORY / ".cache" / ("openwebui" if version == NEWER else f"openwebui-{version}")
    subprocess.run([HERE / "install.sh", venv, version], check=True)
    return venv


def give_image(host: Host, version: str) -> str:
    """Make an image of that release in the host's own engine; its name."""
    engines.install_missing(mmdebstrap="mmdebstrap")
    name = f"open-webui:{version}"
    inside = ["docker", "exec", "--interactive", host.container, "docker"]
    environment = {**os.environ, **host.engine.environment}
    subprocess.run([HERE / "image.sh", install(version), name, *inside], env=environment, check=True)
    return name


@pytest.fixture(scope="session")
def fleet(
    project: Project,  # noqa: F811
    simulator: Simulator,  # noqa: F811
    boot: Callable[..., Host],  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Fleet:
    host = boot()
    image = give_image(host, NEWER)
    fleet = Fleet(project, simulator, tmp_path_factory.mktemp("inventory"))
    fleet.put(
        SLUG,
        host,
        mai_client_name='Żółw & Söhne "Sp. z o.o." $HOME',
        mai_monthly_limit=500,
        mai_billing_email="billing@companyabc.example",
        mai_admin_email=ADMIN,
        mai_image=image,
        mai_image_pull="never",
        mai_port=8101,
        # Plain Open WebUI brings no such table.
        mai_database_create_table=True,
    )
    return fleet


@pytest.fixture(scope="session")
def onboarded(fleet: Fleet) -> Result:
    return fleet.run(SLUG, seconds=START_SECONDS)


@pytest.fixture(scope="session")
def admin(fleet: Fleet, onboarded: Result) -> str:
    answer = fleet.sign_in(SLUG, ADMIN)
    assert answer.status_code == 200
    assert answer.json()["role"] == "admin"
    return answer.json()["token"]


@pytest.fixture
def api(fleet: Fleet, admin: str) -> httpx.Client:
    client = fleet.api(SLUG)
    client.headers["Authorization"] = f"Bearer {admin}"
    return client
