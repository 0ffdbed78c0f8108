# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything hostile that an instance can answer: it ends in time, within bounds, and is text of one line."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance import chat, observe, probe, web

from tests.unit.hostile.server import DRIPS, HostileServer, answering, dripping, endless, outcome

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
REQUESTS = [None, {"email": "a@b.example"}]


def with_body(body: bytes, status: bytes = b"200 OK") -> HostileServer:
    head = b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return answering(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize("body", REQUESTS, ids=["GET", "POST"])
@pytest.mark.parametrize("begin, rest", DRIPS.values(), ids=DRIPS.keys())
@pytest.mark.parametrize("speak", [dripping, endless])
def test_an_answer_without_end_ends(speak: t.Any, begin: bytes, rest: bytes, body: t.Any) -> None:
    with speak(begin, rest) as server:
        answer = outcome(lambda: web.request(server.url, body=body, timeout=1))
    assert (answer.status, answer.data) in ((None, None), (103, None), (200, None), (500, None))
    assert answer.status or answer.error


@pytest.mark.parametrize(
    "begin", [JSON + b"\r\n", JSON + b"Transfer-Encoding: chunked\r\n\r\n"], ids=["body", "chunks"]
)
def test_a_body_of_any_length_is_not_loaded(begin: bytes) -> None:
    piece = b" " * 65536 if b"chunked" not in begin else b"10000\r\n" + b" " * 65536 + b"\r\n"
    with endless(begin, piece) as server:
        answer = outcome(lambda: web.request(server.url, timeout=10))
        assert (answer.status, answer.data) == (200, None)
        assert server.sent < 64 << 20


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b"[" * 900 + b"]" * 900,
        b"1" * 100_000,
        b"\xff\xfe",
        b"",
        b"NaN",
        b"1e99999",
        b'"\\ud800"',
        b'{"__ansible_type": "X"}',
        b'{"status": {"status": []}}',
    ],
    ids=range(11),
)
def test_whatever_the_json_the_look_is_of_plain_types(body: bytes) -> None:
    with with_body(body) as server:
        url = server.url
        health = outcome(lambda: observe._health(url, "/health"))
        models = outcome(lambda: probe.models(url, "token"))
        key = outcome(lambda: probe.key(probe.ask_key(url, "sk-or-v1-secret", {}), "sk-or-v1-secret"))
    assert health["version"] is None and health["signup_enabled"] is None
    assert (models[0], models[2]) in (("failed", None), ("unknown", None))
    assert key["ok"] is False
    json.dumps([health, models, key], allow_nan=False).encode("utf-8")


@pytest.mark.parametrize(
    "answer",
    [
        JSON + b"Content-Length: 99999999999999999999\r\n\r\n{}",
        JSON + b"Content-Length: -5\r\n\r\n{}",
        JSON + b"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n{}",
        JSON + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}",
        JSON + b"X: " + b"x" * 200_000 + b"\r\n\r\n{}",
        JSON + b"X: y\r\n" * 500 + b"\r\n{}",
        b"HTTP/1.1 999999999999 \x1b[31m\r\n\r\n",
        b"HTTP/9 \xff\xfe\r\n\r\n",
        b"\x1b[2J\n\n\n",
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
    ],
    ids=range(11),
)
def test_what_is_hardly_http_is_no_traceback(answer: bytes) -> None:
    with answering(answer) as server:
        got = outcome(lambda: web.request(server.url, timeout=3))
    assert got.data in (None, {})
    assert got.error is None or "\x1b" not in got.error


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("body", REQUESTS, ids=["GET", "POST"])
def test_no_redirection_is_followed_with_a_session(status: int, body: t.Any) -> None:
    with with_body(b"{}") as neighbour:
        head = b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, neighbour.url.encode())
        with answering(head) as server:
            assert web.request(server.url, body=body, token="secret").status == status
        assert neighbour.requests == []


HOSTILE = "0.12\nkey on the machine: FORGED \x1b[31m\u202e\u2028\u200f" + "x" * 1000


@pytest.mark.parametrize("version", [HOSTILE, 12, None, ["0.12"], {HOSTILE: "FORGED"}, True, "\ud800"])
def test_a_version_is_a_short_text_of_one_line(version: t.Any) -> None:
    with with_body(json.dumps({"version": version, "features": {"enable_signup": version}}).encode()) as server:
        health = observe._health(server.url, "/health")
    shown = health["version"]
    assert shown is None or (len(shown) < 200 and shown.isprintable() and "\u202e" not in shown), shown
    assert health["signup_enabled"] is (True if version is True else None)


@pytest.mark.parametrize("cut", ["", " ", "\n", "0123 "])
def test_what_a_chat_says_of_a_key_is_not_told(cut: str) -> None:
    told = {"error": {"message": f"no sk-or-v1-{cut}" + "0123456789abcdef" * 4}}
    with with_body(json.dumps(told).encode(), b"402 Payment") as server:
        result = chat.chat(server.url, "token", server.url, "key", None, "a/model")
    assert result["reason"] == "a chat through the instance is answered with HTTP 402"


def test_what_a_chat_says_is_masked_and_on_one_line() -> None:
    secret = "sk-proj-" + "0123456789abcdef" * 4
    told = {"error": {"message": f"no\n\x1b[31m{secret} {HOSTILE}"}, "id": HOSTILE}
    with with_body(json.dumps(told).encode(), b"402 Payment") as server:
        result = chat.chat(server.url, "token", server.url, "key", None, "a/model")
    assert result["status"] == "failed" and result["reason"].isprintable()
    assert secret not in result["reason"] and "***" in result["reason"] and len(result["reason"]) < 400
