# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a client is backed up as the inventory says, what of that is said, and what keeps it from coming back."""

from __future__ import annotations

import copy
import typing as t
from datetime import timedelta

import pytest
from ansible_collections.mai.clients.plugins.filter.backup import backup_fault, backup_files, backup_stamp
from ansible_collections.mai.clients.plugins.module_utils._backup import settings
from ansible_collections.mai.clients.plugins.module_utils._instance.backups import digest_of
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.plugin_utils._plan import backup, restore
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import variable_problems
from ansible_collections.mai.clients.plugins.plugin_utils._variables import fault

from tests.unit.plan.situations import NOW, client, converged, nothing
from tests.unit.plan.test_variables import CLIENT as EVERY_VARIABLE

PLACE = "sftp:backup@vault.example.org:/srv/company-abc"
PROGRAM = "the program"


def wanted(**changes: t.Any) -> dict[str, t.Any]:
    return client(**{"mai_backup_repository": PLACE, "mai_backup_recovery": True, **changes})


def moment(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def set_up(variables: t.Mapping[str, t.Any], hours: float | None = 3, **state: t.Any) -> dict[str, t.Any]:
    """A look at a client that is backed up as it is wanted, so many hours ago."""
    seen = converged(client())
    noted = {"repository": variables["mai_backup_repository"], "error": None, "warning": None, "left_out": 0}
    noted["last_success"] = None if hours is None else moment(hours)
    seen["backup"] = {
        "installed": True,
        "program": sha256(PROGRAM),
        "settings": digest_of(backup.public_settings(variables)),
        "stamp": variables["mai_backup_stamp"],
        "client": variables["slug"],
        "metrics": [],
        "units": {end: sha256(text) for end, text in backup.unit_files(variables).items()},
        "timer_active": True,
        "next": "tomorrow",
        "running": False,
        "restic": True,
        "state": {**noted, **state},
    }
    return seen


def planned(variables: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return backup.backup(variables, seen, PROGRAM, NOW)


def test_nothing_is_due_of_what_is_as_it_should_be() -> None:
    assert planned(wanted(), set_up(wanted()))["due"] is False
    assert planned(client(), converged(client()))["due"] is False


def test_a_client_without_one_gets_it_set_up_and_made() -> None:
    plan = planned(wanted(), converged(client()))
    assert plan["why"] == ["it is not set up", "there is no backup yet"]
    assert plan["differs"] and plan["first"]


@pytest.mark.parametrize(
    ("part", "value", "why", "tried"),
    [
        ("program", "0" * 64, "its program", False),
        # What may not open the repository any more shows now, and not at night
        ("settings", "0" * 64, "settings", True),
        ("stamp", "ffff", "passwords", True),
        ("units", {}, "its time", False),
        ("timer_active", False, "its timer is not active", False),
    ],
)
def test_what_differs_is_put_right(part: str, value: t.Any, why: str, tried: bool) -> None:
    seen = set_up(wanted())
    seen["backup"][part] = value
    plan = planned(wanted(), seen)
    assert plan["why"] == [why] and plan["first"] == tried


@pytest.mark.parametrize(
    "changes",
    [
        {"mai_backup_repository": "/srv/elsewhere"},
        {"mai_backup_time": "04:30"},
        {"mai_backup_random_delay": "5min"},
        {"mai_backup_keep": {}},
        {"mai_backup_metrics_dir": "/var/metrics"},
    ],
)
def test_every_variable_counts(changes: dict[str, t.Any]) -> None:
    assert planned(wanted(**changes), set_up(wanted()))["differs"]


def test_another_place_has_no_backup_yet() -> None:
    assert planned(wanted(mai_backup_repository="/srv/elsewhere"), set_up(wanted()))["first"]


def test_what_is_not_wanted_any_more_is_removed() -> None:
    plan = planned(client(), set_up(wanted()))
    assert plan["removes"] and plan["due"] and not plan["wanted"]


USUAL, _OTHER = (f"{folder}/mai_clients_backup_company-abc.prom" for folder in settings.METRICS)
OWN = "/var/metrics/mai_clients_backup_company-abc.prom"


@pytest.mark.parametrize(
    ("before", "there", "now", "left"),
    [
        (None, [USUAL], None, []),
        ("/var/metrics", [OWN], "/var/metrics", []),
        (None, [USUAL], "/var/metrics", [USUAL]),
        ("/var/metrics", [OWN], None, [OWN]),
        ("/var/metrics", [], None, []),
    ],
)
def test_what_monitoring_was_told_goes_with_the_backups_and_moves_with_its_folder(
    before: str | None, there: list[str], now: str | None, left: list[str]
) -> None:
    seen = set_up(wanted(mai_backup_metrics_dir=before))
    seen["backup"]["metrics"] = there
    assert planned(wanted(mai_backup_metrics_dir=now), seen)["metrics_left"] == left
    # By what was set up, whatever the inventory says by now
    assert planned(client(), seen)["metrics"] == [*dict.fromkeys([*there, USUAL, _OTHER])]


@pytest.mark.parametrize(
    ("hours", "state", "said"),
    [
        (3, {}, []),
        (None, {}, []),
        (26.5, {}, ["its last backup is 26 h old: see journalctl -u mai-companyabc-backup on its machine"]),
        (80, {}, ["its last backup is 3 days old: see journalctl -u mai-companyabc-backup on its machine"]),
        (3, {"error": "It is locked.", "error_time": "now"}, ["its last backup failed (now): It is locked."]),
        (3, {"error": "It is locked.", "error_time": "now", "repository": "/another"}, []),
        (3, {"warning": "Old ones were not removed."}, ["Old ones were not removed."]),
        (3, {"left_out": 2}, ["its backups leave out 2 things in its data that are no files, or nested too deeply"]),
    ],
)
def test_what_is_wrong_with_the_last_ones(hours: float | None, state: dict[str, t.Any], said: list[str]) -> None:
    assert [*backup.warnings(wanted(), set_up(wanted(), hours, **state), NOW)] == said


@pytest.mark.parametrize(
    ("place", "own"),
    [
        ("/srv/backup", True),
        ("sftp:root@192.0.2.7:/srv", True),
        ("sftp://localhost//srv", True),
        (PLACE, False),
        ("rest:https://192.0.2.7/abc", False),
        ("s3:https://s3.example.org/abc", False),
    ],
)
def test_a_place_on_its_own_machine_is_a_warning_in_every_report(place: str, own: bool) -> None:
    variables = wanted(mai_backup_repository=place)
    assert any("are lost with it" in said for said in backup.warnings(variables, set_up(variables), NOW)) == own


def test_without_a_recovery_key_it_is_said() -> None:
    variables = wanted(mai_backup_recovery=False)
    [said] = backup.warnings(variables, set_up(variables), NOW)
    assert "set mai_backup_recovery_password" in said


def test_what_stands_in_the_way_of_backups() -> None:
    seen = nothing()
    seen["machine"]["systemd"] = False
    assert [*backup.problems(client(), seen)] == []
    [said] = backup.problems(wanted(), seen)
    assert "systemd does not run there" in said
    seen = nothing()
    seen["machine"]["system_id"] = "fedora"
    [said] = backup.problems(wanted(), seen)
    assert "restic is missing" in said


@pytest.mark.parametrize(
    "place",
    [
        *("/srv/backup", "sftp:host:relative", "sftp:u@host:/srv/a b".replace(" ", "_"), "sftp://u@host:2222//srv"),
        *("rest:https://host:8000/abc", "rest:http://host/", "s3:https://s3.example.org/bucket/abc"),
        *("s3:s3.amazonaws.com/bucket", "sftp:[2001:db8::1]:/srv"),
    ],
)
def test_places_that_are_accepted(place: str) -> None:
    assert fault("mai_backup_repository", place) is None


@pytest.mark.parametrize(
    "place",
    [
        *(
            "relative",
            "/srv/../etc",
            "sftp:-oProxyCommand=x:/srv",
            "sftp:u@-x:/srv",
            "sftp:u:pass@host:/srv",
            "sftp:host",
        ),
        *(
            "sftp:host:/srv;touch x",
            "rest:https://u:p@host/",
            "rest:host/abc",
            "s3:https://host",
            "b2:bucket",
            "rclone:x:y",
        ),
        *("s3:bucket name/x", "rest:https://host/?a=b", 5, ["/srv"]),
    ],
)
def test_places_that_are_refused(place: t.Any) -> None:
    said = fault("mai_backup_repository", place)
    assert said and "pass@" not in said and "u:p@" not in said


def test_two_clients_do_not_share_a_repository() -> None:
    def said(own: str, theirs: str, **machine: str) -> list[str]:
        others = {"company-abc": {"ansible_host": "a"}, "globex": {"mai_backup_repository": theirs, **machine}}
        return variable_problems({**EVERY_VARIABLE, "mai_backup_repository": own}, others, sorted(others))

    assert said(PLACE, PLACE + "/", ansible_host="b") == [
        "mai_backup_repository is also that of globex: each client needs one of its own"
    ]
    assert said("/srv/one", "/srv/one", ansible_host="a")
    assert not said("/srv/one", "/srv/one", ansible_host="b")
    assert not said("/srv/one", "/srv/two", ansible_host="a")


def test_a_repository_in_the_clients_own_directory_is_refused() -> None:
    inside = {**EVERY_VARIABLE, "mai_backup_repository": "/opt/mai/deployments/client-company-abc/backups"}
    found = variable_problems(inside, {"company-abc": {}}, ["company-abc"])
    assert any("lies in mai_deployment_dir" in said for said in found)


@pytest.mark.parametrize(
    ("password", "recovery", "environment", "said"),
    [
        ("secret", None, {}, ""),
        ("secret", "other", {"AWS_ACCESS_KEY_ID": "x"}, ""),
        (None, None, {}, "mai_backup_password is missing"),
        (5, None, {}, "mai_backup_password: it is not text"),
        ("se\ncret", None, {}, "mai_backup_password: it has a line break"),
        (" secret", None, {}, "mai_backup_password: it has a line break, or blanks"),
        ("secret", "secret", {}, "is that of the client itself"),
        ("secret", None, {"RESTIC_PASSWORD": "x"}, "may not set RESTIC_PASSWORD"),
        ("secret", None, {"LD_PRELOAD": "x"}, "may not set LD_PRELOAD"),
        ("secret", None, {"a b": "x"}, "a name that is none"),
        ("secret", None, ["x"], "is no mapping"),
        ("secret", None, {"AWS_ACCESS_KEY_ID": {}}, "AWS_ACCESS_KEY_ID is not text"),
    ],
)
def test_what_is_wrong_with_passwords_is_said_without_them(
    password: t.Any, recovery: t.Any, environment: t.Any, said: str
) -> None:
    found = backup_fault(PLACE, password, recovery, environment)
    assert said in found if said else found == ""
    assert "cret" not in found.replace("secret_", "")


def test_a_stamp_changes_with_the_passwords_and_is_too_short_to_guess_by() -> None:
    stamps = {backup_stamp("abc", password, None, {}) for password in map(str, range(50))}
    assert len(stamps) > 45 and all(len(stamp) == 4 for stamp in stamps)
    assert backup_stamp("abc", "x", None, {"B": "1", "A": 2}) == backup_stamp("abc", "x", "", {"A": "2", "B": 1})


def test_the_files_are_what_the_look_compares(tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = wanted(
        mai_deployment_dir=str(tmp_path), mai_backup_stamp=backup_stamp("company-abc", "p", "r", {"A": 1})
    )
    plan = planned(variables, nothing())
    files = {one["path"]: one for one in backup_files(plan, str(tmp_path), "p", "r", {"A": 1})}
    (tmp_path / ".backup").mkdir()
    (tmp_path / ".backup" / "settings.json").write_text(files[f"{tmp_path}/.backup/settings.json"]["content"])
    found = settings.load(str(tmp_path))
    assert digest_of(found["public"]) == digest_of(backup.public_settings(variables))
    assert settings.stamp("company-abc", found["secrets"]) == variables["mai_backup_stamp"]
    secret = [path for path, one in files.items() if '"password": "p"' in one["content"]]
    assert secret == [f"{tmp_path}/.backup/settings.json"] and files[secret[0]]["secret"] is True


# --- the way back

SNAPSHOT = {"id": "ab" * 32, "short_id": "abababab", "time": "2026-11-28T03:00:00Z", "tags": [], "path": "/x"}
FETCHED: dict[str, t.Any] = {
    "snapshot": SNAPSHOT,
    "noted": {"client": "company-abc", "image": {"reference": "mai:1.4", "id": None}},
    "counts": {"user": 3, "client_organizations": 1},
    "schema_revision": "two",
    "organizations": ["company-abc-001"],
    "suspended": False,
    "faults": [],
    "other_secret_key": False,
    "unread": None,
}
DATABASE = {"users": 3, "path": "postgresql://db.example/x", "error": None}
ASKED = {"restore_to": "", "keys": None, "revisions": "two, one", "image": "mai:1.4", "database": DATABASE}


def restoring(fetched: t.Any = None, asked: t.Any = None, seen: t.Any = None, **variables: t.Any) -> dict[str, t.Any]:
    there = seen or set_up(wanted())
    plan = {"backup": planned(wanted(**variables), there)}
    return restore.restoring(wanted(**variables), there, plan, fetched or FETCHED, asked or ASKED)


def test_a_whole_snapshot_of_the_client_is_put_in_place() -> None:
    assert restoring()["refusal"] == "" and restoring()["faults"] == []
    assert "would be restored from snapshot abababab of 2026-11-28T03:00:00Z" in restoring()["summary"][0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"faults": ["the table user has 2 rows, and had 3"]}, "the table user has 2 rows"),
        ({"noted": {"client": "globex", "image": None}}, "it is one of globex"),
        ({"organizations": ["globex-001"]}, "its database is not that of company-abc-001, but of globex-001"),
        ({"schema_revision": "three"}, "revision three, which mai:1.4 does not know: it is of a newer release"),
        ({"schema_revision": "two, three"}, "revision three"),
        ({"schema_revision": "one"}, ""),
        ({"schema_revision": None}, ""),
        ({"organizations": []}, ""),
        ({"unread": "Its container does not run."}, "could not be looked through: Its container does not run."),
    ],
)
def test_what_is_not_put_in_place(changes: dict[str, t.Any], said: str) -> None:
    faults = restoring({**copy.deepcopy(FETCHED), **changes})["faults"]
    assert any(said in fault for fault in faults) if said else faults == []


