# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients whose data is in PostgreSQL: beside the instance, and on another machine.

The tests build on one another, in this order. What differs, and what follows from it: tests/unit/plan/test_database.py.
"""

from __future__ import annotations

import json
import typing as t
from urllib.parse import quote

import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.e2e.operations import untouched
from tests.hosts.host import Host
from tests.hosts.project import Result
from tests.kit.figures import PLANTED

BESIDE, ELSEWHERE = "beside", "elsewhere"
BOTH = (BESIDE, ELSEWHERE)
ADMIN = {"beside": "boss@beside.example", "elsewhere": "boss@elsewhere.example"}
# Everything that means something to a URL, a shell, SQL or an environment file
PASSWORD = "p4ss @:/?#[]%'\"$ \\"
SERVER = "mai-test-server"
UPGRADE = "playbooks/upgrade_client.yml"


class Server:
    """A PostgreSQL on a machine of its own, reached over the network, with TLS."""

    def __init__(self, host: Host, image: Image) -> None:
        self.host = host
        host.load_image(image.archive)
        host.exec("docker", "rm", "--force", SERVER, check=False)
        # A key of its own, as a server has it
        script = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=db -keyout /tmp/key -out /tmp/crt; "
            "chown postgres /tmp/key; chmod 600 /tmp/key; "
            "exec docker-entrypoint.sh -c ssl=on -c ssl_cert_file=/tmp/crt -c ssl_key_file=/tmp/key"
        )
        arguments = ["--detach", "--name", SERVER, "--publish", "5433:5432", "--env", "POSTGRES_PASSWORD=admin"]
        host.exec("docker", "run", *arguments, image.name, "sh", "-c", script)
        host.exec("sh", "-c", f"until docker exec {SERVER} pg_isready -q -h 127.0.0.1; do sleep 0.2; done")

    def sql(self, statement: str, database: str = "postgres") -> str:
        command = ["docker", "exec", "--interactive", SERVER, "psql", "-qtA", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]
        return self.host.exec(*command, "-d", database, data=statement).stdout.strip()

    def create(self, name: str) -> None:
        self.set_password(name, PASSWORD, "CREATE")
        self.sql(f"CREATE DATABASE {name} OWNER {name}")

    def set_password(self, name: str, password: str, verb: str = "ALTER") -> None:
        self.sql(f"{verb} USER {name} LOGIN PASSWORD '{password.replace(chr(39), chr(39) * 2)}'")

    def url(self, name: str, password: str = PASSWORD) -> str:
        return (
            f"postgresql+psycopg://{name}:{quote(password, safe='')}@{self.host.address()}:5433/{name}?sslmode=require"
        )


@pytest.fixture(scope="module")
def server(ready_hosts: tuple[Host, Host], postgresql_image: Image) -> t.Iterator[Server]:
    server = Server(ready_hosts[1], postgresql_image)
    for name in (ELSEWHERE, "other"):
        server.create(name)
    yield server
    server.host.exec("docker", "rm", "--force", "--volumes", SERVER)


@pytest.fixture(scope="module")
def fleet(
    new_fleet: t.Callable[..., Fleet], ready_hosts: tuple[Host, Host], postgresql_image: Image, server: Server
) -> Fleet:
    fleet = new_fleet(mai_extra_env={"STANDIN_CONFIG": "rows"})
    host = ready_hosts[0]
    # Another file's client may have left both here
    host.exec("sh", "-c", f"docker image rm {postgresql_image.name}; apt-get purge -qqy python3-psycopg2", check=False)
    fleet.put(BESIDE, host, mai_client_name="O'Brien; DROP TABLE", mai_admin_email=ADMIN[BESIDE])
    fleet.change(
        BESIDE,
        mai_database="postgresql",
        mai_database_image=postgresql_image.name,
        mai_database_image_archive=str(postgresql_image.archive),
        mai_database_driver="psycopg",
        mai_monthly_limit=50,
    )
    fleet.put(ELSEWHERE, host, mai_client_name="Żółw", mai_admin_email=ADMIN[ELSEWHERE])
    fleet.change(ELSEWHERE, mai_database="external", mai_database_url=server.url(ELSEWHERE))
    return fleet


def sql(fleet: Fleet, server: Server, slug: str, statement: str) -> str:
    if slug == ELSEWHERE:
        return server.sql(statement, ELSEWHERE)
    command = ["docker", "exec", "--interactive", "mai-beside-database", "psql", "-qtA", "-U", "mai", "mai"]
    return fleet.host(slug).exec(*command, data=statement).stdout.strip()


def rows(fleet: Fleet, server: Server, slug: str, table: str) -> list[dict[str, t.Any]]:
    return json.loads(sql(fleet, server, slug, f"SELECT coalesce(json_agg(r), '[]') FROM {table} r"))


def passwords(fleet: Fleet) -> list[str]:
    own = fleet.variables(BESIDE, "database.env")["POSTGRES_PASSWORD"]
    return [own, PASSWORD, quote(PASSWORD, safe=""), *fleet.secrets(BESIDE), *fleet.secrets(ELSEWHERE)]


@pytest.fixture(scope="module")
def onboarded(fleet: Fleet, server: Server) -> Result:
    """The first run, after a rehearsal and a refusal."""
    rehearsed = fleet.run(",".join(BOTH), "--check", "--diff")
    assert fleet.writes == [] and "Would load " in rehearsed.said and "python3-psycopg2" in rehearsed.said
    assert fleet.sh(BESIDE, "ls -d /opt/mai/deployments/client-beside", check=False) == ""
    wrong = quote("wrong-31337")
    fleet.change(ELSEWHERE, mai_database_url=server.url(ELSEWHERE).replace(quote(PASSWORD, safe=""), wrong))
    refused = fleet.run(ELSEWHERE, check=False)
    assert refused.rc and "refuses the user or the password of the URL" in refused.said, refused.output
    assert wrong not in refused.output and fleet.writes == []
    assert fleet.sh(ELSEWHERE, f"ls {fleet.directory(ELSEWHERE)}/database.env", check=False) == ""
    PLANTED.add("database: wrong password in its URL", "refuses the user or the password of the URL", "no key was made")
    fleet.change(ELSEWHERE, mai_database_url=server.url(ELSEWHERE))
    return fleet.run(",".join(BOTH), "-vvv")


def test_their_data_is_in_postgresql_and_they_work(fleet: Fleet, server: Server, onboarded: Result) -> None:
    for slug in BOTH:
        [row] = rows(fleet, server, slug, "client_organizations")
        assert row["id"] == f"{slug}-001" and row["openrouter_api_key"] == fleet.secret(slug)
        assert {user["email"] for user in rows(fleet, server, slug, '"user"')} == {ADMIN[slug]}
        with fleet.session(slug) as api:
            assert api.get("/api/models").json()["data"]
        assert fleet.sh(slug, f"ls {fleet.directory(slug)}/data/webui.db", check=False) == ""
        assert fleet.sh(slug, f"stat -c %a%u {fleet.directory(slug)}/database.env").strip() == "6000"
    assert rows(fleet, server, BESIDE, "client_organizations")[0]["name"] == "O'Brien; DROP TABLE"
    assert "PostgreSQL beside the instance, `/opt/mai/deployments/client-beside/postgresql`" in fleet.handover(BESIDE)
    assert f"`postgresql://{server.host.address()}:5433/elsewhere`" in fleet.handover(ELSEWHERE)
    assert [secret for secret in passwords(fleet) if secret in onboarded.output] == []
    assert "works on SQLite only" in onboarded.said


def test_nobody_but_the_machine_reaches_the_one_beside_it(fleet: Fleet, onboarded: Result) -> None:
    [container] = json.loads(fleet.host(BESIDE).exec("docker", "inspect", "mai-beside-database").stdout)
    assert not [place for place in container["NetworkSettings"]["Ports"].values() if place]
    assert list(container["NetworkSettings"]["Networks"]) == ["client-beside_default"]
    assert container["State"]["Health"]["Status"] == "healthy"
    assert fleet.environment(BESIDE)["DATABASE_URL"].endswith("@mai-beside-database:5432/mai")
    assert not [line for line in container["Config"]["Env"] if "sk-or-" in line]


def test_a_second_run_changes_nothing(fleet: Fleet, onboarded: Result) -> None:
    kept = fleet.file(BESIDE, "database.env")
    with untouched(fleet, BOTH):
        again = fleet.run(",".join(BOTH))
        assert again.total("changed") == 0
        listed = fleet.run("all", playbook="playbooks/list_clients.yml")
    assert "unknown" not in listed.said
    assert fleet.file(BESIDE, "database.env") == kept


def test_a_database_that_rests_is_started_and_nothing_is_lost(fleet: Fleet, server: Server, onboarded: Result) -> None:
    """Also with the network's next address, and another password elsewhere."""
    fleet.host(BESIDE).exec("docker", "stop", "mai-beside-database", "mai-beside")
    server.set_password(ELSEWHERE, "another")
    fleet.change(ELSEWHERE, mai_database_url=server.url(ELSEWHERE, "another"))
    rehearsed = fleet.run(",".join(BOTH), "--check")
    assert "Would start its database, which is stopped" in rehearsed.said
    # Of what is in it nothing is claimed
    assert "administrator" not in rehearsed.said.split("elsewhere")[0] and "as beside-001" not in rehearsed.said
    before = {slug: fleet.secret(slug) for slug in BOTH}
    fleet.run(",".join(BOTH))
    assert fleet.writes == [] and {slug: fleet.secret(slug) for slug in BOTH} == before
    for slug in BOTH:
        assert fleet.sign_in(slug).status_code == 200
    assert ":another@" in fleet.environment(ELSEWHERE)["DATABASE_URL"]
    assert fleet.run(",".join(BOTH)).total("changed") == 0
    PLANTED.add("database: its container is stopped", "Would start its database, which is stopped", "nothing is lost")


