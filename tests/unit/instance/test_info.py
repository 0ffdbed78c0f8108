# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance import engine, masking, system
from ansible_collections.mai.clients.plugins.module_utils._instance import native as native_instance
from ansible_collections.mai.clients.plugins.module_utils._instance.observe import observe

from tests.kit import schema

from .conftest import IMAGE_ID, KEY, OLD_KEY, PASSWORD, SECRET_KEY, SECRETS, make_database, sha256, write_env

KEYS = [
    "machine",
    "docker",
    "directory",
    "files",
    "override",
    "start_command",
    "settings",
    "environment",
    "key_hash",
    "key_variables",
    "former_key_hashes",
    "key_candidates",
    "containers",
    "beside",
    "foreign_containers",
    "memory_limits_bytes",
    "unit",
    "process",
    "image",
    "last_image",
    "port",
    "proxy",
    "health",
    "database",
    "people",
    "database_image",
    "stored_connection",
    "stored_settings",
    "facts",
    "backup",
    "usage",
    "probe",
]
LABELS = {
    "mai.clients.client": "company-abc",
    "mai.clients.configuration": "f00",
    "com.docker.compose.project": "client-company-abc",
    "com.docker.compose.config-hash": "beef",
    "maintainer": "somebody",
}


def look(directory, **options):
    wanted = dict.fromkeys(("image", "port", "base_url", "bind", "fqdn", "database_image", "database_url_proof"))
    wanted.update(
        proxies={},
        tls_files={},
        remote_tmp="~/.ansible/tmp",
        client="company-abc",
        service="mai-companyabc",
        deployment_dir=str(directory),
        health_path="/health",
        people=[],
        probe=False,
    )
    wanted.update(options)
    result = observe(wanted)
    text = json.dumps(result)
    assert not [secret for secret in SECRETS if json.dumps(secret)[1:-1] in text], "a secret is in the result"
    assert list(result) == KEYS
    return result


@pytest.fixture
def deployed(directory):
    """The files that onboarding leaves behind."""
    (directory / ".mai-clients").write_text("company-abc\n")
    (directory / "compose.yml").write_text("services: {}\n")
    (directory / "compose.yml").chmod(0o600)
    write_env(directory / "settings.env", CLIENT_ORG_NAME='Żółw "x"', ENABLE_SIGNUP="False", WEBUI_URL="https://new")
    write_env(directory / "api_key.env", OPENAI_API_KEY=KEY, OPENROUTER_API_KEY=KEY)
    with (directory / "api_key.env").open("a") as file:
        file.write(f"# replaces {sha256(OLD_KEY)}\n")
    write_env(directory / "secrets.env", WEBUI_SECRET_KEY=SECRET_KEY)
    write_env(directory / "admin.env", WEBUI_ADMIN_EMAIL="it@example.com", WEBUI_ADMIN_PASSWORD=PASSWORD)
    make_database(directory, people=3, settings={"webui.url": "https://old", "oauth.google.client_id": "x"})
    return directory


@pytest.fixture
def running(docker, open_webui, deployed):
    """The same with its container up."""
    open_webui.users["it@example.com"] = {"password": PASSWORD, "role": "admin"}
    docker.log = "".join(f"line {number}\n" for number in range(30)) + f"started with {KEY} and {PASSWORD}\n"
    env = [f"OPENAI_API_KEY={KEY}", "WEBUI_ADMIN_PASSWORD=" + PASSWORD, "EMPTY=", "ENABLE_ADMIN_EXPORT=false"]
    docker.add("mai-companyabc", open_webui.port, labels=LABELS, env=env, memory=4 << 30)
    docker.images = [{"RepoTags": ["mai:1"], "Id": IMAGE_ID, "Size": 1843200000, "Created": "2026-11-01T08:00:00Z"}]
    docker.save()
    return deployed