@pytest.mark.parametrize(
    ("kind", "there", "users", "asked", "puts"),
    [
        ("sqlite", True, 3, None, False),  # it comes with the data
        ("postgresql", True, 3, None, True),
        ("postgresql", False, 0, None, True),
        ("external", True, 3, None, True),
        ("external", False, 0, None, True),
        ("external", False, 3, None, False),  # it outlived its machine
        ("external", False, 3, True, True),
        ("external", True, 3, False, False),
    ],
)
def test_a_postgresql_is_put_back_but_for_one_that_outlived_its_machine(
    kind: str, there: bool, users: int, asked: t.Any, puts: bool
) -> None:
    url = {"mai_database_url": "postgresql://db.example/x"} if kind == "external" else {}
    seen = set_up(wanted()) if there else nothing()
    with_database = {**ASKED, "restore_database": asked, "database": {**DATABASE, "users": users}}
    found = restoring(asked=with_database, seen=seen, mai_database=kind, **url)
    assert found["puts_database"] is puts
    left = "the database postgresql://db.example/x is left as it is" in " ".join(found["summary"])
    assert left is (not puts and kind != "sqlite")
    assert found["counts"] == ({} if left else FETCHED["counts"])


@pytest.mark.parametrize(("now", "lost"), [("f00", False), ("old", True)])
def test_a_key_that_was_replaced_after_the_snapshot_is_said(now: str, lost: bool) -> None:
    asked = {**ASKED, "keys": [{"hash": "f00", "disabled": False}], "key_hash": now}
    done = {"counts": {"user": 3}, "aside": None}
    plan = {"backup": planned(wanted(), nothing())}
    said = " ".join(restore.restoring(wanted(), nothing(), plan, FETCHED, asked, done)["summary"])
    assert ("-e replace_lost_key=true" in said) is lost