def test_an_address_with_which_the_instance_does_not_come_up_is_taken_back(
    fleet: Fleet, server: Server, onboarded: Result
) -> None:
    """The machine has the authority's file, and the container does not."""
    root = "/etc/ssl/mai-test-db.crt"
    certificate = server.host.exec("docker", "exec", SERVER, "cat", "/tmp/crt").stdout
    fleet.host(ELSEWHERE).exec("sh", "-c", f"cat > {root}; chmod 644 {root}", data=certificate)
    before = fleet.environment(ELSEWHERE)["DATABASE_URL"]
    fleet.change(ELSEWHERE, mai_database_url=before.replace("require", f"verify-ca&sslrootcert={root}"))
    failed = fleet.run(ELSEWHERE, check=False)
    assert failed.rc and "runs on, with the address that its database had" in failed.said, failed.output
    assert "or set mai_database_url as it was, and run again" in failed.said
    assert fleet.environment(ELSEWHERE)["DATABASE_URL"] == before and fleet.sign_in(ELSEWHERE).status_code == 200
    fleet.change(ELSEWHERE, mai_database_url=before)
    assert fleet.run(ELSEWHERE).total("changed") == 0
    said = "runs on, with the address that its database had"
    PLANTED.add("database: a certificate that only the machine has", said, "people sign in as before")
    assert fleet.sh(ELSEWHERE, f"ls {fleet.directory(ELSEWHERE)}/database.env.previous", check=False) == ""