def test_nothing_is_there(tmp_path, without_docker):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        found = look(tmp_path / "none", port=port, image="mai:1", probe=True, base_url=f"http://127.0.0.1:{port}")
    assert found["docker"] == {
        "cli": False,
        "engine": None,
        "compose": None,
        "error": "docker is not installed",
        "data_root_free_bytes": None,
        "data_root_device": None,
        "networks_left": None,
    }
    assert found["directory"]["exists"] is False
    assert found["directory"]["empty"] is False
    assert found["directory"]["managed"] is False
    assert found["directory"]["free_bytes"] > 0
    assert found["image"]["present"] is False
    assert found["port"] == {"number": port, "listening": False, "ours": False, "process": None, "bindable": None}
    assert found["health"]["status"] is None
    assert found["health"]["ok"] is False
    assert found["database"]["kind"] is None
    assert found["database"]["exists"] is False
    assert found["stored_connection"] == {"form": "none", "connections": []}
    for name in ("files", "settings", "environment", "stored_settings"):
        assert found[name] == {}
    for name in ("containers", "foreign_containers", "key_candidates"):
        assert found[name] == []
    assert found["key_hash"] is found["process"] is None
    assert found["probe"]["models"]["status"] == "unknown"
    assert found["probe"]["key"]["ok"] is False


def test_machine():
    found = look("/nowhere")["machine"]
    assert set(found) == {
        "id",
        "hostname",
        "system_id",
        "system_version",
        "codename",
        "architecture",
        "memory_bytes",
        "memory_available_bytes",
        "swap_free_bytes",
        "transfer",
        "root",
        "systemd",
        "python_version",
    }
    assert found["hostname"] == socket.gethostname()
    assert found["memory_bytes"] > 1 << 28
    assert found["root"] is (os.geteuid() == 0)


def test_everything_is_there(running, open_webui):
    found = look(running, port=open_webui.port, image="mai:1")
    assert found["docker"]["engine"] == "26.1.5"
    assert found["docker"]["compose"] == "2.26.1"
    assert found["docker"]["error"] is None
    assert found["directory"]["managed"] is True
    assert found["directory"]["managed_by"] == "company-abc"
    assert found["directory"]["mode"] == "0700"
    assert found["directory"]["empty"] is False
    assert set(found["files"]) == {"compose.yml", "settings.env", "api_key.env", "secrets.env", "admin.env"}
    assert found["files"]["compose.yml"]["sha256"] == sha256("services: {}\n")
    assert found["files"]["compose.yml"]["mode"] == "0600"
    assert "sha256" not in found["files"]["admin.env"]
    assert found["settings"]["CLIENT_ORG_NAME"] == sha256('Żółw "x"')
    assert found["key_hash"] == sha256(KEY)
    assert found["former_key_hashes"] == [sha256(OLD_KEY)]
    assert found["environment"]["EMPTY"] == sha256("")
    assert "WEBUI_ADMIN_PASSWORD" not in found["environment"]
    assert found["key_candidates"] == [
        {"where": "environment", "hash": sha256(KEY)},
        {"where": "saved in Open WebUI", "hash": sha256(OLD_KEY)},
        {"where": "organisation row", "hash": sha256(KEY)},
    ]
    (container,) = found["containers"]
    assert container["name"] == "mai-companyabc"
    assert container["managed"] is True
    assert container["health"] == "healthy"
    assert container["state"] == "running"
    assert container["memory_limit_bytes"] == 4 << 30
    assert container["ports"] == [{"host_ip": "127.0.0.1", "host_port": open_webui.port, "container_port": 8080}]
    assert set(container["labels"]) == {
        "mai.clients.client",
        "mai.clients.configuration",
        "com.docker.compose.project",
    }
    assert found["image"] == {
        "reference": "mai:1",
        "present": True,
        "id": IMAGE_ID,
        "size_bytes": 1843200000,
        "created": "2026-11-01T08:00:00Z",
        "user": None,
    }
    assert found["port"] == {
        "number": open_webui.port,
        "listening": True,
        "ours": True,
        "process": "mai-companyabc",
        "bindable": None,
    }
    assert found["health"] == {
        "url": open_webui.url + "/health",
        "status": 200,
        "ok": True,
        "ready": True,
        "version": "0.12.4",
        "accounts": True,
        "onboarding": False,
        "signup_enabled": False,
    }
    _lines, log = engine.log(found["containers"][0])
    tail = masking.tail(log, masking.secrets([{"KEY": KEY, "PASSWORD": PASSWORD}], []))
    assert (tail[0], tail[-1]) == ("line 11", "started with *** and ***")
    assert found["facts"] == {
        "admin_chat_access": True,
        "admin_export": False,
        "forward_user_info": False,
        "login_required": True,
        "signup": False,
    }
    assert found["probe"] is None


