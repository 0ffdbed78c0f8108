# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's PostgreSQL database, by the driver that its machine has."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from contextlib import suppress
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._database_base import (
    Database,
    DatabaseError,
    constraint_error,
)

# SQLAlchemy's names of drivers, which Open WebUI's DATABASE_URL may carry, mean nothing to libpq.
_URL = re.compile(r"postgres(?:ql)?(?:\+\w+)?://(.*)\Z", re.DOTALL)
# Only an address that leaves no doubt about where the password ends is ever shown.
_SHOWABLE = re.compile(r"(?:[^@/?#:]*(?::[^@/?#]*)?@)?([\w.-]*(?::\d+)?/[\w-]*)(?:\?.*)?\Z", re.DOTALL)

_DRIVERS = ("psycopg", "psycopg2")
_CONNECT_FAILURES = (
    ("authentication failed", "refuses the user or the password of the URL. Correct them."),
    ("no pg_hba.conf entry", "does not let this user in from this host. Add a line to its pg_hba.conf."),
    ("no password supplied", "wants a password, and the URL has none."),
    ("does not exist", "does not know the database or the user of the URL. Create it, or correct the URL."),
    ("starting up", "is still starting. Run again in a moment."),
    ("too many", "has no connection left. Free some, or raise max_connections."),
)


class _PostgreSQL(Database):
    kind = "postgresql"
    _columns_sql = (
        "SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute "
        "WHERE attrelid = to_regclass(quote_ident(?)) AND attnum > 0 AND NOT attisdropped"
    )
    _computed_sql = "SELECT 1 FROM pg_class WHERE oid = to_regclass(quote_ident(?)) AND relkind NOT IN ('r', 'p')"

    def _run(self, sql: str, values: tuple[Any, ...]) -> Any:
        cursor = self.connection.cursor()
        cursor.execute(sql.replace("?", "%s"), values or None)
        return cursor

    def lock(self, table: str) -> None:
        self.execute(f'LOCK TABLE "{table}" IN SHARE ROW EXCLUSIVE MODE')

    def translate(self, error: Exception) -> DatabaseError:
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
        diagnosis = getattr(error, "diag", None)
        if state in ("55P03", "40P01", "40001"):
            return DatabaseError(
                f"{self.name} is locked: another session has held its lock all the time that this run waited. See "
                "pg_stat_activity, or raise wait_timeout, and run again.",
                "locked",
            )
        if state == "25006":
            return DatabaseError(f"{self.name} is read-only (a standby?). Give the URL of the primary.", "readonly")
        if state == "42501":
            table = getattr(diagnosis, "table_name", None) or "of the instance"
            return DatabaseError(
                f"The user of {self.name} may not use the table {table}. Give the URL of the user that the instance "
                "itself uses.",
                "refused",
            )
        if state.startswith("23"):
            parts = [getattr(diagnosis, part, None) for part in ("table_name", "column_name", "constraint_name")]
            return constraint_error(self.name, ".".join(part for part in parts if part) or "SQLSTATE " + state)
        if state.startswith(("08", "57")) or not state:
            return DatabaseError(
                f"{self.name} ended the connection or cannot be reached. Check that the server runs, and run again.",
                "unreachable",
            )
        return DatabaseError(
            f"{self.name} refused a statement (SQLSTATE {state}). Check the shape of its tables.", "refused"
        )


def shown_url(url: str) -> str:
    """Host, port and name; nothing where it is not plain which part is the password."""
    match = _URL.match(url)
    shown = _SHOWABLE.match(match.group(1)) if match else None
    return shown.group(1) if shown else ""


# What libpq takes from the environment; a parameter without a variable of its own would be dropped in silence
_VARIABLES = {
    **{part: "PG" + part.upper() for part in ("host", "hostaddr", "port", "user", "password", "options")},
    **{part: "PG" + part.upper() for part in ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslsni")},
    **{"dbname": "PGDATABASE", "application_name": "PGAPPNAME", "connect_timeout": "PGCONNECT_TIMEOUT"},
    **{"channel_binding": "PGCHANNELBINDING", "target_session_attrs": "PGTARGETSESSIONATTRS"},
    **{"gssencmode": "PGGSSENCMODE", "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION"},
}


def client_environment(url: str) -> dict[str, str]:
    """The URL for PostgreSQL's own programs: as an argument everybody on the machine could read it."""
    match, driver = _URL.match(url), load_driver()
    if not match or driver is None:
        raise DatabaseError("The database URL is not one of PostgreSQL, or its driver is missing.", "invalid")
    try:
        parse = driver.conninfo.conninfo_to_dict if driver.__name__ == "psycopg" else driver.extensions.parse_dsn
        parts = parse("postgresql://" + match.group(1))
    except Exception:  # It may quote the URL
        raise DatabaseError("The database URL cannot be read: correct it.", "invalid") from None
    unknown = sorted(set(parts) - set(_VARIABLES))
    if unknown:
        raise DatabaseError(
            f"The database URL has {', '.join(unknown)}, which pg_dump takes from nowhere: leave it out.", "invalid"
        )
    return {_VARIABLES[name]: str(value) for name, value in parts.items()}


def has_driver() -> bool:
    return any(importlib.util.find_spec(name) for name in _DRIVERS)


def load_driver() -> Any:
    """Loaded for PostgreSQL only: it takes a quarter of a second."""
    for name in _DRIVERS:
        with suppress(ImportError):
            return importlib.import_module(name)
    return None


def open_postgresql(url: str | None, readonly: bool, wait_timeout: float, driver: Any = None) -> Database:
    match = _URL.match(url or "")
    if not match:
        raise DatabaseError(
            "The database URL is not one of PostgreSQL: it has to begin with postgresql://. For SQLite give the path "
            "of the file as database_path.",
            "invalid",
        )
    driver = driver or load_driver()
    if driver is None:
        raise DatabaseError(
            f"PostgreSQL needs the Python library psycopg (or psycopg2) for {sys.executable} on the target: install "
            "the package python3-psycopg or python3-psycopg2 there.",
            "driver",
        )
    shown = shown_url(url or "")
    name = f"the PostgreSQL database {shown}" if shown else "the PostgreSQL database of database_url"
    try:
        connection = driver.connect("postgresql://" + match.group(1), connect_timeout=max(2, int(wait_timeout)))
    except Exception as error:  # Drivers raise more than their own errors for a URL, and each may quote it.
        raise _connect_error(name, str(error)) from None
    connection.autocommit = True
    database = _PostgreSQL(connection, name)
    database.driver_error = driver.Error
    try:
        database.execute("BEGIN READ ONLY" if readonly else "BEGIN")
        database.query("SELECT set_config('lock_timeout', ?, true)", f"{max(1, int(wait_timeout * 1000))}ms")
    except database.driver_error as error:
        connection.close()
        raise database.translate(error) from None
    return database


def _connect_error(name: str, text: str) -> DatabaseError:
    for sign, meaning in _CONNECT_FAILURES:
        if sign in text:
            return DatabaseError(f"{name} {meaning}", "refused")
    return DatabaseError(
        f"{name} cannot be reached. Check host, port and name in the URL (a password with special characters has to be "
        "percent-encoded) and that the server runs and listens for this host.",
        "unreachable",
    )
