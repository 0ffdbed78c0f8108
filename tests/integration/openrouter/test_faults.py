# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of fault, before and after the request takes effect, as a real client sees it."""

from __future__ import annotations

import contextlib
import threading
import time

import httpx
import pytest

from tests.openrouter_simulator import Simulator

CREATE = {"method": "POST", "path": "^/keys$"}


def create(agency: httpx.Client, **more: object) -> httpx.Response:
    return agency.post("/keys", json={"name": "client-company-abc"}, **more)


def last_call(simulator: Simulator) -> tuple[int | None, bool, str | None]:
    call = simulator.control.journal()[-1]
    return call["status"], call["committed"], call["fault"]


@pytest.mark.parametrize(("when", "keys"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("status", [429, 500, 502])
def test_status(agency, simulator: Simulator, when: str, keys: int, status: int) -> None:
    simulator.control.fault(kind="status", status=status, when=when, retry_after=7, **CREATE)
    answer = create(agency)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert answer.json()["error"]["code"] == status
    assert len(simulator.control.all_keys()) == keys
    assert last_call(simulator) == (status, keys == 1, f"status {when}")
    assert create(agency).status_code == 201, "a fault is used up"


@pytest.mark.parametrize(("when", "keys"), [("before", 0), ("after", 1)])
def test_cut(agency, simulator: Simulator, when: str, keys: int) -> None:
    simulator.control.fault(kind="cut", when=when, **CREATE)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        create(agency)
    assert len(simulator.control.all_keys()) == keys
    assert last_call(simulator) == (None, keys == 1, f"cut {when}")
    assert create(agency).status_code == 201


def test_truncated(agency, simulator: Simulator) -> None:
    simulator.control.fault(kind="truncated", **CREATE)
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete|without sending complete"):
        create(agency)
    assert last_call(simulator) == (201, True, "truncated after")


@pytest.mark.parametrize(("when", "keys"), [("before", 0), ("after", 1)])
def test_hang(agency, simulator: Simulator, when: str, keys: int) -> None:
    simulator.control.fault(kind="hang", when=when, **CREATE)
    with pytest.raises(httpx.ReadTimeout):
        create(agency, timeout=0.3)
    assert len(simulator.control.all_keys()) == keys


def test_a_hanging_answer_does_not_hold_up_the_stop() -> None:
    simulator = Simulator().start()
    simulator.control.fault(kind="hang")
    caller = threading.Thread(target=_ignore_errors, args=[lambda: httpx.get(simulator.url + "/keys", timeout=30)])
    caller.start()
    while not simulator.control.journal():
        time.sleep(0.02)
    started = time.monotonic()
    simulator.stop()
    caller.join(5)
    assert not caller.is_alive() and time.monotonic() - started < 1.5


@pytest.mark.parametrize(("kind", "status"), [("garbage", 200), ("html", 502)])
def test_not_json(agency, simulator: Simulator, kind: str, status: int) -> None:
    simulator.control.fault(kind=kind, **CREATE)
    answer = create(agency)
    assert answer.status_code == status
    with pytest.raises(ValueError):
        answer.json()


@pytest.mark.parametrize("when", ["before", "after"])
def test_slow(agency, simulator: Simulator, when: str) -> None:
    simulator.control.fault(kind="slow", seconds=0.4, when=when, **CREATE)
    started = time.monotonic()
    assert create(agency).status_code == 201
    assert time.monotonic() - started >= 0.4


def test_slow_takes_effect_though_the_client_has_left(agency, simulator: Simulator) -> None:
    simulator.control.fault(kind="slow", seconds=0.5, when="before", **CREATE)
    with pytest.raises(httpx.ReadTimeout):
        create(agency, timeout=0.1)
    assert simulator.control.all_keys() == []
    time.sleep(0.8)
    assert len(simulator.control.all_keys()) == 1


@pytest.mark.parametrize(("when", "keys"), [("before", 0), ("after", 1)])
def test_hold_and_release(agency, simulator: Simulator, when: str, keys: int) -> None:
    fault = simulator.control.fault(kind="hold", when=when, **CREATE)
    answers = []
    caller = threading.Thread(target=lambda: answers.append(create(agency)))
    caller.start()
    simulator.control.wait_until_held(fault)
    assert len(simulator.control.all_keys()) == keys and answers == []
    simulator.control.release(fault)
    caller.join(5)
    assert [answer.status_code for answer in answers] == [201]
    assert len(simulator.control.all_keys()) == 1


def test_a_body_that_echoes_secrets(agency, simulator: Simulator) -> None:
    body = '{"error": {"code": 500, "message": "{authorization} {response}"}}'
    simulator.control.fault(kind="status", status=500, when="after", body=body, **CREATE)
    answer = create(agency)
    assert answer.status_code == 500
    assert f"Bearer {simulator.provisioning_key}" in answer.text and '"key":"sk-or-v1-' in answer.text


def test_matching(agency, simulator: Simulator) -> None:
    by_name = simulator.control.fault(kind="status", status=500, method="post", path="/api/v1/keys$", name="~pending-")
    third = simulator.control.fault(kind="status", status=503, method="GET", path="^/keys", skip=2, times=2)
    assert create(agency).status_code == 201
    assert agency.post("/keys", json={"name": "client-x ~pending-1"}).status_code == 500
    assert agency.post("/keys", json={"name": "client-x ~pending-1"}).status_code == 201
    assert [agency.get("/keys").status_code for _try in range(5)] == [200, 200, 503, 503, 200]
    assert (simulator.control.hits(by_name), simulator.control.hits(third)) == (1, 2)
    simulator.control.fault(kind="status", times=None)
    assert [agency.get("/keys").status_code for _try in range(4)] == [502] * 4
    simulator.control.clear_faults()
    assert agency.get("/keys").status_code == 200


@pytest.mark.parametrize(
    "fault",
    [{}, {"kind": "explode"}, {"kind": "cut", "wehn": "after"}, {"kind": "cut", "when": "later"},
     {"kind": "cut", "path": "("}, {"kind": "truncated", "when": "before"}],
)  # fmt: skip
def test_a_fault_that_would_never_fire_is_refused(simulator: Simulator, fault: dict) -> None:
    with pytest.raises(ValueError, match="400"):
        simulator.control.fault(**fault)


def test_a_name_that_is_no_text_meets_a_fault_by_name(agency, simulator: Simulator) -> None:
    simulator.control.fault(kind="cut", name="client")
    assert agency.post("/keys", json={"name": 5}).status_code == 400
    assert simulator.control.writes() == [("POST", None, 400)]


def test_journal(agency, simulator: Simulator, new_key, as_client) -> None:
    key, secret = new_key("client-one", limit=5)
    agency.patch(f"/keys/{key['hash']}", json={"name": "client-two"})
    agency.get("/keys")
    as_client(secret).get("/key")
    agency.delete(f"/keys/{key['hash']}")
    assert simulator.control.writes() == [
        ("POST", "client-one", 201),
        ("PATCH", "client-one", 200),
        ("DELETE", "client-two", 200),
    ]
    journal = simulator.control.journal()
    assert [call["method"] for call in journal] == ["POST", "PATCH", "GET", "DELETE"]
    assert journal[0]["request"] == {"name": "client-one", "limit": 5}
    assert [call["path"] for call in simulator.control.journal(everything=True)][3] == "/api/v1/key"
    simulator.control.clear_journal()
    assert simulator.control.journal(everything=True) == []


def test_network_away_and_back(agency, simulator: Simulator, new_key) -> None:
    new_key("client-stays")
    simulator.stop()
    with pytest.raises(httpx.ConnectError):
        agency.get("/keys")
    simulator.start()
    assert [key["name"] for key in agency.get("/keys").json()["data"]] == ["client-stays"]


def test_many_at_once(agency, simulator: Simulator) -> None:
    callers = [threading.Thread(target=create, args=[agency]) for _number in range(40)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(10)
    keys = simulator.control.all_keys()
    assert len({key["hash"] for key in keys}) == 40


def _ignore_errors(call) -> None:
    with contextlib.suppress(httpx.HTTPError):
        call()