def test_database(running):
    database = look(running)["database"]
    assert database["kind"] == "sqlite"
    assert database["path"] == str(running / "data" / "webui.db")
    assert database["organizations_table"] is True
    assert database["organizations"] == [
        {
            "id": "company-abc-001",
            "name": "Company ABC",
            "markup_rate": 1.3,
            "monthly_limit": 500.0,
            "billing_email": "billing@companyabc.com",
            "timezone": "Europe/Warsaw",
            "is_active": True,
            "created_at": 1795526160000,
            "updated_at": 1795526160000,
            "key_hash": sha256(KEY),
        }
    ]
    assert (database["users"], database["administrators"]) == (3, 1)
    assert (database["size_bytes"], database["chats"]) == ((running / "data" / "webui.db").stat().st_size, None)
    assert database["schema_revision"] == "e7f8g9h0i1j2"
    assert database["timestamps_unit"] == "ms"
    assert database["error"] is None


def test_what_mai_tracks(running):
    assert look(running)["database"]["tracking"] == dict.fromkeys(
        ("used_today", "users_not_mapped", "users_not_members", "users_gone", "provisioning_key_saved", "exchange_rate")
    )
    today = time.strftime("%Y-%m-%d", time.gmtime())
    with sqlite3.connect(running / "data" / "webui.db") as database:
        database.executescript(f"""
            {schema.loose(schema.DAILY_USAGE + schema.COUNTERS + schema.MAPPING + schema.MEMBERS)}
            INSERT INTO client_daily_usage (usage_date, raw_cost)
                VALUES ('{today}', 0.25), ('{today}', 0.5), ('2026-01-01', 9);
            INSERT INTO organization_members (user_id, organization_id) SELECT id, 'company-abc-001' FROM user LIMIT 1;
            INSERT INTO organization_members (user_id, organization_id) VALUES ('left', 'company-abc-001');
            {schema.GLOBAL_SETTINGS + schema.RATES}
            INSERT INTO global_settings VALUES ('default', 'sk-or-v1-agency');
            INSERT INTO daily_exchange_rates VALUES ('2026-11-24', 3.64, 'nbp'), ('2026-11-25', 4.0, 'fallback');
        """)
    found = look(running)
    assert found["database"]["tracking"] == {
        "used_today": 0.75,
        "users_not_mapped": 3,
        "users_not_members": 2,
        "users_gone": 1,
        "provisioning_key_saved": True,
        "exchange_rate": {"date": "2026-11-25", "rate": 4.0, "source": "fallback"},
    }
    assert "sk-or-v1-agency" not in json.dumps(found)


@pytest.mark.parametrize("form", ["rows", "blob"])
def test_stored_connection(directory, without_docker, form):
    make_database(directory, form)
    assert look(directory)["stored_connection"] == {
        "form": form,
        "connections": [
            # No digest of a URL with a password in it: that could be guessed back
            {"url": "https://example.com/v1", "url_hash": None, "key_hash": None},
            {
                "url": "https://openrouter.ai/api/v1",
                "url_hash": sha256("https://openrouter.ai/api/v1"),
                "key_hash": sha256(OLD_KEY),
            },
        ],
    }


