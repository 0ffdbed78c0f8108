# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a client's PostgreSQL database, in pg_dump's own format, what is in it, and its way back.

PostgreSQL's programs come with the server: of the client's own service they are run in its container, for one elsewhere
they are the machine's, and run there as nobody. What they say and write is the instance's: it is bounded in bytes and
seconds, and no psql ever runs what a dump says.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from typing import IO, Any, Iterator

from ansible_collections.mai.clients.plugins.module_utils._confined import MIB
from ansible_collections.mai.clients.plugins.module_utils._database import transaction
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database, DatabaseError
from ansible_collections.mai.clients.plugins.module_utils._database_postgresql import client_environment
from ansible_collections.mai.clients.plugins.module_utils._instance import private_file, system
from ansible_collections.mai.clients.plugins.module_utils._instance.place import NAME, URL, USER, Place
from ansible_collections.mai.clients.plugins.module_utils._text import shown

# What is left free on the machine's disk, whatever the database holds
_SPARE = 256 * MIB
_MOST_WORDS = 64 * 1024
_LOCK_SECONDS = 60
_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
_COPY = re.compile(rb'COPY (?:"[^"]+"|\w+)\.(?:"([^"]+)"|(\w+)) \(([^)]*)\)')
# What COPY writes for what would end a value or a row
_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_MOST_ORGANIZATIONS = 100
# Everything that an instance makes there; what belongs to an extension stays with it.
_EMPTY = """
DO $$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT class.oid::regclass AS name, class.oid AS identifier,
               CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                            ELSE 'TABLE' END AS kind
        FROM pg_catalog.pg_class class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
          AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend WHERE objid = class.oid AND deptype = 'e')
        -- That of a column goes with its table
        ORDER BY relkind = 'S'
    LOOP
        IF EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE oid = one.identifier) THEN
            EXECUTE format('DROP %s %s CASCADE', one.kind, one.name);
        END IF;
    END LOOP;
    FOR one IN
        SELECT type.oid::regtype AS name, type.oid AS identifier FROM pg_catalog.pg_type type
        WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
          AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend WHERE objid = type.oid AND deptype = 'e')
    LOOP
        IF EXISTS (SELECT 1 FROM pg_catalog.pg_type WHERE oid = one.identifier) THEN
            EXECUTE format('DROP TYPE %s CASCADE', one.name);
        END IF;
    END LOOP;
END $$
"""


def make(place: Place, copy: str, compressed: bool = True) -> None:
    """Copy the database as it is committed now; the copy appears whole or not at all.

    What is not compressed a storage can tell apart piece by piece, and keeps once.
    """
    largest = shutil.disk_usage(os.path.dirname(copy)).free - _SPARE
    if largest <= 0:
        raise DatabaseError(f"{copy} would fill the disk. Free some space and run again.", "full")
    partial = copy + ".partial"
    private_file.remove(partial)
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as target:
            options = ["--format=custom", "--no-owner", "--no-privileges", f"--lock-wait-timeout={_LOCK_SECONDS}s"]
            options += [] if compressed else ["--compress=0"]
            _run(place, "pg_dump", *options, output=target, largest=largest)
            os.fsync(target.fileno())
        os.replace(partial, copy)
    finally:
        private_file.remove(partial)


def describe(place: Place, copy: str, image: str = "") -> dict[str, Any]:
    """What is in the copy: counts of rows by table, schema_revision, organizations (identifiers), suspended, bytes.

    Where the client's own service does not run, an image of the machine has PostgreSQL's programs.
    """
    found = _Found()
    with _opened(copy) as source, tempfile.TemporaryFile(dir=os.path.dirname(copy)) as words:
        options = ("--data-only", "--file=-")
        process = _start(place, "pg_restore", *options, source=source, output=subprocess.PIPE, words=words, image=image)
        # What stands still gives no line at which a deadline could be looked at
        alarm = threading.Timer(_seconds(copy), process.kill)
        alarm.start()
        with process:
            try:
                found.read(process.stdout, time.monotonic() + _seconds(copy))
            except BaseException:
                process.kill()
                raise
            finally:
                alarm.cancel()
        if process.returncode:
            raise _failure(f"The copy {copy} cannot be read", "pg_restore", words)
    return {**found.told(), "bytes": os.lstat(copy).st_size}


def restore(copy: str, place: Place) -> None:
    """Put what is in the copy in the place of what is in the database, while the instance is stopped."""
    describe(place, copy)
    transaction(_empty, **place.reached(), seconds=600)
    with _opened(copy) as source:
        # An extension's comment is its owner's alone to set
        options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-comments")
        _run(place, "pg_restore", *options, source=source, seconds=_seconds(copy), connect=True)


def _empty(database: Database) -> None:
    database.execute(_EMPTY)


