# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' own image of PostgreSQL does what the official one promises, as far as clients' databases need it."""

from __future__ import annotations

import pathlib
import subprocess
import time
import typing as t

import pytest

from tests.e2e.conftest import Image
from tests.hosts.engine import Engine

PASSWORD = "quite ' a $(secret)"
DATABASE = "company-abc"


class Server:
    """A container of the image, its data in a folder of this machine at a path that is not the default."""

    def __init__(self, engine: Engine, image: str, folder: pathlib.Path) -> None:
        self.engine = engine
        self.image = image
        secret = folder / "password"
        secret.write_text(f"{PASSWORD}\n")
        secret.chmod(0o644)
        (folder / "data").mkdir()
        environment = {
            "POSTGRES_USER": "keeper",
            "POSTGRES_DB": DATABASE,
            "POSTGRES_PASSWORD_FILE": "/run/secrets/password",
            "POSTGRES_INITDB_ARGS": "--data-checksums --encoding='UTF8'",
            "PGDATA": "/postgresql/data",
        }
        options = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
        options += ["--volume", f"{secret}:/run/secrets/password:ro", "--volume", f"{folder / 'data'}:/postgresql/data"]
        self.container = engine.docker("run", "--detach", *options, image, "-c", "max_connections=21").stdout.strip()

    def exec(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.engine.docker("exec", self.container, *command, check=check)

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        # Over TCP: while the database is made, the server answers at its socket only.
        while (asked := self.exec("pg_isready", "--quiet", "--host=127.0.0.1", check=False)).returncode:
            running = "is not running" not in asked.stderr
            assert running and time.monotonic() < deadline, self.engine.docker("logs", self.container)
            time.sleep(0.2)

    def query(self, sql: str) -> str:
        return self.exec("psql", "-U", "keeper", "-d", DATABASE, "-Atc", sql).stdout.strip()

    def query_from_outside(self, password: str) -> subprocess.CompletedProcess[str]:
        """As another container, by the address."""
        address = self.engine.docker(
            "inspect", self.container, "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        ).stdout.strip()
        client = ["run", "--rm", "--env", f"PGPASSWORD={password}", self.image, "psql", "-h", address, "-U", "keeper"]
        return self.engine.docker(*client, "-d", DATABASE, "-Atc", "SELECT current_user", check=False)

    def remove(self) -> None:
        # Whoever runs the tests may not be allowed to remove what the server's user owns.
        self.exec("find", "/postgresql/data", "-mindepth", "1", "-delete", check=False)
        self.engine.docker("rm", "--force", "--volumes", self.container)


@pytest.fixture(scope="module")
def server(engine: Engine, postgresql_image: Image, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Server]:
    server = Server(engine, postgresql_image.name, tmp_path_factory.mktemp("server"))
    try:
        server.wait()
        yield server
    finally:
        server.remove()


def test_is_made_as_the_environment_says(server: Server) -> None:
    shown = "SELECT current_setting(name) FROM unnest(ARRAY[%s]) name"
    names = ("data_directory", "data_checksums", "max_connections", "server_encoding", "password_encryption")
    answers = server.query(shown % ", ".join(f"'{name}'" for name in names)).split()
    assert answers == ["/postgresql/data", "on", "21", "UTF8", "scram-sha-256"]
    assert server.exec("stat", "--format=%u %a", "/postgresql/data", "/proc/1").stdout.split("\n")[:2] == [
        "999 700",
        "999 555",
    ]
    assert server.query("SELECT rolname FROM pg_roles WHERE rolsuper") == "keeper"


def test_asks_others_for_the_password(server: Server) -> None:
    assert server.query_from_outside(PASSWORD).stdout == "keeper\n"
    refused = server.query_from_outside("wrong")
    assert "password authentication failed" in refused.stderr
    assert refused.returncode == 2


def test_keeps_the_data_when_it_is_restarted(server: Server) -> None:
    server.query("CREATE TABLE kept (name text); INSERT INTO kept VALUES ('Müller')")
    server.engine.docker("restart", server.container)
    server.wait()
    assert server.query("SELECT name FROM kept") == "Müller"
    logs = server.engine.docker("logs", server.container)
    # SIGINT: stopped in order, not killed after ten seconds.
    assert "database system was interrupted" not in logs.stderr
    assert "init process complete" in logs.stdout
    assert logs.stdout.count("init process complete") == 1


def test_is_dumped_and_restored_by_its_own_programs(server: Server) -> None:
    script = (
        "createdb -U keeper copy && pg_dump -U keeper -Fc company-abc > /tmp/dump"
        " && pg_restore -U keeper -d copy --exit-on-error /tmp/dump"
    )
    server.query("CREATE TABLE dumped AS SELECT 7 AS number")
    server.exec("sh", "-c", script)
    assert server.exec("psql", "-U", "keeper", "-d", "copy", "-Atc", "TABLE dumped").stdout == "7\n"


def test_does_not_start_without_a_password(engine: Engine, postgresql_image: Image) -> None:
    refused = engine.docker("run", "--rm", postgresql_image.name, check=False)
    assert refused.returncode == 1
    assert "superuser password is not specified" in refused.stderr