def test_database_without_the_tables(directory, without_docker):
    (directory / "data").mkdir()
    (directory / "data" / "webui.db").touch()
    database = look(directory)["database"]
    assert database["exists"] is True
    assert database["error"] is None
    assert database["organizations_table"] is False
    assert database["users"] is None


def test_damaged_database_is_named_and_not_fatal(directory, without_docker):
    (directory / "data").mkdir()
    (directory / "data" / "webui.db").write_text("this is no database, " * 100)
    found = look(directory)
    assert "not an SQLite database" in found["database"]["error"]
    assert found["stored_connection"]["form"] == "none"


def test_settings_that_the_environment_no_longer_decides(running):
    stored = look(running)["stored_settings"]
    assert stored == {
        "ENABLE_SIGNUP": sha256("False"),  # the stored false, in the words of settings.env
        "WEBUI_URL": sha256("https://old"),
    }


def test_oauth_counts_as_stored_only_when_switched_on(running):
    write_env(running / "settings.env", GOOGLE_CLIENT_ID="y")
    assert "GOOGLE_CLIENT_ID" not in look(running)["stored_settings"]
    write_env(running / "settings.env", GOOGLE_CLIENT_ID="y", ENABLE_OAUTH_PERSISTENT_CONFIG="true")
    assert look(running)["stored_settings"] == {"GOOGLE_CLIENT_ID": sha256("x")}


def test_without_persistence_the_environment_decides_everything(running):
    write_env(running / "settings.env", ENABLE_PERSISTENT_CONFIG="false", ENABLE_SIGNUP="true")
    assert look(running)["stored_settings"] == {}


def test_engine_that_does_not_answer(docker, directory):
    docker.error = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
    docker.save()
    found = look(directory, image="mai:1")
    assert found["docker"]["cli"] is True
    assert found["docker"]["engine"] is None
    assert found["docker"]["compose"] == "2.26.1"
    assert found["docker"]["error"].startswith("Cannot connect to the Docker daemon")
    assert found["image"] == {
        "reference": "mai:1",
        "present": False,
        "id": None,
        "size_bytes": None,
        "created": None,
        "user": None,
    }


def test_image_that_is_not_there(docker, directory):
    assert look(directory, image="mai:1")["image"]["present"] is False


def test_foreign_containers_and_memory_of_the_others(docker, directory):
    docker.add("web", 8001, running=False)
    docker.add("db", 5432)
    docker.add("mai-other", 8002, labels={"mai.clients.client": "other"}, memory=1 << 30)
    docker.add("mai-stopped", 8003, labels={"mai.clients.client": "stopped"}, memory=2 << 30, running=False)
    docker.add("mai-companyabc", 8004, labels=LABELS, memory=4 << 30)
    found = look(directory, port=8001)
    assert found["foreign_containers"] == [
        {"name": "web", "ports": [{"host_ip": "0.0.0.0", "host_port": 8001, "container_port": 8080}]}
    ]
    assert found["memory_limits_bytes"] == 1 << 30
    assert found["port"]["ours"] is False


def test_port_of_somebody_elses_container(docker, directory):
    docker.add("web", 8001)
    assert look(directory, port=8001)["port"] == {
        "number": 8001,
        "listening": True,
        "ours": False,
        "process": "web",
        "bindable": None,
    }


def test_container_by_hand_bears_no_mark(docker, directory):
    docker.add("mai-companyabc", 8001, running=False)
    (directory / "compose.yml").write_text("services:\n  mai-companyabc:\n    image: mai\n")
    (directory / ".env").write_text(f"OPENAI_API_KEY={OLD_KEY}\n")
    found = look(directory, port=8001)
    assert found["containers"][0]["managed"] is False
    assert found["containers"][0]["health"] is found["containers"][0]["started_at"] is None
    assert found["containers"][0]["exit_code"] == 3
    assert found["directory"]["managed"] is False
    assert found["directory"]["managed_by"] is None
    assert found["key_candidates"] == [{"where": "environment", "hash": sha256(OLD_KEY)}]
    assert found["foreign_containers"] == []


