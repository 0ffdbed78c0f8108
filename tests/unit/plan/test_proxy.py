# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a client: who is published and when, what Caddy is given, and what an operator reads."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance.site import served as site_name
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.plugin_utils._plan import proxy
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import variable_problems

from tests.unit.plan.situations import (
    NATIVE,
    PUBLISHED,
    TEMPLATES,
    account_key,
    changed,
    client,
    converged,
    nothing,
    planned,
)

URL = "https://mai-companyabc.example.com"
RECORD = "mai-companyabc.example.com A 192.0.2.7"
NO_SITE = {"exists": False, "ours": False, "pending": False, "sha256": None, "lines": []}
NOT_YET = {"proxy/site": NO_SITE, "proxy/answer": None}
OWN = {"mai_tls": "files", "mai_tls_certificate": "remote:/etc/ssl/a.crt", "mai_tls_key": "remote:/etc/ssl/a.key"}
READ = {"sha256": "0" * 64, "error": None}


def address(
    changes: t.Mapping[str, t.Any] | None = None, suspended: bool = False, **variables: t.Any
) -> dict[str, t.Any]:
    """The plan of a published client that differs from one that is as it should be."""
    wanted = client(**PUBLISHED, **variables)
    keys = [account_key(disabled=True)] if suspended else None
    return planned(wanted, changed(converged(client(**PUBLISHED)), changes or {}), keys)["plan"]


def site(**variables: t.Any) -> str:
    return address({"proxy/files": {"certificate": READ, "key": READ}}, **variables)["proxy"]["text"]


def test_what_is_published_stays_as_it_is() -> None:
    plan = address()
    assert plan["proxy"]["due"] is False and plan["changes"] == []
    assert plan["machine"]["caddy"] is False


def test_the_site() -> None:
    text = site()
    assert text.startswith("# mai.clients.client: company-abc\n") and "\nmai-companyabc.example.com {\n" in text
    assert "\treverse_proxy 127.0.0.1:8001\n}\n" in text and "max_size 1GB" in text
    # Caddy's own, or the operator's
    assert "tls" not in text and "max-age=31536000" in text
    # With it, Caddy 2.6 dies of a reload while somebody streams
    assert "flush_interval -1" not in text.replace("No flush_interval: with -1", "")


@pytest.mark.parametrize(
    ("variables", "has", "has_not"),
    [
        ({"mai_tls": "internal"}, "\ttls internal\n", "Strict-Transport-Security"),
        ({"mai_acme_email": "it@a.example"}, '\ttls "it@a.example"\n', "issuer"),
        (
            {
                "mai_acme_directory": "https://acme.example/dir",
                "mai_acme_ca_root": "root.crt",
                "mai_acme_email": "a@b.c",
            },
            '\t\tissuer acme {\n\t\t\tdir "https://acme.example/dir"\n\t\t\temail "a@b.c"\n'
            '\t\t\ttrusted_roots "/etc/caddy/mai.d/company-abc.root.crt"\n\t\t}\n',
            "internal",
        ),
        (OWN, '\ttls "/etc/ssl/a.crt" "/etc/ssl/a.key"\n', "mai.d/company"),
        (
            {"mai_tls": "files", "mai_tls_certificate": "a.crt", "mai_tls_key": "a.key"},
            '\ttls "/etc/caddy/mai.d/company-abc.pem" "/etc/caddy/mai.d/company-abc.pem"\n',
            "acme",
        ),
        (
            {"mai_tls": "files", "mai_tls_certificate": "remote:/etc/ssl/a.crt", "mai_tls_key": "a.key"},
            '\ttls "/etc/ssl/a.crt" "/etc/caddy/mai.d/company-abc.key"\n',
            "acme",
        ),
        ({"mai_upload_limit": "200MB", "mai_port": 8007}, "max_size 200MB", "127.0.0.1:8001"),
    ],
)
def test_what_the_variables_make_of_it(variables: dict, has: str, has_not: str) -> None:
    text = site(**variables)
    assert has in text and has_not not in text