def test_a_database_elsewhere_that_does_not_answer_is_no_place_for_a_client() -> None:
    down = {**ASKED, "database": {**DATABASE, "error": "It does not answer."}}
    assert "It does not answer." in restoring(asked=down, mai_database="external", mai_database_url="x")["faults"]


def test_an_instance_without_its_database_is_stopped_all_the_same() -> None:
    seen = set_up(wanted())
    seen["database"] |= {"exists": False, "organizations": []}
    assert restoring(seen=seen)["there"]
    assert not restoring(seen=nothing())["there"]


def test_a_suspended_client_stays_so_on_a_machine_that_does_not_know_it() -> None:
    fetched = {**FETCHED, "suspended": True}
    assert restoring(fetched, seen=nothing())["key"] == {"hash": None, "disabled": True}
    assert not restoring(fetched)["key"]["disabled"]
    known = {"hash": "f00", "disabled": False}
    assert restoring(fetched, {**ASKED, "keys": [known]}, nothing())["key"] == known


def test_an_image_that_knows_nothing_of_revisions_takes_any() -> None:
    assert restoring(asked={**ASKED, "revisions": ""})["faults"] == []


def test_what_is_not_touched() -> None:
    seen = set_up(wanted())
    seen["directory"].update(managed=False, managed_by="globex", empty=False)
    assert "belongs to globex" in restoring(seen=seen)["refusal"]
    seen = set_up(wanted())
    seen["directory"]["upgrading"] = True
    assert "run upgrade_client.yml first" in restoring(seen=seen)["refusal"]
    assert "has no mai_backup_repository" in restoring(mai_backup_repository=None)["refusal"]