@pytest.mark.parametrize(
    "label", ["mai.clients.client: other", 'mai.clients.client: "other"', "- mai.clients.client=other"]
)
def test_compose_file_labelled_for_another_client(directory, without_docker, label):
    (directory / "compose.yml").write_text(f"services:\n  x:\n    labels:\n      {label}\n")
    found = look(directory)["directory"]
    assert found["managed"] is False
    assert found["managed_by"] == "other"


def test_running_container_is_asked_where_it_is_and_not_where_it_shall_be(running, open_webui):
    found = look(running, port=1)
    assert found["health"]["url"] == open_webui.url + "/health"
    assert found["port"]["listening"] is False


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        ((200, {"status": True}), True),
        ((503, {"detail": "Startup not complete"}), False),
        ((404, {"detail": "Not Found"}), None),
        (None, None),
    ],
)
def test_ready(directory, without_docker, open_webui, ready, expected):
    open_webui.ready = ready
    assert look(directory, port=open_webui.port)["health"]["ready"] is expected


def test_unhealthy_and_empty_instance(directory, without_docker, open_webui):
    open_webui.healthy = False
    found = look(directory, port=open_webui.port)
    assert found["health"]["status"] == 503
    assert found["health"]["ok"] is False
    assert found["health"]["onboarding"] is True


def test_http_that_answers_garbage_is_no_error(directory, without_docker):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        listener.settimeout(10)

        def serve():
            connection, _peer = listener.accept()
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        found = look(directory, port=port)
        thread.join()
    assert found["health"]["status"] is None
    assert found["port"]["listening"] is True


@pytest.fixture
def native(directory):
    """A real process as start-mai-instance.sh leaves it: in the directory, with its number in instance.pid."""
    code = (
        "import socket; listener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True)\n"
        "while True: listener.accept()[0].close()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=directory, stdout=subprocess.PIPE, env={"OPENAI_API_KEY": KEY, "PLAIN": "1"}
    )
    port = int(process.stdout.readline())
    (directory / "instance.pid").write_text(f"{process.pid}\n")
    (directory / "instance.log").write_text(f"INFO one\nERROR key {KEY}\n")
    yield process, port
    process.kill()
    process.wait()
    process.stdout.close()


