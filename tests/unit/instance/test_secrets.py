# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import re
import stat

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._envfile import parse
from ansible_collections.mai.clients.plugins.module_utils._instance import credentials, folder, private_file
from ansible_collections.mai.clients.plugins.modules import instance_secrets

from .conftest import PASSWORD, SECRET_KEY, make_database, write_env


@pytest.fixture
def ensure(run_module, directory):
    """Run the module on the directory; its result never holds a secret that is in the directory afterwards."""

    def run(**arguments):
        result = run_module(instance_secrets, deployment_dir=str(directory), **arguments)
        # What Ansible itself echoes of the arguments is masked by no_log, and not part of our result.
        result.pop("invocation", None)
        text = json.dumps(result, ensure_ascii=False)
        for name, variable in (("secrets.env", "WEBUI_SECRET_KEY"), ("admin.env", "WEBUI_ADMIN_PASSWORD")):
            secret = read(directory / name).get(variable)
            assert not secret or secret not in text
        return result

    return run


def read(path):
    return parse(path.read_text(encoding="utf-8")) if path.exists() else {}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_first_run_makes_both_files(ensure, directory):
    previous = os.umask(0o000)
    try:
        result = ensure(admin_email="it@companyabc.com")
    finally:
        os.umask(previous)
    assert result["rc"] == 0
    assert result["changed"] is True
    assert result["created_variables"] == [
        "WEBUI_SECRET_KEY",
        "WEBUI_ADMIN_PASSWORD",
        "WEBUI_ADMIN_EMAIL",
        "WEBUI_ADMIN_NAME",
    ]
    assert result["password_generated"] is True
    assert result["admin_email"] == "it@companyabc.com"
    assert result["not_applied"] == []
    assert re.fullmatch("[0-9a-f]{64}", read(directory / "secrets.env")["WEBUI_SECRET_KEY"])
    admin = read(directory / "admin.env")
    assert admin["WEBUI_ADMIN_NAME"] == "Admin"
    assert re.fullmatch(r"\w{5}(-\w{5}){3}", admin["WEBUI_ADMIN_PASSWORD"])
    assert sorted(os.listdir(directory)) == ["admin.env", "secrets.env"]
    assert mode(directory / "secrets.env") == mode(directory / "admin.env") == 0o600


def test_the_clients_directory_is_made_and_marked(ensure, directory):
    directory.rmdir()
    checked = ensure(client="company-abc", _check=True, _diff=True)
    assert checked["changed"] and not directory.exists()
    assert checked["diff"][0]["after"] == "directory, mode 0700\nmarked\n"
    assert ensure(client="company-abc")["changed"] is True
    assert mode(directory) == 0o700 and (directory / ".mai-clients").read_text() == "company-abc\n"
    assert ensure(client="company-abc")["changed"] is False


@pytest.mark.parametrize("fault", ["mode", "mark"])
def test_the_clients_directory_is_put_right(ensure, directory, fault):
    ensure(client="company-abc")
    directory.chmod(0o755) if fault == "mode" else (directory / ".mai-clients").unlink()
    result = ensure(client="company-abc")
    assert (result["changed"], result["created_variables"]) == (True, [])
    assert mode(directory) == 0o700 and (directory / ".mai-clients").read_text() == "company-abc\n"


def test_the_mark_tells_which_version_made_the_directory_and_stays(ensure, directory):
    directory.rmdir()
    ensure(client="company-abc", version="0.1.0")
    assert folder.mark(str(directory)) == ("company-abc", "0.1.0")
    assert ensure(client="company-abc", version="0.2.0")["changed"] is False
    directory.chmod(0o755)
    assert ensure(client="company-abc", version="0.2.0")["changed"] is True
    assert folder.mark(str(directory)) == ("company-abc", "0.1.0")


def test_second_run_changes_nothing(ensure, directory):
    ensure(admin_email="it@companyabc.com")
    before = {name: (directory / name).read_bytes() for name in ("secrets.env", "admin.env")}
    result = ensure(admin_email="it@companyabc.com")
    assert result["changed"] is False
    assert result["created_variables"] == []
    assert result["password_generated"] is False
    assert before == {name: (directory / name).read_bytes() for name in before}


def test_given_password_is_taken_as_it_is(ensure, directory):
    result = ensure(admin_email="it@companyabc.com", admin_password=PASSWORD, admin_name='Żółw "x" $HOME')
    assert result["password_generated"] is False
    assert read(directory / "admin.env") == {
        "WEBUI_ADMIN_EMAIL": "it@companyabc.com",
        "WEBUI_ADMIN_NAME": 'Żółw "x" $HOME',
        "WEBUI_ADMIN_PASSWORD": PASSWORD,
    }


