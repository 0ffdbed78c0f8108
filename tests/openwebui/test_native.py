# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Open WebUI from PyPI without Docker and without systemd, from its onboarding to its end."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator

import httpx
import pytest

from tests.contract.instance import Target
from tests.hosts.project import Result
from tests.kit.agency import Agency
from tests.kit.figures import NATIVE
from tests.openrouter_simulator import Simulator
from tests.openwebui.conftest import NEWER, install

SLUG = "native-webui"


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    target = Target.openwebui(install(NEWER))
    folder = tmp_path_factory.mktemp("agency")
    with Simulator() as openrouter:
        agency = Agency(folder, openrouter)
        command = " ".join(map(shlex.quote, target.command))
        agency.client(
            SLUG,
            mai_start_command=f'{command} --host "$HOST" --port "$PORT"',
            mai_extra_env={**target.environment, "STATIC_DIR": str(folder / "static"), "ODD": 'a\'b "c" $d \\ \n#e'},
            mai_database_create_table=True,
            mai_health_timeout=120,
        )
        (folder / "static").mkdir()
        yield agency
        agency.end()


def play(agency: Agency, name: str, *arguments: str) -> Result:
    result = agency.start(SLUG, *arguments, playbook=f"playbooks/{name}.yml").wait()
    assert result.rc == 0, result.output
    record(name, result)
    return result


def record(name: str, result: Result) -> None:
    NATIVE.add(f"{name}, without systemd, Open WebUI", f"Open WebUI {NEWER}", f"{result.seconds:.1f}")


def health(agency: Agency) -> int | None:
    try:
        return httpx.get(f"{agency.url(SLUG)}/health", trust_env=False).status_code
    except httpx.TransportError:
        return None


def test_from_its_onboarding_to_its_end(agency: Agency) -> None:
    record("onboard_client", agency.onboard(SLUG))
    keeper = agency.pid(SLUG)
    agency.assert_converged(SLUG)

    old = agency.key(SLUG)
    play(agency, "rotate_key")
    assert agency.key(SLUG)["hash"] != old["hash"]
    saved = [key for _url, key in agency.saved(SLUG) if key]
    assert [hashlib.sha256(key.encode()).hexdigest() for key in saved] == [agency.key(SLUG)["hash"]]
    # It reads the saved key at each request, so nobody was interrupted
    assert (agency.pid(SLUG), health(agency)) == (keeper, 200)

    play(agency, "suspend_client")
    assert agency.key(SLUG)["disabled"] and health(agency) is None
    play(agency, "resume_client")
    assert health(agency) == 200
    assert agency.onboard(SLUG).total("changed") == 0

    play(agency, "offboard_client", "-e", f"confirm={SLUG}")
    assert health(agency) is None and not agency.directory(SLUG).exists()
    assert agency.control.keys_named(f"client-{SLUG}") == []
