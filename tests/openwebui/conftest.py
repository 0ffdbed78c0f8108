# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end-to-end tests' real parts, with the real Open WebUI as the image."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

# Fixtures: pytest finds them by their names in here.
from tests.e2e.conftest import Image, boot, engine, project, simulator  # noqa: F401  # pylint: disable=unused-import
from tests.hosts import engine as engines
from tests.hosts.engine import Engine


@pytest.fixture(scope="session")
def openwebui_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:  # noqa: F811
    engines.install_missing(mmdebstrap="mmdebstrap")
    name = "open-webui:test"
    script = pathlib.Path(__file__).with_name("build_image.sh")
    subprocess.run([str(script), name], env={**os.environ, **engine.environment}, check=True)
    archive = tmp_path_factory.mktemp("openwebui") / "image.tar"
    engine.docker("save", "--output", str(archive), name)
    yield Image(name, archive)
    # pytest keeps the folders of three sessions; this file has 2 GB.
    archive.unlink()