def test_key_limit_and_suspension_reach_it(fleet: Fleet, server: Server, onboarded: Result) -> None:
    fleet.run(",".join(BOTH), playbook="playbooks/rotate_key.yml")
    for slug in BOTH:
        [row] = rows(fleet, server, slug, "client_organizations")
        [saved] = rows(fleet, server, slug, "(SELECT * FROM config WHERE \"key\" = 'openai.api_keys')")
        assert row["openrouter_api_key"] == fleet.secret(slug) and saved["value"] == [fleet.secret(slug)]
    fleet.run(",".join(BOTH), playbook="playbooks/suspend_client.yml")
    assert [rows(fleet, server, slug, "client_organizations")[0]["is_active"] for slug in BOTH] == [0, 0]
    assert fleet.container(BESIDE)["State"]["Running"] is False
    fleet.run(",".join(BOTH), playbook="playbooks/resume_client.yml")
    assert [rows(fleet, server, slug, "client_organizations")[0]["is_active"] for slug in BOTH] == [1, 1]
    assert fleet.run(",".join(BOTH)).total("changed") == 0


DROPS = """
import os, psycopg
url = os.environ["DATABASE_URL"].replace("+psycopg", "")
with psycopg.connect(url) as connection:
    connection.execute('CREATE TABLE newer (id INT)')
    connection.execute('DELETE FROM "user"')
os.execvp("python3", ["python3", "/opt/mai_standin"])
"""