class _Found:
    """What a copy holds, as pg_restore writes it out: a row is a line there, whatever its values hold."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._revisions: list[str] = []
        self._organizations: list[str] = []
        self._active: list[bool] = []

    def told(self) -> dict[str, Any]:
        return {
            "counts": self._counts,
            "schema_revision": ", ".join(sorted(self._revisions)) or None,
            "organizations": sorted(self._organizations),
            "suspended": bool(self._active) and not any(self._active),
        }

    def read(self, lines: IO[bytes], deadline: float) -> None:
        table, columns, begins = None, [], True
        while True:
            line = lines.readline(MIB)
            if not line:
                return
            if time.monotonic() > deadline:
                raise DatabaseError("The copy of the database does not come to an end, so it was given up.", "endless")
            if begins and table is None:
                found = _COPY.match(line)
                if found:
                    table = (found.group(1) or found.group(2)).decode("utf-8", "replace")
                    names = found.group(3).decode("utf-8", "replace").split(",")
                    columns = [name.strip().strip('"') for name in names]
                    self._counts[table] = 0
            elif begins and line == b"\\.\n":
                table = None
            elif begins and table is not None:
                self._counts[table] += 1
                self._row(table, columns, line)
            begins = line.endswith(b"\n")
            if len(self._counts) > 1000:
                raise DatabaseError("The copy of the database holds more tables than any instance has.", "endless")

    def _row(self, table: str, columns: list[str], line: bytes) -> None:
        if table == "alembic_version" and len(self._revisions) < 10:
            self._revisions.append(shown(line.decode("utf-8", "replace").strip(), 60))
        if table == "client_organizations" and "id" in columns and len(self._organizations) < _MOST_ORGANIZATIONS:
            row = dict(zip(columns, line.rstrip(b"\n").split(b"\t")))
            self._organizations.append(_value(row["id"]))
            if "is_active" in row:
                self._active.append(row["is_active"] not in (b"0", b"f"))


def _value(text: bytes) -> str:
    plain = re.sub(rb"\\(.)", lambda found: _ESCAPES.get(found.group(1), found.group(1)), text)
    return plain.decode("utf-8", "replace")


def _run(
    place: Place,
    program: str,
    *options: str,
    source: IO[bytes] | None = None,
    output: IO[bytes] | None = None,
    largest: int = 0,
    seconds: float = 6 * 3600,
    connect: bool = False,
) -> None:
    """Run it to its end, within bounds. Its words are told only where they hold no value: their first line."""
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryFile() as words:
        process = _start(
            place, program, *options, source=source, output=output or subprocess.DEVNULL, words=words, connect=connect
        )
        why = None
        while why is None and process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
            if time.monotonic() > deadline:
                why = f"{program} did not come to an end in time, so it was ended"
            elif output is not None and os.fstat(output.fileno()).st_size > largest:
                why = f"{program} would fill the disk, so it was ended: free some space"
            elif os.fstat(words.fileno()).st_size > _MOST_WORDS:
                why = f"{program} complains without end"
        if why:
            process.kill()
            process.wait()
            raise DatabaseError(f"{place.shown} cannot be worked with: {why}.", "full" if "disk" in why else "endless")
        if process.returncode:
            raise _failure(f"{place.shown} cannot be worked with", program, words)


def _start(
    place: Place,
    program: str,
    *options: str,
    source: IO[bytes] | None = None,
    output: Any,
    words: IO[bytes],
    connect: bool = False,
    image: str = "",
) -> subprocess.Popen:
    environment = dict(os.environ, LC_ALL="C", LANGUAGE="C")
    if place.container:
        command = [*_inside(place, program, image), *options]
        if program == "pg_dump" or connect:
            command += [f"--username={place.variables[USER]}", f"--dbname={place.variables[NAME]}"]
    else:
        command = [*(_NOBODY if os.geteuid() == 0 else ()), program, *options]
        known = client_environment(place.variables[URL])
        environment.update(known, HOME="/nonexistent")
        if connect:
            command.append(f"--dbname={known['PGDATABASE']}")
    missing = next(
        (name for name in (command[0], "docker" if place.container else program) if not shutil.which(name)), ""
    )
    if missing:
        raise DatabaseError(
            f"{place.shown} needs the program {missing} on its machine: install the package postgresql-client there, "
            "of the server's release or a newer one.",
            "driver",
        )
    return subprocess.Popen(  # pylint: disable=ansible-bad-function
        command, stdin=source or subprocess.DEVNULL, stdout=output, stderr=words, env=environment
    )


def _inside(place: Place, program: str, image: str) -> list[str]:
    """The program in the client's own service, or of an image alone, with nothing but its standard streams."""
    if image and not place.answers() and system.run("docker", "image", "inspect", image).ok:
        alone = ("--rm", "--interactive", "--network=none", "--read-only", "--cap-drop=ALL", "--user=65534:65534")
        return ["docker", "run", *alone, "--pull=never", f"--entrypoint={program}", image]
    place.running()
    return ["docker", "exec", "--interactive", place.container or "", program]


def _failure(sentence: str, program: str, words: IO[bytes]) -> DatabaseError:
    words.seek(0)
    # What PostgreSQL says of a row comes after DETAIL, and of a statement after it
    lines = [line.strip() for line in words.read(_MOST_WORDS).decode("utf-8", "replace").splitlines() if line.strip()]
    first = next((line for line in lines if "error:" in line or "FATAL" in line), lines[0] if lines else "")
    reason = "full" if "No space left" in first else "refused"
    return DatabaseError(f"{sentence}: {shown(first or f'{program} gave no reason', 300)}.", reason)


@contextmanager
def _opened(copy: str) -> Iterator[IO[bytes]]:
    with open(os.open(copy, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source:
        yield source


def _seconds(copy: str) -> float:
    """How long that may take on a slow disk."""
    return 120 + os.lstat(copy).st_size / (MIB / 2)