def test_streams_outlive_a_reload_where_caddy_can_do_that() -> None:
    assert "stream_close_delay" in address({"proxy/version": "v2.8.4"})["proxy"]["text"]
    assert "stream_close_delay" not in address({"proxy/version": "2.6.2"})["proxy"]["text"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (NOT_YET, "it is not published yet"),
        ({"proxy/site/sha256": "0" * 64}, "its site differs"),
        ({"proxy/site/pending": True}, "Caddy may not have taken its site"),
        ({"proxy/imports": False}, "Caddy's configuration does not have it"),
        ({"proxy/active": False}, "Caddy does not run"),
    ],
)
def test_why_caddy_has_to_be_told(changes: dict, why: str) -> None:
    plan = address(changes)
    assert plan["proxy"]["why"] == [why] and plan["changes"] == ["proxy"]
    [said] = plan["would"]
    assert URL in said


def test_a_new_client_is_published_by_its_first_run() -> None:
    found = {**proxy.NOTHING, "names": [{"address": "192.0.2.7", "own": True}]}
    plan = planned(client(**PUBLISHED), {**nothing(), "proxy": found}, [])["plan"]
    assert plan["proxy"]["due"] and plan["machine"]["caddy"] and plan["problems"] == []
    assert "proxy" in plan["changes"] and "Would install caddy." in plan["would"]
    assert any(said.startswith(f"Would publish {URL}, once") for said in plan["would"])


@pytest.mark.parametrize(
    ("changes", "variables", "held"),
    [
        (
            {"proxy/names": []},
            {},
            f"its name does not resolve on the machine: create the DNS record {RECORD}, then run again",
        ),
        (
            {"proxy/names": [{"address": "198.51.100.9", "own": False}]},
            {},
            "its name resolves to 198.51.100.9, which the machine does not have, and no certificate would come: create "
            f"the DNS record {RECORD}, then run again; behind a router or a load balancer, name its address in "
            "mai_public_addresses",
        ),
        # One that leads elsewhere is enough: whoever checks the name takes either
        (
            {"proxy/names": [{"address": "192.0.2.7", "own": True}, {"address": "2001:db8::9", "own": False}]},
            {},
            "its name resolves to 2001:db8::9, which",
        ),
        ({"database/administrators": 0, "database/users": 0}, {"mai_admin_email": None}, "it has no administrator"),
        ({"health/accounts": False}, {}, "its people do not sign in, so anybody could use it"),
        ({"probe/signup_closed": False}, {}, "strangers can sign up: switch it off under Settings, General"),
        ({"probe/signup_closed": None, "health/signup_enabled": True}, {}, "strangers can sign up"),
        ({"probe/signup_closed": None, "health/signup_enabled": None}, {}, "whether strangers can sign up could not"),
    ],
)
def test_who_is_not_published_yet(changes: dict, variables: dict, held: str) -> None:
    plan = address({**NOT_YET, **changes}, **variables)
    assert plan["proxy"]["held"].startswith(held) and plan["proxy"]["due"] is False
    # Whether that holds shows once the instance runs
    assert plan["proxy"]["visited"]
    assert plan["proxy"]["text"] == "" and plan["machine"]["caddy"] is False
    assert any(note.startswith(f"{URL} is not published yet: {held}") for note in plan["notes"])


@pytest.mark.parametrize("changes", [{"proxy/names": []}, {"probe/signup_closed": False}, {"health/accounts": None}])
def test_what_is_published_is_not_taken_away_for_what_may_pass(changes: dict) -> None:
    assert address(changes)["proxy"]["due"] is False
    assert address(changes)["proxy"]["text"] == address()["proxy"]["text"]


NEXT = "chat.example.com"
RENAMED = {**PUBLISHED, "mai_fqdn": NEXT}


def renamed(changes: dict[str, t.Any], **variables: t.Any) -> dict[str, t.Any]:
    """A published client whose inventory names another address by now."""
    seen = changed(converged(client(**PUBLISHED)), changes)
    return planned(client(**{**RENAMED, **variables}), seen)


