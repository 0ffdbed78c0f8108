# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the owner of an instance's data folder can put there: a name for each, and a function that does it.

Every function gets the path of the database and a file of a neighbour; root runs it, as root in a container would.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.kit import schema

Plant = Callable[[Path, Path], None]

MAGIC = bytes.fromhex("d9d505f920a163d7")


def sql(*statements: str) -> Plant:
    """Change the database by these statements."""

    def plant(database: Path, _victim: Path) -> None:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return plant


def super_journal(named: str) -> bytes:
    """A journal by which whoever rolls it back deletes the file that is named in it."""
    name = named.encode()
    header = struct.pack(">8s5I", MAGIC, 0, 0, 1, 512, 4096).ljust(512, b"\0")
    lock_page = struct.pack(">I", (1 << 30) // 4096 + 1)
    return header + lock_page + name + struct.pack(">II", len(name), sum(name)) + MAGIC


def journal(text: bytes) -> Plant:
    def plant(database: Path, _victim: Path) -> None:
        Path(f"{database}-journal").write_bytes(text)

    return plant


def _in_place(make: Callable[[Path, Path], None], end: str = "") -> Plant:
    def plant(database: Path, victim: Path) -> None:
        place = Path(f"{database}{end}")
        place.unlink(missing_ok=True)
        make(place, victim)

    return plant


def _socket(place: Path, _victim: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        # A socket's own path may be short only
        here = os.open(".", os.O_RDONLY)
        os.chdir(place.parent)
        try:
            listener.bind(place.name)
        finally:
            os.fchdir(here)
            os.close(here)


def _chain(place: Path, victim: Path) -> None:
    (place.parent / "first").symlink_to(victim)
    place.symlink_to("first")


def _sparse(size: int) -> Callable[[Path, Path], None]:
    def make(place: Path, _victim: Path) -> None:
        with place.open("wb") as file:
            file.truncate(size)

    return make


def _corrupt(offset: int, data: bytes) -> Plant:
    def plant(database: Path, _victim: Path) -> None:
        with database.open("rb+") as file:
            file.seek(offset)
            file.write(data)

    return plant


def _folder_is_a_link(database: Path, victim: Path) -> None:
    aside = database.parent.with_name("aside")
    database.parent.rename(aside)
    database.parent.symlink_to(victim.parent)


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT "

# In the place of the database: no run may follow it, wait for it, or take it for the instance's.
FOREIGN: dict[str, Plant] = {
    "absolute link": _in_place(lambda place, victim: place.symlink_to(victim)),
    "relative link": _in_place(lambda place, victim: place.symlink_to(os.path.relpath(victim, place.parent))),
    "chained link": _in_place(_chain),
    "dangling link": _in_place(lambda place, victim: place.symlink_to("/nowhere/at/all")),
    "link to itself": _in_place(lambda place, victim: place.symlink_to(place.name)),
    "link to the shadow file": _in_place(lambda place, victim: place.symlink_to("/etc/shadow")),
    "link to a device": _in_place(lambda place, victim: place.symlink_to("/dev/zero")),
    "hard link": _in_place(lambda place, victim: os.link(victim, place)),
    "pipe": _in_place(lambda place, victim: os.mkfifo(place)),
    "directory": _in_place(lambda place, victim: place.mkdir()),
    "socket": _in_place(_socket),
    "device": _in_place(lambda place, victim: os.mknod(place, 0o600 | 0o020000, os.makedev(1, 5))),
    "pipe as journal": _in_place(lambda place, victim: os.mkfifo(place), "-journal"),
    "link as journal": _in_place(lambda place, victim: place.symlink_to(victim), "-journal"),
    "directory as journal": _in_place(lambda place, victim: place.mkdir(), "-journal"),
    "pipe as log": _in_place(lambda place, victim: os.mkfifo(place), "-wal"),
    "link as log": _in_place(lambda place, victim: place.symlink_to(victim), "-wal"),
    "device as log": _in_place(lambda place, victim: place.symlink_to("/dev/zero"), "-wal"),
    "pipe as index": _in_place(lambda place, victim: os.mkfifo(place), "-shm"),
    "link as index": _in_place(lambda place, victim: place.symlink_to("/etc/shadow"), "-shm"),
    "hard link as log": _in_place(lambda place, victim: os.link(victim, place), "-wal"),
    "folder is a link": _folder_is_a_link,
}

# In the database or beside it: it cannot be read, or a part of it cannot, and that is said.
UNREADABLE: dict[str, Plant] = {
    "sparse, 8 GiB": _in_place(_sparse(8 << 30)),
    "no database": _in_place(lambda place, victim: place.write_bytes(b"no database " * 1000)),
    "endless view of organisations": sql(
        "DROP TABLE client_organizations",
        f"CREATE VIEW client_organizations AS {ENDLESS} x AS id, 'n' AS name, 1 AS is_active FROM c WHERE x < 0",
    ),
    "endless view of users": sql(
        'ALTER TABLE "user" RENAME TO people',
        f"CREATE VIEW user AS {ENDLESS} x AS id, 'admin' AS role, 1 AS created_at FROM c WHERE x < 0",
    ),
    "endless view of chats": sql(f"CREATE VIEW chat AS {ENDLESS} x AS id FROM c WHERE x < 0"),
    "view of settings in capitals": sql(
        "DROP TABLE config", f"CREATE VIEW CONFIG AS {ENDLESS} x AS key, x AS value FROM c WHERE x < 0"
    ),
    "huge text in a view": sql(
        "DROP TABLE client_organizations",
        "CREATE VIEW client_organizations AS SELECT 'x' AS id, hex(zeroblob(450000000)) AS name, 1 AS is_active",
    ),
    "a table that is computed": sql("CREATE VIRTUAL TABLE chat USING fts5(id)"),
    "huge text": sql("UPDATE client_organizations SET name = hex(zeroblob(100000000))"),
    "three hundred organisations": sql(
        "INSERT INTO client_organizations (id, name, openrouter_api_key, is_active) "
        f"{ENDLESS} 'o' || x, 'n', 'k' || x, 1 FROM c LIMIT 300"
    ),
    "damaged first page": _corrupt(100, b"\xff" * 300),
    "damaged schema": _corrupt(28, b"\xff" * 60),
}

# Odd values: what is known of the rest stays known.
ODD: dict[str, Plant] = {
    "rate is a text": sql(
        schema.RATES,
        "INSERT INTO daily_exchange_rates VALUES ('2026-11-24', 'abc', 1)",
    ),
    "rate is nothing": sql(
        schema.RATES,
        "INSERT INTO daily_exchange_rates VALUES ('2026-11-24', NULL, NULL)",
    ),
    "usage without end": sql(
        schema.loose(schema.DAILY_USAGE),
        "INSERT INTO client_daily_usage (usage_date, raw_cost) VALUES (date('now'), 9e999), (date('now'), 'abc')",
    ),
    "revision is a number": sql("UPDATE alembic_version SET version_num = 7"),
    "revision is nothing": sql("UPDATE alembic_version SET version_num = NULL"),
    "key is a number": sql("UPDATE client_organizations SET openrouter_api_key = 7"),
    "key is binary": sql("UPDATE client_organizations SET openrouter_api_key = x'fffe00'"),
    "deep setting": sql("INSERT INTO config (key, value) VALUES ('deep', replace(hex(zeroblob(50000)), '0', '['))"),
    "deep connections": sql(
        "UPDATE config SET value = replace(hex(zeroblob(400)), '0', '[') || replace(hex(zeroblob(400)), '0', ']') "
        "WHERE key = 'openai.api_keys'"
    ),
    "settings of other types": sql("INSERT INTO config (key, value) VALUES (NULL, 'null'), (7, '7'), (x'ff', x'ff')"),
    "not UTF-8": sql("UPDATE client_organizations SET name = CAST(x'ff1b5b33316dfe' AS TEXT)"),
    "numbers that are texts": sql(
        "UPDATE client_organizations SET markup_rate = 'x', monthly_limit = 9e999, created_at = 'y'"
    ),
    "binary": sql("UPDATE client_organizations SET name = x'00ff00', timezone = 9e999, billing_email = 7"),
    "people without numbers": sql("UPDATE \"user\" SET created_at = 'x', email = NULL"),
    "administrator without a name": sql('UPDATE "user" SET id = NULL', "UPDATE auth SET session_stamp = x'ff'"),
}
