# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile instance plants in its data folder and answers to whoever looks at it.

It runs as a program inside of the attacker's container, which has nothing but Python's own library:

    python3 - plant '[["/evil/one", "link", "/etc/shadow"], …]'     in each folder, what the function of that name does
    python3 - serve drip …                                          answer on port 8080, in the ways of that name
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import struct
import sys
import threading
import time
from collections.abc import Iterator

DATABASE = "webui.db"
MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
PORT = 8080
TYPELESS = "id, name, openrouter_api_key, markup_rate, monthly_limit, billing_email, is_active, created_at, updated_at"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"

# --- In the data folder, which is the current directory


def link(*targets: str) -> None:
    """The database is a link to the last of the targets, through the others."""
    _remove(DATABASE)
    for name, target in zip((DATABASE, *targets), targets, strict=False):
        _remove(name)
        os.symlink(target, name)


def pipe(name: str) -> None:
    _remove(name)
    os.mkfifo(name)


def directory(name: str) -> None:
    _remove(name)
    os.makedirs(f"{name}/inner")


def listener(name: str) -> None:
    _remove(name)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(name)


def device(name: str) -> None:
    """The one that reads as zeros without end."""
    _remove(name)
    os.mknod(name, 0o20666, os.makedev(1, 5))


def sparse(gigabytes: int) -> None:
    _remove(DATABASE)
    with open(DATABASE, "wb") as file:
        file.truncate(gigabytes << 30)


def journal(path: str) -> None:
    """A transaction to be undone that was one of several databases: whoever undoes it deletes the file at the path."""
    with open(DATABASE, "rb") as file:
        header = file.read(100)
    size = struct.unpack(">H", header[16:18])[0]
    pages, name = struct.unpack(">I", header[28:32])[0], path.encode()
    begin = MAGIC + struct.pack(">5I", 0, 0, pages, 512, size)
    end = struct.pack(">I", 0x40000000 // size + 1) + name + struct.pack(">2I", len(name), sum(name)) + MAGIC
    with open(f"{DATABASE}-journal", "wb") as file:
        file.write(begin.ljust(512, b"\0") + end)


def view(table: str, disguised: bool = False) -> None:
    """A table that has no end, if asked; and one whose entry in the schema says that it is a table."""
    columns = "x AS id, 'n' AS name, 1 AS is_active, 'admin' AS role, x AS created_at"
    sql(f'DROP TABLE IF EXISTS "{table}"', f'CREATE VIEW "{table}" AS {ENDLESS} SELECT {columns} FROM c WHERE x < 0')
    if disguised:
        sql("PRAGMA writable_schema=ON", f"UPDATE sqlite_master SET type = 'table' WHERE name = '{table}'")


def tree(table: str, depth: int = 12) -> None:
    """A table of a few pages, of which each points hundreds of times at the next: nobody lives to see its last row."""
    sql("PRAGMA journal_mode=DELETE", f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY)")
    with contextlib.closing(sqlite3.connect(DATABASE)) as database:
        [[size]] = database.execute("PRAGMA page_size")
        [[last]] = database.execute("PRAGMA page_count")
        [[root]] = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table])
    pages = [root, *range(last + 1, last + depth)]
    count = (size - 12) // 7
    with open(DATABASE, "rb+") as file:
        for page, following in zip(pages, [*pages[1:], 0], strict=True):
            begin = size - 5 * count
            content = struct.pack(">BHHHBI", 5, 0, count, begin, 0, following)
            if not following:
                # One row, of one column without a value
                content, begin = struct.pack(">BHHHBH", 13, 0, 1, size - 4, 0, size - 4), size - 4
            else:
                content += b"".join(struct.pack(">H", begin + 5 * number) for number in range(count))
            file.seek((page - 1) * size)
            cells = (struct.pack(">I", following) + b"\1") * count if following else b"\2\1\2\0"
            file.write(content.ljust(begin, b"\0") + cells)
        file.seek(28)
        file.write(struct.pack(">I", last + depth - 1))


def trigger(table: str) -> None:
    """Whoever changes a row waits for ever."""
    sql(
        f"CREATE VIEW endless AS {ENDLESS} SELECT x FROM c WHERE x < 0",
        f'CREATE TRIGGER endless_trigger AFTER UPDATE ON "{table}" BEGIN SELECT count(*) FROM endless; END',
    )


def odd(rate: object, version: object, key: object) -> None:
    """Values of other types than every release writes, where SQLite stores anything anywhere."""
    sql(
        "CREATE TABLE IF NOT EXISTS daily_exchange_rates (date, rate, source)",
        ["INSERT INTO daily_exchange_rates VALUES ('2999-01-01', ?, 'x')", rate],
        "CREATE TABLE IF NOT EXISTS alembic_version (version_num)",
        ["INSERT INTO alembic_version VALUES (?)", version],
        "ALTER TABLE client_organizations RENAME TO former_organizations",
        f"CREATE TABLE client_organizations ({TYPELESS})",
        f"INSERT INTO client_organizations SELECT {TYPELESS} FROM former_organizations",
        ["UPDATE client_organizations SET openrouter_api_key = ?", key],
        ["INSERT OR REPLACE INTO config (key, value, updated_at) VALUES ('openai.api_keys', ?, 0)", "[" * 100_000],
    )