def test_another_name_waits_for_its_record_and_the_client_stays_where_it_is() -> None:
    result = renamed({"proxy/names": []})
    plan, [check] = result["plan"], [one for one in result["checks"] if one["name"] == "address over HTTPS"]
    # Files, Caddy, and what people are told say the same name; the hand-over has the record to create
    assert plan["changes"] == ["hand-over"] and plan["instance"]["fqdn"] == PUBLISHED["mai_fqdn"]
    assert plan["proxy"]["text"] == address()["proxy"]["text"] and plan["address"]["url"] == URL
    said = (
        f"{URL} is served, and https://{NEXT} not yet: its name does not resolve on the machine: create the DNS record"
    )
    assert check["status"] == "unknown" and check["detail"].startswith(f"{said} {NEXT} A 192.0.2.7, then run again")
    assert any(note.startswith(said) for note in plan["notes"])
    # What else differs is done, and said
    plan = renamed({"proxy/names": []}, mai_port=8007)["plan"]
    assert plan["instance"]["settings_differ"] == [] and plan["instance"]["due"] and plan["proxy"]["due"]
    assert f"Would not publish https://{NEXT} yet: its name does not" in plan["would"][-1]


@pytest.mark.parametrize(
    ("changes", "variables"),
    [
        ({}, {}),
        ({"proxy/names": []}, {"mai_tls": "internal"}),
        # No reason to take from people what they have: it is no more public than before
        ({"probe/signup_closed": False}, {}),
        # Decided by a run that was killed before Caddy knew
        ({"proxy/names": [], "settings/WEBUI_URL": sha256(f"https://{NEXT}")}, {}),
    ],
)
def test_another_name_that_leads_to_the_machine_is_taken_everywhere(changes: dict, variables: dict) -> None:
    plan = renamed(changes, **variables)["plan"]
    assert plan["instance"]["fqdn"] == NEXT and plan["instance"]["due"] and plan["address"]["url"] == f"https://{NEXT}"
    assert f"{NEXT} {{" in plan["proxy"]["text"] and plan["proxy"]["why"] == ["its site differs"]
    assert plan["proxy"]["held"] == ""


def test_the_name_that_is_served() -> None:
    assert site_name([*address()["proxy"]["text"].replace("\t", "␉").splitlines()]) == PUBLISHED["mai_fqdn"]
    assert site_name(["# nothing {", "\theader {"]) == ""


@pytest.mark.parametrize(
    ("found", "variables"),
    [
        ([{"address": "203.0.113.7", "own": False}], {"mai_public_addresses": ["203.0.113.7"]}),
        # By which Ansible reaches it
        ([{"address": "192.0.2.7", "own": False}], {}),
        ([], {"mai_tls": "internal"}),
    ],
)
def test_names_that_lead_to_the_machine(found: list, variables: dict) -> None:
    assert address({**NOT_YET, "proxy/names": found}, **variables)["proxy"]["due"]


@pytest.mark.parametrize(
    ("variables", "found", "record"),
    [
        ({}, [], RECORD),
        (
            {"machine": "host.example"},
            ["192.0.2.8", "2001:db8::8"],
            "A 192.0.2.8 and mai-companyabc.example.com AAAA 2",
        ),
        ({"mai_public_addresses": ["203.0.113.7"]}, [], "mai-companyabc.example.com A 203.0.113.7"),
        ({"machine": "127.0.0.1"}, [], "A (the machine's public address)"),
    ],
)
def test_the_record_to_create(variables: dict, found: list, record: str) -> None:
    assert record in proxy.dns_record(client(**PUBLISHED, **variables), {"addresses": found})


