# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on a real socket that answers whatever a test wants, at whatever pace."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import typing as t

TICK = 0.05  # seconds between two bytes of an answer that drips
PATIENCE = 60  # seconds after which a test says that something never ends

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
# Answers that never end: how each begins, and what comes again and again.
DRIPS = {
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "body with a length": (_OK + b"Content-Length: 1000000\r\n\r\n{", b" "),
    "body without a length": (_OK + b"Connection: close\r\n\r\n", b" "),
    "chunks": (_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "extension of a chunk": (_OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
    "trailers": (_OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "error": (b"HTTP/1.1 500 Oh\r\nContent-Length: 1000000\r\n\r\n", b" "),
    "silence": (b"", b""),
}


class HostileServer:
    """Reads each request and hands the connection to ``speak``; what that raises for a closed socket is expected."""

    def __init__(self, speak: t.Callable[[HostileServer, socket.socket], None]) -> None:
        self._speak = speak
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.closed = threading.Event()
        self.requests: list[bytes] = []
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/api/v1"

    def __enter__(self) -> HostileServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.requests.append(_request(connection))
            self._speak(self, connection)

    def send(self, connection: socket.socket, data: bytes) -> None:
        connection.sendall(data)
        self.sent += len(data)

    def drip(self, connection: socket.socket, data: bytes) -> None:
        """The same again and again, until the test is over or nobody listens any more."""
        while not self.closed.wait(TICK):
            self.send(connection, data)


def _request(connection: socket.socket) -> bytes:
    """All of it: a socket that is closed before that takes the answer with it."""
    request, length = b"", 0
    while b"\r\n\r\n" not in request or len(request) - request.index(b"\r\n\r\n") - 4 < length:
        received = connection.recv(65536)
        if not received:
            raise ConnectionError("nothing was asked")
        request += received
        match = re.search(rb"content-length: (\d+)", request, re.IGNORECASE)
        length = int(match.group(1)) if match else 0
    return request


def dripping(begin: bytes, rest: bytes) -> HostileServer:
    def speak(server: HostileServer, connection: socket.socket) -> None:
        server.send(connection, begin)
        server.drip(connection, rest)

    return HostileServer(speak)


def endless(begin: bytes, rest: bytes) -> HostileServer:
    def speak(server: HostileServer, connection: socket.socket) -> None:
        server.send(connection, begin)
        while not server.closed.is_set():
            server.send(connection, rest)

    return HostileServer(speak)


def answering(answer: bytes) -> HostileServer:
    return HostileServer(lambda server, connection: server.send(connection, answer))


def outcome(work: t.Callable[[], t.Any]) -> t.Any:
    """What the work returns or raises, provided that it ends."""
    results: list[t.Any] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert results, "it never ends"
    return results[0]