def test_native_process(directory, without_docker, native):
    process, port = native
    found = look(directory, port=port)
    assert found["process"]["pid"] == process.pid
    assert found["process"]["running"] is True
    started = time.mktime(time.strptime(found["process"]["started_at"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(time.time() - started) < 30
    assert found["port"]["listening"] is True
    assert found["port"]["ours"] is True
    assert found["port"]["process"].startswith("python")
    assert found["environment"]["PLAIN"] == sha256("1")
    assert found["key_candidates"] == [{"where": "environment", "hash": sha256(KEY)}]
    assert native_instance.log(str(directory), "mai-companyabc", "") == (2, f"INFO one\nERROR key {KEY}\n")


def test_process_number_that_is_somebody_elses_by_now(directory, without_docker):
    (directory / "instance.pid").write_text(str(os.getppid()))
    found = look(directory)
    assert found["process"] == {
        "pid": os.getppid(),
        "running": False,
        "main_pid": None,
        "restarts": 0,
        "started_at": None,
    }
    assert found["environment"] == {}


def test_process_that_is_gone(directory, without_docker, native):
    process, port = native
    process.kill()
    process.wait()
    found = look(directory, port=port)
    assert found["process"]["running"] is False
    assert found["port"]["listening"] is False


def test_port_of_somebody_elses_process(directory, without_docker, open_webui):
    found = look(directory, port=open_webui.port)["port"]
    assert found["listening"] is True
    assert found["ours"] is False
    assert found["process"]


def test_probe_of_a_good_instance(running, open_webui):
    found = look(running, probe=True, base_url=open_webui.url + "/api/v1/")["probe"]
    assert found == {
        "key": {
            "status": 200,
            "ok": True,
            "refused": False,
            "disabled": False,
            "limit": 500,
            "limit_remaining": 421.5,
            "label": "sk-or-v1-111...111",
            "expires_at": None,
            "effective_budget": None,
            "reached": True,
            "error": None,
        },
        "models": {"status": "ok", "count": 1, "reason": None},
        "signup_closed": True,
        "usage_page": {"status": 200},
    }
    assert open_webui.signups == []
    assert list(open_webui.users) == ["it@example.com"]


def test_probe_of_a_disabled_key_and_an_open_door(running, open_webui):
    open_webui.key_answer = (401, {"error": {"code": 401, "message": KEY}})
    open_webui.models = [{"id": "arena-model", "owned_by": "arena"}]
    open_webui.enable_signup = True
    open_webui.usage = None
    found = look(running, probe=True, base_url=open_webui.url + "/api/v1")["probe"]
    assert found["key"]["ok"] is False
    assert found["key"]["status"] == 401
    assert "disabled, expired or deleted" in found["key"]["error"]
    assert found["models"]["status"] == "failed"
    assert found["models"]["count"] == 0
    assert found["signup_closed"] is False
    assert found["usage_page"]["status"] == 404
    assert open_webui.signups == []


def test_an_instance_that_refuses_its_own_administrator_uses_another_database(running, open_webui):
    open_webui.session_stamp = "another"
    found = look(running, probe=True, base_url=open_webui.url + "/nothing")["probe"]
    assert found["models"]["status"] == "failed"
    assert "it uses another database" in found["models"]["reason"]
    assert found["usage_page"]["status"] == 401
    assert found["key"]["ok"] is False
    assert "or base_url is not right" in found["key"]["error"]


def test_where_a_second_factor_is_demanded_models_are_unknown(running, open_webui):
    open_webui.session_stamp = "another"
    with sqlite3.connect(running / "data" / "webui.db") as database:
        database.execute("INSERT INTO config (key, value) VALUES ('auth.mfa.enable', 'true')")
    models = look(running, probe=True)["probe"]["models"]
    assert (models["status"], "HTTP 401" in models["reason"]) == ("unknown", True)


@pytest.mark.parametrize(
    ("answer", "refused", "reached"),
    [
        ((401, {"error": {"code": 401, "message": "No"}}), True, True),
        ((403, {"error": {"code": 403, "message": "No"}}), True, True),
        ((404, {"error": {"code": 404, "message": "No"}}), False, True),
        # Of a gateway, a firewall, another vendor
        ((401, None), False, False),
        ((403, {"message": "Forbidden"}), False, False),
        ((403, {"error": {"message": "Forbidden", "code": "forbidden"}}), False, False),
        ((407, None), False, False),
        # Of whatever, and perhaps another one in a moment
        ((502, None), False, None),
        ((503, {"error": {"code": 503, "message": "No"}}), False, True),
        ((429, None), False, None),
    ],
)
def test_only_openrouters_own_word_counts(running, open_webui, answer, refused, reached):
    open_webui.key_answer = answer
    key = look(running, probe=True, base_url=open_webui.url + "/api/v1")["probe"]["key"]
    assert (key["ok"], key["refused"], key["reached"]) == (False, refused, reached)


def test_openrouter_is_tried_before_there_is_a_key(running, open_webui):
    (running / "api_key.env").unlink()
    key = look(running, probe=True, base_url=open_webui.url + "/api/v1")["probe"]["key"]
    assert (key["ok"], key["refused"], key["reached"]) == (False, False, True)
    key = look(running, probe=True, base_url="http://127.0.0.1:9/api/v1")["probe"]["key"]
    assert (key["reached"], "cannot be reached from this host" in key["error"]) == (False, True)


def test_openrouter_is_tried_by_way_of_the_instances_proxy(running, open_webui, docker, monkeypatch):
    url = "http://openrouter.invalid/api/v1"  # only a proxy could reach it
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    proxy = {"http_proxy": open_webui.url, "NO_PROXY": "x.example"}
    key = look(running, probe=True, base_url=url, proxies=proxy)["probe"]["key"]
    # The stand-in is no proxy, but it was asked, and its page is not OpenRouter's word
    assert (key["status"], key["reached"]) == (200, False)
    assert ("GET", f"{url}/key") in open_webui.requests
    key = look(running, probe=True, base_url=url, proxies={"ALL_PROXY": open_webui.url})["probe"]["key"]
    assert key["status"] == 200
    assert look(running, probe=True, base_url=url)["probe"]["key"]["status"] is None
    # What urllib cannot do is no reason to think that the instance cannot
    for name in ("ALL_PROXY", "http_proxy"):
        key = look(running, probe=True, base_url=url, proxies={name: "socks5h://127.0.0.1:9"})["probe"]["key"]
        assert (key["reached"], "SOCKS proxy" in key["error"]) == (None, True)
    direct = {"HTTP_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    key = look(running, probe=True, base_url=open_webui.url + "/api/v1", proxies=direct)["probe"]["key"]
    assert key["ok"] is True


COMPOSE = """\
x-mai-image: {identifier}
services:
  mai-companyabc:
    image: {name}
"""


@pytest.mark.parametrize(
    ("identifier", "name", "expected"),
    [
        (f'"{IMAGE_ID}"', '"mai:1"', {"reference": "mai:1", "id": IMAGE_ID, "present": True, "user": None}),
        (IMAGE_ID, "mai:1   ", {"reference": "mai:1", "id": IMAGE_ID, "present": True, "user": None}),
        (
            f'"sha256:{"0" * 64}"',
            '"mai:1"',
            {"reference": "mai:1", "id": f"sha256:{'0' * 64}", "present": False, "user": None},
        ),
        ('""', "'mai:1'", {"reference": "mai:1", "id": None, "present": True, "user": None}),
        ('""', "gone:1", {"reference": "gone:1", "id": None, "present": False, "user": None}),
    ],
)
def test_the_image_that_its_files_name(running, identifier, name, expected):
    (running / "compose.yml").write_text(COMPOSE.format(identifier=identifier, name=name))
    assert look(running, image="mai:2")["last_image"] == expected


def test_files_that_name_no_image(running):
    for text in ("", "services: {}\n", "image: top\n", "\0"):
        (running / "compose.yml").write_text(text)
        assert look(running)["last_image"] is None
    (running / "compose.yml").unlink()
    assert look(running)["last_image"] is None


def test_probe_without_the_secret_key(running, open_webui):
    (running / "secrets.env").unlink()
    found = look(running, probe=True)["probe"]
    assert found["models"] == {
        "status": "unknown",
        "count": None,
        "reason": "WEBUI_SECRET_KEY is not known on this host",
    }
    assert found["key"]["error"] == "base_url is not given"
    assert found["signup_closed"] is True


def test_probe_of_an_old_release_needs_no_stamp(running, open_webui):
    with sqlite3.connect(running / "data" / "webui.db") as db:
        db.execute("ALTER TABLE auth DROP COLUMN session_stamp")
    open_webui.session_stamp = None
    assert look(running, probe=True)["probe"]["models"]["status"] == "ok"


def test_as_a_real_module(running, open_webui):
    """Packed and run by Ansible itself, with nothing but what it packs."""
    command = [
        os.path.join(os.path.dirname(sys.executable), "ansible"),
        "localhost",
        "-m",
        "mai.clients.instance_info",
        "-a",
        json.dumps(
            {
                **{"client": "company-abc", "deployment_dir": str(running), "port": open_webui.port, "image": "mai:1"},
                **{"proxies": {"https_proxy": "http://u:hunter2@proxy.invalid:1"}, "no_proxy": "127.0.0.1"},
            }
        ),
    ]
    environment = dict(os.environ, ANSIBLE_CALLBACK_RESULT_FORMAT="json", ANSIBLE_NOCOLOR="1", ANSIBLE_DEBUG="0")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout[done.stdout.index("{") :])
    assert result["changed"] is False
    assert sorted(result["instance"]) == sorted(KEYS)
    assert result["instance"]["machine"]["hostname"] == socket.gethostname()
    assert result["instance"]["health"]["ok"] is True
    # What is not to be logged blots out nothing else
    assert result["instance"]["health"]["url"] == open_webui.url + "/health"
    assert "hunter2" not in done.stdout + done.stderr
    assert result["instance"]["containers"][0]["name"] == "mai-companyabc"
    assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]


@pytest.fixture
def systemd(tmp_path, monkeypatch, native):
    """A machine with systemd, in the words of its commands, whose unit runs the native process."""
    process, _port = native
    unit = tmp_path / "mai-companyabc.service"
    unit.write_text("# mai.clients.client: company-abc\n[Service]\n")
    answers = {
        "systemctl": "LoadState=loaded\nActiveState=active\nSubState=running\n"
        f"MainPID={process.pid}\nActiveEnterTimestampMonotonic=1000000\nFragmentPath={unit}\nInvocationID=abc\n",
        "journalctl": f"one\nkey {KEY}\n",
    }
    folder = tmp_path / "systemd"
    folder.mkdir()
    for name, answer in answers.items():
        (folder / name).write_text(f"#!{sys.executable}\nprint({answer!r}, end='')\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(system, "has_systemd", lambda: True)
    return folder


def test_unit(directory, systemd, native):
    process, port = native
    (directory / "instance.pid").unlink()
    (directory / "instance.log").unlink()
    found = look(directory, port=port)
    since = found["unit"].pop("since")
    assert found["unit"] == {
        "exists": True,
        "managed": True,
        "active_state": "active",
        "sub_state": "running",
        "main_pid": process.pid,
        "restarts": 0,
    }
    assert since == system.since_boot(1)
    assert found["directory"]["managed"] is True
    assert found["port"]["ours"] is True
    assert found["environment"]["PLAIN"] == sha256("1")
    assert native_instance.log(str(directory), "mai-companyabc", "abc") == (2, f"one\nkey {KEY}\n")


def test_unit_that_does_not_exist(directory, systemd):
    (systemd / "systemctl").write_text(f"#!{sys.executable}\nprint('LoadState=not-found\\nMainPID=0')\n")
    found = look(directory)
    assert found["unit"] == {
        "exists": False,
        "managed": False,
        "active_state": None,
        "sub_state": None,
        "main_pid": None,
        "restarts": 0,
        "since": None,
    }
    assert found["directory"]["managed"] is False


def test_start_script_names_the_client(directory, without_docker):
    (directory / "start-mai-instance.sh").write_text("#!/bin/sh\n# mai.clients.client: company-abc\n")
    found = look(directory)
    assert found["directory"]["managed"] is True
    assert list(found["files"]) == ["start-mai-instance.sh"]


@pytest.mark.parametrize("become", ["SUDO_USER", "DOAS_USER", None])
def test_where_ansible_unpacks_is_the_logins(monkeypatch, tmp_path, become):
    for name in ("SUDO_USER", "DOAS_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nowhere")
    if become:
        monkeypatch.setenv(become, "root")
    found = look(tmp_path)["machine"]["transfer"]
    assert found["path"] == ("/root" if become else "/nowhere") + "/.ansible/tmp"
    assert found["free_bytes"] > 0 and found["device"] == os.stat("/").st_dev
    assert look(tmp_path, remote_tmp=str(tmp_path / "a"))["machine"]["transfer"]["path"] == str(tmp_path / "a")