def test_later_changes_are_reported_and_not_applied(ensure, directory):
    ensure(admin_email="it@companyabc.com", admin_password=PASSWORD)
    before = (directory / "admin.env").read_bytes()
    result = ensure(admin_email="new@companyabc.com", admin_name="Boss", admin_password="another one")
    assert result["changed"] is False
    assert sorted(result["not_applied"]) == ["admin_email", "admin_name", "admin_password"]
    assert result["admin_email"] == "it@companyabc.com"
    assert (directory / "admin.env").read_bytes() == before


def test_without_email_there_is_no_administrator(ensure, directory):
    result = ensure(admin_password=PASSWORD)
    assert result["admin_email"] is None
    assert result["created_variables"] == ["WEBUI_SECRET_KEY"]
    assert not (directory / "admin.env").exists()


def test_secret_key_in_place_is_kept_and_others_are_added(ensure, directory):
    write_env(directory / "secrets.env", WEBUI_SECRET_KEY=SECRET_KEY, OTHER="$kept")
    result = ensure(secret_variables=["WEBUI_SECRET_KEY", "POSTGRES_PASSWORD"])
    assert result["created_variables"] == ["POSTGRES_PASSWORD"]
    found = read(directory / "secrets.env")
    assert found["WEBUI_SECRET_KEY"] == SECRET_KEY
    assert found["OTHER"] == "$kept"
    assert re.fullmatch("[0-9a-f]{64}", found["POSTGRES_PASSWORD"])


def test_mode_that_others_can_read_is_corrected(ensure, directory):
    write_env(directory / "secrets.env", WEBUI_SECRET_KEY=SECRET_KEY).chmod(0o644)
    planned = ensure(_check=True, _diff=True)
    assert planned["changed"] is True
    assert "readable by others" in planned["diff"][0]["before"]
    assert "readable by others" not in planned["diff"][0]["after"]
    assert mode(directory / "secrets.env") == 0o644
    assert ensure()["changed"] is True
    assert mode(directory / "secrets.env") == 0o600
    assert read(directory / "secrets.env") == {"WEBUI_SECRET_KEY": SECRET_KEY}
    assert ensure()["changed"] is False


def test_check_mode_writes_nothing_and_says_the_same(ensure, directory):
    planned = ensure(_check=True, _diff=True, admin_email="it@companyabc.com", admin_password=PASSWORD)
    assert os.listdir(directory) == []
    assert [entry["before"] for entry in planned["diff"]] == ["", ""]
    assert "WEBUI_ADMIN_PASSWORD: (secret)" in planned["diff"][1]["after"]
    assert PASSWORD not in json.dumps(planned, ensure_ascii=False)
    done = ensure(admin_email="it@companyabc.com", admin_password=PASSWORD)
    assert {name: planned[name] for name in done} == done


