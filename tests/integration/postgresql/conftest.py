# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private PostgreSQL server out of Debian's packages, which ends with the tests."""

from __future__ import annotations

import glob
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from typing import Any, Callable, Iterator
from urllib.parse import quote

import psycopg
import pytest

from tests.unit.organization.process import KEY, MARK, run_module, start_module

# Everything that means something to a URL, a shell or SQL.
PASSWORD = MARK + "@:/?#[]%'\"$ \\"


class Server:
    """One server process, on a free port of the loopback interface."""

    def __init__(self) -> None:
        self.binaries = self._find_binaries()
        # Not below pytest's own directory: the server's user may not enter that.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="mai-postgresql-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # PostgreSQL refuses to run as root.
        self.user = self._unprivileged_user() if os.geteuid() == 0 else None

    def start(self) -> None:
        password_file = self.directory / "password"
        password_file.write_text(PASSWORD)
        if self.user:
            for path in (self.directory, password_file):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        data = self.directory / "data"
        self._run(
            "initdb", f"--pgdata={data}", "--username=admin", f"--pwfile={password_file}", "--auth=scram-sha-256",
            "--encoding=UTF8", "--no-locale", "--no-sync",
        )  # fmt: skip
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.directory} -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-D", str(data), "-l", str(self.directory / "log"), "-o", options)

    def stop(self) -> None:
        if (self.directory / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.directory / "data"))
        shutil.rmtree(self.directory)

    def url(self, database: str, user: str = "admin", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        identity: dict[str, Any] = {}
        if self.user:
            identity = dict(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        # The output goes to a file: the server inherits it, and a pipe would stay open as long as it runs.
        with tempfile.TemporaryFile() as output:
            process = subprocess.run(
                [os.path.join(self.binaries, program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.directory,
                timeout=120,
                check=False,
                **identity,
            )
            output.seek(0)
            assert process.returncode == 0, f"{program}: {output.read().decode(errors='replace')}"

    @staticmethod
    def _find_binaries() -> str:
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
        path = found[-1] if found else shutil.which("initdb")
        assert path, "these tests need a PostgreSQL server: apt-get install postgresql"
        return os.path.dirname(path)

    @staticmethod
    def _unprivileged_user() -> pwd.struct_passwd:
        try:
            return pwd.getpwnam("postgres")
        except KeyError:
            return pwd.getpwnam("nobody")


class Instance:
    """A client's instance with a database of its own on the server."""

    def __init__(self, server: Server, name: str, directory: pathlib.Path) -> None:
        self.name = name
        self.url = server.url(name)
        self.url_file = directory / "database.env"
        self.url_file.write_text(f'DATABASE_URL="{self.url}"\n')
        self.key_file = directory / "api_key.env"
        self.key_file.write_text(f'OPENAI_API_KEY="{KEY}"\n')

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with self.connect() as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def organization(self, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(
            "client_organization", check, **dict(self._where(arguments), id="company-abc-001") | arguments
        )

    def onboard(self, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return self.start(check, **arguments)()

    def start(self, check: bool = False, **arguments: Any) -> Callable[[], dict[str, Any]]:
        full = dict(
            id="company-abc-001",
            name="Company ABC",
            openrouter_api_key_file=str(self.key_file),
            markup_rate=1.35,
            monthly_limit=12345678.9,
            billing_email="billing@companyabc.com",
        )
        return start_module("client_organization", check, **self._where(arguments) | full | arguments)

    def connection(self, check: bool = False, **arguments: Any) -> dict[str, Any]:
        full = dict(secret_file=str(self.key_file))
        return run_module("stored_connection", check, **self._where(arguments) | full | arguments)

    def _where(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {} if "database_url" in arguments else {"database_url_file": str(self.url_file)}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["psycopg", "psycopg2"])
def instance(
    request: pytest.FixtureRequest, server: Server, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Instance]:
    """An instance with an empty database, looked at through each of the two drivers."""
    other = {"psycopg": "psycopg2", "psycopg2": "psycopg"}[request.param]
    monkeypatch.setitem(sys.modules, other, None)
    name = f"webui_{os.urandom(6).hex()}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield Instance(server, name, tmp_path)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