def organization(identifier: str) -> None:
    """Another one, before all others in every list."""
    sql(
        "INSERT INTO client_organizations (id, name, openrouter_api_key, is_active, created_at, updated_at) "
        f"VALUES ('{identifier.replace(chr(39), chr(39) * 2)}', 'x', 'sk-other', 1, 0, 0)"
    )


def connections(*urls: str, own_key: bool = False) -> None:
    """Saved in Open WebUI; with the client's own key, or with keys of others."""
    with contextlib.closing(sqlite3.connect(DATABASE)) as database:
        [[key]] = database.execute("SELECT openrouter_api_key FROM client_organizations WHERE name <> 'x'")
    keys = [key if own_key else f"sk-somebody-{number}" for number, _url in enumerate(urls)]
    put = "INSERT OR REPLACE INTO config (key, value, updated_at) VALUES (?, ?, 0)"
    sql([put, "openai.api_base_urls", json.dumps(urls)], [put, "openai.api_keys", json.dumps(keys)])


def nested(depth: int) -> None:
    """Folders within folders, deeper than a path may be long."""
    start = os.getcwd()
    for _level in range(depth):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(start)


def sql(*statements: str | list) -> None:
    database = sqlite3.connect(DATABASE, isolation_level=None)
    for statement in statements:
        text, *values = [statement] if isinstance(statement, str) else statement
        database.execute(text, values)
    database.close()


def _remove(name: str) -> None:
    if os.path.lexists(name):
        os.remove(name)


# --- On its port


def _json(text: str, status: str = "200 OK", more: str = "") -> Iterator[bytes]:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}"
    yield f"{head}Content-Length: {len(text)}\r\n\r\n{text}".encode()


def _drip(begin: bytes) -> Iterator[bytes]:
    yield begin
    while True:
        time.sleep(1)
        yield b" "


def _endless() -> Iterator[bytes]:
    yield b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1200000000\r\n\r\n"'
    while True:
        yield b"x" * 2**20


def _continued() -> Iterator[bytes]:
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FORGED = "key on the machine: FORGED"
USUAL = {
    "/health": lambda: _json('{"status": true}'),
    "/ready": lambda: _json('{"status": true}'),
    "/api/version": lambda: _json('{"version": "0.12.4"}'),
    "/api/config": lambda: _json('{"onboarding": false, "features": {"enable_signup": false}}'),
    "/api/v1/auths/signup": lambda: _json("{}", "403 Forbidden"),
    "/api/models": lambda: _json('{"data": [{"id": "x"}]}'),
}
UNUSUAL = {
    "drip": {"/health": lambda: _drip(HEAD + b"\r\n")},
    "drip-header": {"/api/version": lambda: _drip(HEAD)},
    "drip-status": {"/ready": lambda: _drip(b"HTTP/1.1 200")},
    "endless": {"/health": _endless},
    "deep": dict.fromkeys(("/health", "/api/version", "/api/models"), lambda: _json("[" * 500_000)),
    "length": {"/health": lambda: iter([HEAD + b"Content-Length: 99999999999999999999\r\n\r\n{}"])},
    "chunk": {"/ready": lambda: iter([HEAD + b"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n{}"])},
    "continued": {"/health": _continued},
    "typed": {"/api/version": lambda: _json('{"version": {"__ansible_type": "X"}}')},
    "unsafe": {"/api/version": lambda: _json('{"version": {"__ansible_unsafe": "{{ 6 * 7 }}"}}')},
    "surrogate": {"/api/version": lambda: _json('{"version": "\\ud800"}')},
    "line": {"/api/version": lambda: _json(json.dumps({"version": f"1\n{FORGED}\n\x1b[31m\u202e2\r3"}))},
    "name": {"/api/version": lambda: _json(json.dumps({"version": {f"x\n{FORGED}": "FORGED"}}))},
}


def _redirect(path: str, port: str) -> Iterator[bytes]:
    return _json("{}", "302 Found", f"Location: http://127.0.0.1:{port}{path}\r\n")


def _answer(connection: socket.socket, ways: list[str]) -> None:
    with connection:
        request = connection.recv(65536).decode("latin-1")
        path = (request.split(" ") + ["", ""])[1].partition("?")[0]
        print(path, "with a session" if "\nauthorization:" in request.lower() else "", flush=True)
        usual = USUAL.get(path, lambda: _json("{}", "404 Not Found"))
        if ways[0] == "redirect" and path != "/health":
            pieces = _redirect(path, ways[1])
        else:
            pieces = UNUSUAL.get(ways[0], {}).get(path, usual)()
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(2)
            while connection.recv(65536):
                pass
        except OSError:
            pass


def serve(*ways: str) -> None:
    with socket.create_server(("", PORT), backlog=50) as server:
        while True:
            connection, _address = server.accept()
            threading.Thread(target=_answer, args=(connection, list(ways)), daemon=True).start()


def plant(orders: str) -> None:
    start = os.getcwd()
    for folder, name, *arguments in json.loads(orders):
        os.chdir(folder)
        keywords = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
        globals()[name](*arguments, **keywords)
        os.chdir(start)


if __name__ == "__main__":
    {"plant": plant, "serve": serve}[sys.argv[1]](*sys.argv[2:])