def test_missing_directory(ensure, directory):
    directory.rmdir()
    assert ensure(_check=True, admin_email="it@companyabc.com")["changed"] is True
    result = ensure(admin_email="it@companyabc.com")
    assert result["failed"] is True
    assert f"The directory {directory} does not exist on the target" in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"admin_password": "ż" * 36 + "x"}, "longer than 72 bytes"),
        ({"admin_password": "secret\0word"}, "WEBUI_ADMIN_PASSWORD: the value holds the control character U+0000"),
        ({"admin_email": "nobody"}, "'nobody' is no address"),
        ({"admin_email": "a b@example.com"}, "is no address"),
        ({"secret_variables": ["NO NAME"]}, "'NO NAME' is not a name for an environment variable"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_refused_before_anything_is_written(ensure, directory, arguments, message, check):
    result = ensure(_check=check, **{"admin_email": "it@companyabc.com", **arguments})
    assert result["failed"] is True
    assert message in result["msg"]
    assert arguments.get("admin_password", "\1") not in json.dumps(result, ensure_ascii=False)
    assert os.listdir(directory) == []


def test_password_of_72_bytes_is_accepted(ensure, directory):
    assert ensure(admin_email="it@localhost", admin_password="ż" * 36)["rc"] == 0
    assert read(directory / "admin.env")["WEBUI_ADMIN_PASSWORD"] == "ż" * 36


def test_admin_file_without_a_password_is_named(ensure, directory):
    write_env(directory / "admin.env", WEBUI_ADMIN_EMAIL="it@companyabc.com")
    result = ensure(admin_email="it@companyabc.com")
    assert result["failed"] is True
    assert f"{directory}/admin.env has no value for WEBUI_ADMIN_PASSWORD" in result["msg"]
    assert not (directory / "secrets.env").exists()


def test_new_secret_key_for_an_old_database_warns(ensure, directory, monkeypatch):
    warnings = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    make_database(directory)
    write_env(directory / "secrets.env", WEBUI_SECRET_KEY=SECRET_KEY)
    ensure()
    assert warnings == []
    (directory / "secrets.env").unlink()
    ensure()
    (warning,) = warnings
    assert "no WEBUI_SECRET_KEY although the instance already has a database" in warning


def test_a_full_disk_leaves_the_old_file_and_no_other(directory, monkeypatch):
    path = write_env(directory / "secrets.env", WEBUI_SECRET_KEY=SECRET_KEY)

    def fail(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        private_file.write(str(path), "WEBUI_SECRET_KEY=\n")
    assert read(path) == {"WEBUI_SECRET_KEY": SECRET_KEY}
    assert os.listdir(directory) == ["secrets.env"]


def test_a_full_disk_is_an_error_with_what_to_do(ensure, directory, monkeypatch):
    def fail(_path, _text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file, "write", fail)
    result = ensure()
    assert result["failed"] is True
    assert "No space left on device. Run with become as root" in result["msg"]


def test_generated_passwords_differ_and_satisfy_strict_instances():
    strict = re.compile(r"^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^\w\s]).{8,}$")
    passwords = {credentials.new_password() for _attempt in range(200)}
    assert len(passwords) == 200
    assert all(strict.match(password) for password in passwords)


def test_the_password_can_come_in_a_file_that_is_then_gone(ensure, directory):
    handed = directory / ".admin_password.x"
    handed.write_text(PASSWORD, encoding="utf-8")
    result = ensure(admin_email="it@companyabc.com", admin_password_file=str(handed))
    assert result["password_generated"] is False
    assert read(directory / "admin.env")["WEBUI_ADMIN_PASSWORD"] == PASSWORD
    assert not handed.exists()
    assert "cannot be read" in ensure(admin_email="it@companyabc.com", admin_password_file=str(handed))["msg"]


def test_the_password_of_the_database_beside_is_made_once(ensure, directory):
    options = {"database": "postgresql", "database_host": "mai-companyabc-database"}
    result = ensure(**options)
    assert result["created_variables"][1:] == ["POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "DATABASE_URL"]
    made = read(directory / "database.env")
    password = made["POSTGRES_PASSWORD"]
    assert re.fullmatch("[0-9a-f]{64}", password) and mode(directory / "database.env") == 0o600
    assert made["DATABASE_URL"] == f"postgresql://mai:{password}@mai-companyabc-database:5432/mai"
    assert ensure(**options)["changed"] is False
    # Another driver is another address, and no other password
    assert ensure(**options, database_driver="psycopg", _diff=True)["changed"] is True
    assert read(directory / "database.env")["DATABASE_URL"] == made["DATABASE_URL"].replace(":", "+psycopg:", 1)
    assert read(directory / "database.env")["POSTGRES_PASSWORD"] == password


def test_data_whose_password_is_lost_gets_no_other_one(ensure, directory):
    (directory / "postgresql").mkdir()
    result = ensure(database="postgresql", database_host="mai-companyabc-database")
    assert result["failed"] and "ALTER USER mai PASSWORD" in result["msg"]
    assert not (directory / "database.env").exists()


def test_the_url_of_a_database_elsewhere_is_taken_as_it_is_and_may_change(ensure, directory):
    urls = ('postgresql://u:p%20"$@db/x', "postgresql://u:other@db/x")
    for url in urls:
        assert ensure(database="external", database_url=url)["changed"] is True
        assert read(directory / "database.env") == {"DATABASE_URL": url}
        result = ensure(database="external", database_url=url, _diff=True)
        assert result["changed"] is False and url not in json.dumps(result)
    result = ensure(database="external", database_url="postgresql://u:third@db/x", _diff=True)
    assert result["diff"][0]["after"] == "DATABASE_URL: (secret) (another)\n"
    assert ensure()["changed"] is False and (directory / "database.env").exists()
    # What the instance came up with last, whatever was tried since
    assert read(directory / "database.env.previous")["DATABASE_URL"] == urls[0]