@pytest.mark.parametrize(
    ("changes", "variables", "problem"),
    [
        (
            {"proxy/ports": {"443": {"process": "nginx", "caddy": False}}},
            {},
            "port 443 is used by nginx on this machine, and Caddy needs it",
        ),
        (
            {"proxy/ports": {"80": {"process": None, "caddy": False}}},
            {},
            "port 80 is used by a program on this machine",
        ),
        ({"proxy/site/ours": False}, {}, "/etc/caddy/mai.d/company-abc.caddy was not made by this collection"),
        (
            {**NOT_YET, "proxy/version": None, "machine/system_id": "ubuntu", "machine/system_version": "22.04"},
            {},
            "Caddy is missing and ubuntu 22.04 has no package of it",
        ),
        ({**NOT_YET, "proxy/version": None, "machine/root": False}, {}, "Caddy is missing and the connection is not"),
        ({"proxy/unit": False}, {}, "Caddy is on the machine, but no systemd unit"),
        (
            {"proxy/files": {"certificate": READ, "key": {"sha256": None, "error": "Permission denied"}}},
            OWN,
            "mai_tls_key: remote:/etc/ssl/a.key cannot be read on the machine: Permission denied",
        ),
        (
            {"proxy/files": {"certificate": READ, "key": READ}, "proxy/pair_error": "the key x is not that of y"},
            OWN,
            "the certificate of mai-companyabc.example.com: the key x is not that of y",
        ),
    ],
)
def test_what_stands_in_the_way(changes: dict, variables: dict, problem: str) -> None:
    [said] = address(changes, **variables)["problems"]
    assert said.startswith(problem)


def test_a_name_that_is_given_up() -> None:
    plan = planned(client(), changed(converged(client()), {"proxy": converged(client(**PUBLISHED))["proxy"]}))["plan"]
    assert (plan["proxy"]["why"], plan["proxy"]["text"]) == (["it is no longer published"], "")
    assert "Would no longer publish the client: /etc/caddy/mai.d/company-abc.caddy goes." in plan["would"]


def test_a_suspended_client() -> None:
    stopped = {"containers/0/state": "exited"}
    plan = address(stopped, suspended=True)["proxy"]
    assert plan["due"] and 'respond "This service is suspended." 503' in plan["text"]
    assert "reverse_proxy" not in plan["text"]
    # Its people may still read their chats
    assert address(suspended=True)["proxy"]["due"] is False
    assert address({**stopped, **NOT_YET}, suspended=True)["proxy"]["due"] is False


def test_what_another_proxy_has_to_forward() -> None:
    variables = client(**PUBLISHED, mai_proxy="none")
    plan = planned(variables, converged(variables))["plan"]
    assert plan["proxy"]["due"] is False
    lines = plan["summary"]["forward"]
    assert lines[0] == f"{URL} to http://127.0.0.1:8001, or port 8001 of 192.0.2.7; http:// to https://"
    assert any("Upgrade" in line for line in lines) and lines[-1].endswith("requests up to 1GB")
    assert all(line in plan["record"]["text"] for line in lines[1:])


def test_without_a_domain_nothing_is_said() -> None:
    for variables in (client(), client(**NATIVE)):
        result = planned(variables, converged(variables))
        assert result["plan"]["proxy"]["due"] is False and "forward" not in result["plan"]["summary"]
        assert not [check for check in result["checks"] if "address" in check["name"]]


ANSWER: dict[str, t.Any] = {
    "certificate": {"issuer": "E7", "not_before": "2026-11-01T00:00:00Z", "not_after": "2027-01-30T00:00:00Z"},
}
SOON = {"issuer": "E7", "not_before": "2026-09-12T00:00:00Z", "not_after": "2026-12-11T00:00:00Z"}
HOURS = {"issuer": "Own CA", "not_before": "2026-11-28T11:00:00Z", "not_after": "2026-11-28T23:00:00Z"}
NO_CERTIFICATE = {"certificate": None, "verified": False, "status": None, "error": "tlsv1 alert internal error"}


@pytest.mark.parametrize(
    ("changes", "status", "about"),
    [
        ({}, "ok", f"{URL} answers, its certificate is good until 2027-01-30T00:00:00Z"),
        ({"proxy/answer/certificate": SOON}, "failed", "ends 2026-12-11T00:00:00Z: Caddy could not renew it"),
        # Made for hours, and renewed in time
        ({"proxy/answer/certificate": HOURS}, "ok", "good until"),
        ({"proxy/answer/verified": False, "proxy/answer/code": 18}, "unknown", "a certificate of E7 that its machine"),
        (
            {"proxy/answer/verified": False, "proxy/answer/code": 62, "proxy/answer/reason": "Hostname mismatch"},
            "failed",
            "is of no use: Hostname mismatch",
        ),
        ({"proxy/answer/status": 502}, "failed", "answers with 502: Caddy does not reach the instance"),
        (
            {f"proxy/answer/{name}": value for name, value in NO_CERTIFICATE.items()}
            | {"proxy/answer/complaint": "rate limited"},
            "failed",
            "Caddy has no certificate for https://mai-companyabc.example.com: rate limited",
        ),
        ({"proxy/active": False}, "failed", "Caddy does not run"),
        ({**NOT_YET}, "failed", "is not published: run onboard_client.yml"),
    ],
)
def test_whether_the_address_answers(changes: dict, status: str, about: str) -> None:
    result = planned(client(**PUBLISHED), changed(converged(client(**PUBLISHED)), changes))
    [check] = [check for check in result["checks"] if check["name"] == "address over HTTPS"]
    assert check["status"] == status and about in check["detail"]


