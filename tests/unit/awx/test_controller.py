# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a controller's API: who is logged in, where it is, and what is said when it does not do as it is asked."""

from __future__ import annotations

import json
import traceback
import typing as t

import httpx
import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._awx import controller as way
from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import (
    Controller,
    ControllerError,
    Login,
    login,
)

from tests.unit.awx.fakes import HOST, TOKEN, Awx

SECRET = "p4ss-word-of-somebody"


def refused(work: t.Callable[[], t.Any]) -> str:
    with pytest.raises(ControllerError) as failure:
        work()
    told = "".join(traceback.format_exception(failure.value))
    assert TOKEN not in told and SECRET not in told
    return str(failure.value)


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"HOST": HOST, "OAUTH_TOKEN": TOKEN}, Login(HOST, token=TOKEN)),
        ({"HOST": "awx.test/", "USERNAME": "u", "PASSWORD": SECRET}, Login(HOST, username="u", password=SECRET)),
        ({"HOST": HOST, "OAUTH_TOKEN": TOKEN, "VERIFY_SSL": "False"}, Login(HOST, token=TOKEN, verify=False)),
        ({"HOST": HOST, "OAUTH_TOKEN": f"{TOKEN}\n", "VERIFY_SSL": ""}, Login(HOST, token=TOKEN)),
    ],
)
@pytest.mark.parametrize("whose", ["CONTROLLER", "TOWER"])
def test_the_log_in(environ: dict[str, str], found: Login, whose: str) -> None:
    given = {f"{whose}_{name}": value for name, value in environ.items()}
    empty = {f"CONTROLLER_{name}": "" for name in environ} if whose == "TOWER" else {}
    assert login({**empty, **given}) == found
    assert SECRET not in repr(found) and TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "where AWX is (CONTROLLER_HOST): attach a credential of the type Red Hat Ansible Automation Platform"),
        ({"HOST": HOST}, "as whom to log in"),
        ({"HOST": HOST, "USERNAME": "u", "PASSWORD": ""}, "as whom to log in"),
        ({"HOST": f"https://u:{SECRET}@awx.test", "OAUTH_TOKEN": TOKEN}, "must be a plain URL"),
        ({"HOST": HOST, "OAUTH_TOKEN": f"{TOKEN} {SECRET}"}, "that no token has"),
    ],
)
def test_a_log_in_that_is_none(environ: dict[str, str], said: str) -> None:
    assert said in refused(lambda: login({f"CONTROLLER_{name}": value for name, value in environ.items()}))


@pytest.mark.parametrize("gateway", [False, True])
def test_the_api_is_found(gateway: bool) -> None:
    awx = Awx()
    awx.gateway = gateway
    awx.inventory()
    with awx.controller() as controller:
        assert len(controller.all("/inventories/")) == len(controller.all("/inventories/")) == 1
    base = "/api/controller/v2" if gateway else "/api/v2"
    asked = [one.url.path for one in awx.requests]
    assert asked == ["/api/", *(["/api/controller/"] if gateway else []), *[f"{base}/inventories/"] * 2]


def test_all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    awx = Awx()
    for number in range(401):
        awx.inventory(f"Inventory {number}")
    assert len(awx.controller().all("/inventories/")) == 401
    assert len(awx.requests) == 4
    monkeypatch.setattr(way, "MAX_PAGES", 2)
    assert "the list has no end" in refused(lambda: awx.controller().all("/inventories/"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            httpx.Response(301, headers={"Location": f"https://evil.test/{TOKEN}"}),
            "answered 301. This is not AWX's API",
        ),
        (httpx.Response(200, text="<html>"), "answered 200. This is not AWX's API"),
        (httpx.Response(200, json=[1]), "answered 200. This is not AWX's API"),
        (httpx.Response(400, json={"x": SECRET}), "answered 400. AWX does not accept it"),
        (httpx.Response(401, json={"detail": SECRET}), "answered 401. AWX does not take the token"),
        (httpx.Response(403, json={}), "give them the role for it, of an inventory Admin"),
        (httpx.Response(404, json={}), "or the user who is logged in may not see it"),
        (httpx.Response(418, text=SECRET), "answered 418. AWX refuses"),
        (httpx.Response(503, text=SECRET), "answered 503. AWX cannot do it now"),
    ],
)
def test_what_is_answered_is_told_in_our_words(answer: httpx.Response, said: str) -> None:
    awx = Awx()
    awx.before = lambda request: answer if request.url.path.startswith("/api/v2/") else None
    told = refused(lambda: awx.controller().get("/inventories/"))
    assert said in told and told.startswith(f"GET {HOST}/api/v2/inventories/")
    assert all(one.url.host == "awx.test" for one in awx.requests)


def test_a_change_whose_answer_is_lost_is_told_as_that() -> None:
    awx = Awx()
    awx.before = lambda request: httpx.Response(502) if request.method == "POST" else None
    assert "Whether it was done is not known" in refused(lambda: awx.controller().post("/hosts/", {"name": "x"}))


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_no_answer(failure: type[httpx.HTTPError]) -> None:
    def fail(request: httpx.Request) -> t.NoReturn:
        raise failure(f"failed with Bearer {TOKEN}")

    awx = Awx()
    awx.before = fail
    told = refused(lambda: awx.controller().get("/inventories/"))
    assert f"no answer ({failure.__name__})" in told and "CONTROLLER_HOST" in told


@pytest.mark.parametrize("version", [None, "https://evil.test/api/v2/", "/api/v3/", "/api/../v2", {"a": 1}])
def test_what_is_no_api(version: t.Any) -> None:
    awx = Awx()
    awx.before = lambda request: httpx.Response(200, json={"current_version": version})
    assert "not" in refused(lambda: awx.controller().get("/inventories/"))
    assert len(awx.requests) == 1


def test_a_missing_httpx_names_the_definition_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "HAS_HTTPX", False)
    assert "meta/execution-environment.yml" in refused(lambda: Controller(Login(HOST, token=TOKEN)))


def test_a_proxy_that_cannot_be_read_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://u:{SECRET}@[proxy")
    monkeypatch.delenv("https_proxy", raising=False)
    assert "HTTPS_PROXY" in refused(lambda: Controller(Login(HOST, token=TOKEN)))


def test_a_link_of_an_object_stays_within_the_api() -> None:
    with Awx().controller() as controller:
        assert controller.related("/api/v2/job_templates/9/survey_spec/") == "/job_templates/9/survey_spec/"
        for link in ("/api/v1/x/", "/elsewhere/", "https://evil.example/api/v2/x/", "/api/v2/../v1/", None):
            assert "CONTROLLER_HOST" in refused(lambda link=link: controller.related(link))


@pytest.mark.parametrize("content", [b'["playbooks/site.yml"]', b"[]"])
def test_names_without_pages(content: bytes) -> None:
    awx = Awx()
    awx.before = lambda request: (
        httpx.Response(200, content=content) if request.url.path.endswith("/playbooks/") else None
    )
    with awx.controller() as controller:
        assert controller.names("/projects/3/playbooks/") == json.loads(content)


@pytest.mark.parametrize("content", [b"{}", b"[1]", b'"x"', b'[], "more": ["x"]', b""])
def test_what_are_no_names(content: bytes) -> None:
    awx = Awx()
    awx.before = lambda request: (
        httpx.Response(200, content=content) if request.url.path.endswith("/playbooks/") else None
    )
    with awx.controller() as controller:
        assert "This is not AWX's API" in refused(lambda: controller.names("/projects/3/playbooks/"))