def test_an_upgrade_that_loses_rows_goes_back_with_all_of_them(fleet: Fleet, server: Server, onboarded: Result) -> None:
    host = fleet.host(BESIDE)
    script = "container=$(docker create mai-standin:test python3 /opt/drops.py); cat > /opt/drops.py; "
    script += 'docker cp -q /opt/drops.py "$container:/opt/drops.py"; docker commit "$container" mai:drops; '
    script += (
        'docker rm "$container"; docker commit --change "LABEL release=2" $(docker create mai-standin:test) mai:next'
    )
    host.exec("sh", "-ec", script, data=DROPS)
    fleet.change(BESIDE, mai_image="mai:drops")
    fleet.change(ELSEWHERE, mai_image="mai:drops")
    for slug in BOTH:
        with fleet.session(slug) as api:
            form = {"name": "Zoë", "email": "zoe@example.com", "password": "0123456789", "role": "user"}
            api.post("/api/v1/auths/add", json=form).raise_for_status()
        failed = fleet.run(slug, playbook=UPGRADE, check=False)
        # The administrator is made again, with another identifier
        assert failed.rc and "the table user had 2 rows and has 1" in failed.said, failed.output
        assert {user["email"] for user in rows(fleet, server, slug, '"user"')} == {ADMIN[slug], "zoe@example.com"}
        assert sql(fleet, server, slug, "SELECT to_regclass('newer')") == ""
        assert fleet.sign_in(slug).status_code == 200
        fleet.change(slug, mai_image="mai:next")
    fleet.run(BESIDE, playbook=UPGRADE)
    assert fleet.sh(BESIDE, f"ls {fleet.directory(BESIDE)}/.upgrade").split() == [
        "compose.yml",
        "database-before.dump",
        "settings.env",
    ]
    fleet.change(ELSEWHERE, mai_image="mai-standin:test")


def test_what_would_lose_or_mix_data_is_refused(fleet: Fleet, server: Server, onboarded: Result) -> None:
    with untouched(fleet, BOTH):
        fleet.change(BESIDE, mai_database="sqlite")
        fleet.change(ELSEWHERE, mai_database_url=server.url("other"))
        refused = fleet.run(",".join(BOTH), check=False)
    assert refused.rc
    assert "its data is in PostgreSQL beside the instance" in refused.said
    assert "has no users, and is another one than the instance uses: bring its data there first" in refused.said
    # Refused, it is known to nobody
    assert fleet.variables(ELSEWHERE, "database.env")["DATABASE_URL"] == server.url(ELSEWHERE, "another")
    fleet.change(BESIDE, mai_database="postgresql")
    fleet.change(ELSEWHERE, mai_database_url=server.url(ELSEWHERE, "another"))
    # Another client's database
    fleet.put("third", fleet.host(BESIDE), mai_client_name="Third", mai_database="external")
    server.sql("GRANT elsewhere TO other")
    fleet.change("third", mai_database_url=server.url("other").replace("/other?", "/elsewhere?"))
    refused = fleet.run("third", check=False)
    assert refused.rc and "mai_database_url names the database of elsewhere, too" in refused.said
    fleet._clients.pop("third")
    assert fleet.run(",".join(BOTH)).total("failed") == 0


def test_off_boarded_with_a_last_copy(fleet: Fleet, server: Server, onboarded: Result) -> None:
    # Its image has a volume, which nobody named
    volumes = "{{range .Mounts}}{{.Name}} {{end}}"
    unnamed = fleet.sh(BESIDE, f"docker inspect --format '{volumes}' mai-beside-database").split()
    said = [fleet.run(slug, "-e", f"confirm={slug}", playbook="playbooks/offboard_client.yml").said for slug in BOTH]
    assert ["its database stays, drop it by hand" in text for text in said] == [False, True]
    archives = fleet.sh(BESIDE, "ls /opt/mai/deployments/archive/client-*/database-final.dump").split()
    assert len([name for name in archives if "beside" in name or "elsewhere" in name]) == 2
    assert fleet.sh(BESIDE, "docker ps -aq --filter name=mai-beside") == ""
    assert unnamed and not {*unnamed} & {*fleet.sh(BESIDE, "docker volume ls --quiet").split()}
    # The password that opens what is in the archive, and none of a server of somebody's
    kept = fleet.sh(BESIDE, "ls /opt/mai/deployments/archive/client-*/database.env*").split()
    assert len(kept) == 1 and "/client-beside-" in kept[0]
    assert json.loads(server.sql("SELECT count(*) FROM client_organizations", ELSEWHERE)) == 1
    # What was copied can be put to work
    [copy] = [name for name in archives if "beside" in name]
    listing = fleet.sh(BESIDE, f"docker run --rm -i mai-postgresql:test pg_restore --list < {copy}")
    assert "TABLE DATA public client_organizations" in listing