@pytest.mark.parametrize(
    ("through", "direct", "status"),
    [(101, 101, "ok"), (400, 101, "failed"), (404, 404, "unknown"), (None, 101, "failed")],
)
def test_whether_web_sockets_pass(through: int | None, direct: int, status: str) -> None:
    seen = {"proxy/answer/websocket": through, "proxy/answer/websocket_direct": direct}
    result = planned(client(**PUBLISHED), changed(converged(client(**PUBLISHED)), seen))
    [check] = [check for check in result["checks"] if check["name"] == "web socket through the proxy"]
    assert check["status"] == status


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"mai_tls": "files"}, "mai_tls is files, which takes both mai_tls_certificate and mai_tls_key"),
        ({"mai_tls_key": "a.key"}, "mai_tls_key is used with mai_tls: files only"),
        ({"mai_tls": "internal", "mai_acme_email": "a@b.example"}, "mai_acme_email is used with mai_tls: acme only"),
        ({"mai_acme_ca_root": "a.crt"}, "mai_acme_ca_root is for an ACME directory of your own"),
        (
            {"mai_bind_address": "192.0.2.7"},
            "mai_bind_address is '192.0.2.7', where people would reach the instance past",
        ),
        ({**OWN, "mai_tls_key": "remote:a.key"}, "mai_tls_key is 'remote:a.key': give the path of a PEM file"),
        ({**OWN, "mai_tls_key": "remote:/etc/{$HOME}/a.key"}, "mai_tls_key is 'remote:/etc/{$HOME}/a.key'"),
        ({"mai_upload_limit": "1gb"}, "mai_upload_limit is '1gb': write it as 200MB or 1GB"),
        ({"mai_public_addresses": ["example.org"]}, "mai_public_addresses is a list: give a list of IP addresses"),
        ({"mai_acme_directory": "https://u:p@acme.example"}, "mai_acme_directory has more than host, port and path"),
    ],
)
def test_variables_that_do_not_fit(variables: dict, problem: str) -> None:
    wanted = {**client(**PUBLISHED, **variables)}
    problems = variable_problems(wanted, {"company-abc": {}}, ["company-abc"])
    assert [said for said in problems if said.startswith(problem)]


def test_variables_of_an_address_that_nobody_publishes() -> None:
    for off in ({"mai_domain": None, "mai_fqdn": ""}, {**PUBLISHED, "mai_proxy": "none"}):
        wanted = client(**off, mai_tls="files", mai_bind_address="192.0.2.7")
        assert variable_problems(wanted, {"company-abc": {}}, ["company-abc"]) == []


def test_files_that_were_brought_and_are_others_by_now() -> None:
    variables = {"mai_tls": "files", "mai_tls_certificate": "a.crt", "mai_tls_key": "a.key"}
    wanted = client(**PUBLISHED, **variables)
    seen = converged(wanted)
    parts = planned(wanted, seen)["plan"]["instance"]
    found = changed(seen, {"proxy/files": {"certificate": READ, "key": READ}})
    template = TEMPLATES[proxy.TEMPLATE]
    given = {"certificate": READ, "key": READ, "pair_error": None}
    assert proxy.proxy(wanted, found, parts, False, template, given)["why"] == []
    # Both are one file there
    other = {**given, **dict.fromkeys(("certificate", "key"), {"sha256": "1" * 64, "error": None})}
    assert proxy.proxy(wanted, found, parts, False, template, other)["why"] == ["another certificate or key"]
