# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end-to-end tests' real parts, with the real Open WebUI as the image."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Callable, Iterator

import httpx
import pytest

# Fixtures: pytest finds them by their names in here.
from tests.e2e.conftest import Image, boot, engine, project, simulator  # noqa: F401  # pylint: disable=unused-import
from tests.e2e.fleet import Fleet
from tests.hosts import engine as engines
from tests.hosts.engine import Engine
from tests.hosts.host import Host
from tests.hosts.project import Project, Result
from tests.openrouter_simulator import Simulator

SLUG = "company-abc"
ADMIN = "admin@companyabc.example"
START_SECONDS = 900
OLDER = "0.6.43"
"""Keeps its settings in one blob, and has no /ready."""


def build(engine: Engine, folder: pathlib.Path, *arguments: str) -> Image:  # noqa: F811
    engines.install_missing(mmdebstrap="mmdebstrap")
    script = pathlib.Path(__file__).with_name("build_image.sh")
    subprocess.run([str(script), *arguments], env={**os.environ, **engine.environment}, check=True)
    archive = folder / "image.tar"
    engine.docker("save", "--output", str(archive), arguments[0])
    return Image(arguments[0], archive)


@pytest.fixture(scope="session")
def openwebui_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:  # noqa: F811
    image = build(engine, tmp_path_factory.mktemp("openwebui"), "open-webui:test")
    yield image
    # pytest keeps the folders of three sessions; this file has 2 GB.
    image.archive.unlink()


@pytest.fixture(scope="session")
def older_openwebui_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:  # noqa: F811
    image = build(engine, tmp_path_factory.mktemp("openwebui"), f"open-webui:{OLDER}", OLDER)
    yield image
    image.archive.unlink()


@pytest.fixture(scope="session")
def fleet(
    project: Project,  # noqa: F811
    simulator: Simulator,  # noqa: F811
    boot: Callable[..., Host],  # noqa: F811
    openwebui_image: Image,
    tmp_path_factory: pytest.TempPathFactory,
) -> Fleet:
    host = boot()
    host.load_image(openwebui_image.archive)
    fleet = Fleet(project, simulator, tmp_path_factory.mktemp("inventory"))
    fleet.put(
        SLUG,
        host,
        mai_client_name='Żółw & Söhne "Sp. z o.o." $HOME',
        mai_monthly_limit=500,
        mai_billing_email="billing@companyabc.example",
        mai_admin_email=ADMIN,
        mai_image=openwebui_image.name,
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
    answer = fleet.sign_in(SLUG, ADMIN, fleet.variables(SLUG, "admin.env")["WEBUI_ADMIN_PASSWORD"])
    assert answer.status_code == 200
    assert answer.json()["role"] == "admin"
    return answer.json()["token"]


@pytest.fixture
def api(fleet: Fleet, admin: str) -> httpx.Client:
    client = fleet.api(SLUG)
    client.headers["Authorization"] = f"Bearer {admin}"
    return client
