# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that never end, are too much, or are none: every request ends, within bounds, with an error that says so."""

from __future__ import annotations

import gzip
import threading
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import errors
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.apply import Reconciler
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import MAX_BODY, Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired

from tests.unit.hostile.server import DRIPS, HostileServer, answering, dripping, endless, outcome
from tests.unit.openrouter.fakes import NAME, PROVISIONING_KEY, World

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MIB = 2**20


def a_client(server: HostileServer, **options: t.Any) -> Client:
    return Client(PROVISIONING_KEY, server.url, **{"timeout": 0.3, "retries": 0, **options})


def asked(server: HostileServer, method: str, **options: t.Any) -> t.Any:
    """How a request ended."""
    with server, a_client(server, **options) as client:
        calls = {
            "GET": lambda: client.get_key("aa"),
            "POST": lambda: client.create_key({"name": "x"}),
            "PATCH": lambda: client.update_key("aa", {"limit": 1}),
            "DELETE": lambda: client.delete_key("aa"),
        }
        return outcome(calls[method])


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("where", DRIPS)
def test_an_answer_that_drips_ends(where: str, method: str) -> None:
    """After a POST nobody knows whether there is a key, so it is not repeated, as after any lost answer."""
    server = dripping(*DRIPS[where])
    error = asked(server, method, retries=0 if method == "GET" else 5)
    assert isinstance(error, errors.ServerFailed)
    assert method in str(error) and "in time" in str(error)
    assert len(server.requests) == 1


def test_a_drip_is_asked_again_within_bounds() -> None:
    server = dripping(*DRIPS["header"])
    error = asked(server, "GET", retries=2, sleep=lambda seconds: None)
    assert isinstance(error, errors.ServerFailed) and "Tried 3 times" in str(error)
    assert len(server.requests) == 3


def test_threads_drip_for_themselves() -> None:
    with dripping(*DRIPS["100 Continue"]) as server, a_client(server) as client:
        ended: list[t.Any] = []
        threads = [
            threading.Thread(target=lambda: ended.append(outcome(lambda: client.get_key("aa"))), daemon=True)
            for _number in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [type(error) for error in ended] == [errors.ServerFailed] * 20


def test_a_key_whose_creation_was_not_waited_for_is_cleared_up() -> None:
    world, go_on = World(), threading.Event()

    def hang(step: str) -> None:
        if step == "POST /keys" and world.steps.count(step) == 1:
            go_on.wait()

    def run() -> dict[str, t.Any]:
        with world.client(timeout=0.2) as client:
            return Reconciler(client, Desired(name=NAME)).run()

    world.after_step = hang
    result = outcome(run)
    go_on.set()
    assert result["key"]["name"] == NAME
    assert any("second attempt" in warning for warning in result["warnings"])
    assert [key["name"] for key in world.keys.values()] == [NAME]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("begin", "rest"),
    [
        (b"Connection: close\r\n\r\n", b" " * 65536),
        (b"Content-Length: 9000000000000000\r\n\r\n", b" " * 65536),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
    ],
    ids=["until the end", "of a length", "in chunks"],
)
def test_a_body_without_end_is_not_read_to_its_end(begin: bytes, rest: bytes, method: str) -> None:
    server = endless(OK + begin, rest)
    error = asked(server, method, timeout=20.0)
    assert isinstance(error, errors.ServerFailed) and "16 MiB" in str(error)
    assert server.sent < MAX_BODY + 16 * MIB  # what is in the sockets' buffers


@pytest.mark.parametrize("encoding", [b"gzip", b"gzip, gzip", b"deflate", b"br", b"zstd", b"x-unknown"])
def test_what_is_compressed_has_the_same_bound(encoding: bytes) -> None:
    bomb = gzip.compress(b"[" + b" " * (64 * MIB), 9)
    server = answering(OK + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(bomb)) + bomb)
    error = asked(server, "GET")
    assert isinstance(error, errors.ServerFailed)
    assert b"accept-encoding: identity\r\n" in server.requests[0].lower()


def test_a_proxy_that_compresses_all_the_same_is_understood() -> None:
    body = gzip.compress(b'{"data": {"total_credits": 5, "total_usage": 1.5}}')
    server = answering(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    with server, a_client(server) as client:
        assert client.credits() == {"total": 5.0, "used": 1.5}


def with_body(status: bytes, body: bytes) -> HostileServer:
    return answering(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)


NOT_JSON = {
    "deep list": b"[" * 100_000,
    "deep object": b'{"data":' * 100_000,
    "deep error": b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "number of 5000 digits": b'{"data":{"limit":' + b"9" * 5000 + b"}}",
    "half a character": b'{"error":{"message":"\\ud800"}}',
    "not UTF-8": b'{"data":{"hash":"\xff"}}',
    "half of UTF-16": b"\xff\xfe\x00",
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
}


@pytest.mark.parametrize("status", [b"200 OK", b"500 Oh", b"400 No"])
@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_not_json_is_no_traceback(status: bytes, body: str) -> None:
    error = asked(with_body(status, NOT_JSON[body]), "GET")
    assert isinstance(error, errors.Rejected if b"400" in status else errors.ServerFailed)
    assert b"200" not in status or "not JSON" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        OK + b"Content-Length: -1\r\n\r\n{}",
        OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 400 + b"\r\n{}",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n{}",
        b"\x00" * 1000,
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=\xff\xfe\r\nContent-Length: 2\r\n\r\n[]",
        b"",
    ],
    ids=lambda answer: repr(answer[-30:]),
)
def test_what_is_not_http_is_no_traceback(answer: bytes) -> None:
    error = asked(answering(answer), "GET")
    assert isinstance(error, (errors.ServerFailed, errors.Rejected))


@pytest.mark.parametrize(
    "wait", [b"1e5", b"-1", b"9" * 400, b"nan", b"\xd9\xa1", b"999999", b"Fri, 31 Dec 9999"], ids=len
)
def test_a_wish_to_wait_that_nobody_would_grant(wait: bytes) -> None:
    server = answering(b"HTTP/1.1 429 Slow\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: %s\r\n\r\n" % wait)
    error = asked(server, "GET", retries=3, sleep=lambda seconds: None)
    assert isinstance(error, errors.RateLimited)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirection_is_followed_with_a_key(status: int, method: str) -> None:
    with with_body(b"200 OK", b'{"deleted": true}') as stranger:
        location = f"{stranger.url}/keys".encode()
        server = answering(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % (status, location))
        error = asked(server, method, retries=3)
        assert isinstance(error, errors.Rejected) and "redirection" in str(error)
        assert (len(server.requests), stranger.requests) == (1, [])


@pytest.mark.parametrize(
    "location", [b"http://[::1", b"http://x:99999999/", b"//", b"\xff\xfe", b"a" * 70_000, b"x://"], ids=len
)
def test_a_redirection_to_nowhere(location: bytes) -> None:
    error = asked(answering(b"HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % location), "GET")
    assert isinstance(error, (errors.ServerFailed, errors.Rejected))
