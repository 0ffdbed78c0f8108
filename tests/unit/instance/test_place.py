# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a client's instance keeps its data, by what is in its directory."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mai.clients.plugins.module_utils._database_base import DatabaseError
from ansible_collections.mai.clients.plugins.module_utils._database_postgresql import client_environment
from ansible_collections.mai.clients.plugins.module_utils._instance import engine
from ansible_collections.mai.clients.plugins.module_utils._instance.place import place_of
from ansible_collections.mai.clients.plugins.module_utils._secret import is_same_secret, proof_of

from .conftest import write_env

BESIDE = {
    "POSTGRES_USER": "mai",
    "POSTGRES_PASSWORD": "s3cret",
    "POSTGRES_DB": "mai",
    "DATABASE_URL": "postgresql+psycopg://mai:s3cret@mai-companyabc-database:5432/mai",
}
ELSEWHERE = {"DATABASE_URL": "postgresql://abc:s3cret@db.example.com/abc?sslmode=require"}


def test_a_directory_without_a_word_has_sqlite(tmp_path):
    place = place_of(str(tmp_path))
    assert (place.kind, place.container, place.exists(), place.copy_name) == ("sqlite", None, False, "webui.db")
    assert place.shown == place.reached()["path"] == str(tmp_path / "data" / "webui.db")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "webui.db").touch()
    assert place.exists()


def test_one_beside_is_reached_by_its_containers_address(tmp_path, monkeypatch):
    write_env(tmp_path / "database.env", **BESIDE)
    place = place_of(str(tmp_path))
    assert (place.kind, place.container, place.exists()) == ("postgresql", "mai-companyabc-database", False)
    assert place.copy_name == "database.dump" and place.shown == "postgresql://mai-companyabc-database:5432/mai"
    (tmp_path / "postgresql").mkdir()
    assert place.exists()
    networks = {"other": {"IPAddress": "", "GlobalIPv6Address": ""}, "own": {"IPAddress": "172.18.0.2"}}
    container = {"State": {"Status": "running"}, "NetworkSettings": {"Networks": networks}}
    monkeypatch.setattr(engine, "inspect_containers", lambda _listed: [container])
    assert place.reached() == {"url": "postgresql://mai:s3cret@172.18.0.2/mai"}
    networks["own"] = {"IPAddress": "", "GlobalIPv6Address": "fd00::2"}
    assert place.reached() == {"url": "postgresql://mai:s3cret@[fd00::2]/mai"}
    assert place.answers()
    # It ends as soon as it was started, again and again
    container["State"]["Health"] = {"Status": "starting"}
    assert not place.answers()
    container["State"]["Status"] = "exited"
    assert not place.answers()
    for found in ([container], []):
        monkeypatch.setattr(engine, "inspect_containers", lambda _listed, found=found: found)
        with pytest.raises(DatabaseError) as caught:
            place.reached()
        assert caught.value.reason == "stopped" and "s3cret" not in str(caught.value)


def test_one_elsewhere_is_reached_as_the_instance_does_and_tells_nothing(tmp_path):
    write_env(tmp_path / "database.env", **ELSEWHERE)
    place = place_of(str(tmp_path))
    assert (place.container, place.exists()) == (None, None)
    assert place.reached() == {"url": ELSEWHERE["DATABASE_URL"]}
    assert place.shown == "postgresql://db.example.com/abc"
    assert "s3cret" not in repr(place)


def test_postgresqls_own_programs_are_told_by_their_environment():
    url = "postgresql+psycopg://u:p%40%2F@[2001:db8::1]:5433/x?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    wanted = {"PGUSER": "u", "PGPASSWORD": "p@/", "PGHOST": "2001:db8::1", "PGPORT": "5433", "PGDATABASE": "x"}
    assert client_environment(url) == {**wanted, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/etc/ca.pem"}
    with pytest.raises(DatabaseError, match="has keepalives, which pg_dump takes from nowhere"):
        client_environment("postgresql://u:p@db/x?keepalives=1")


def test_a_proof_tells_that_two_have_the_same_secret_and_nothing_more():
    proof = proof_of("postgresql://u:p@db/x", "0a0b")
    assert is_same_secret("postgresql://u:p@db/x", proof)
    assert not is_same_secret("postgresql://u:q@db/x", proof)
    assert proof != proof_of("postgresql://u:p@db/x", "0a0c")
    assert "p@" not in json.dumps(proof)