def test_on_another_machine_it_takes_the_image_that_the_data_were_used_with() -> None:
    fresh = nothing()
    fetched = {**FETCHED, "noted": {"client": "company-abc", "image": {"reference": "mai:1.3", "id": None}}}
    there = restoring(fetched, {**ASKED, "restore_to": "other"}, fresh)
    assert there["takes_image"] and there["image"] == "mai:1.3" and not there["there"]
    assert not restoring(fetched)["takes_image"]


@pytest.mark.parametrize(
    ("live", "faults", "said"),
    [
        (None, 0, "holds 3 × user, 1 × client_organizations"),
        ({"counts": {"user": 5, "client_organizations": 1}, "organizations": ["company-abc-001"]}, 0, "+2 user"),
        ({"counts": {"user": 3}, "organizations": ["globex-001"]}, 1, "holds"),
    ],
)
def test_a_trial_says_what_it_found(live: t.Any, faults: int, said: str) -> None:
    found = restore.verified(wanted(), FETCHED, live)
    assert len(found["faults"]) == faults and said in found["summary"]


def test_an_empty_table_of_people_is_a_fault() -> None:
    live = {"counts": {"user": 5}, "organizations": ["company-abc-001"]}
    found = restore.verified(wanted(), {**FETCHED, "counts": {"user": 0}}, live)
    assert found["faults"] == ["the table user is empty, that of the instance is not."]
