# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenRouter's error body, and the one exception that carries it to the edge."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

MESSAGES = {
    400: "Bad request",
    401: "User not found.",
    402: "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
    403: "Forbidden",
    404: "Not found",
    408: "Request timed out",
    409: "Conflict",
    413: "Payload too large",
    422: "Unprocessable entity",
    429: "Rate limit exceeded",
    500: "Internal Server Error",
    502: "Provider returned error",
    503: "Service temporarily unavailable",
    504: "Gateway timeout",
}


class ApiError(Exception):
    """An answer that is not a success: its status and OpenRouter's message."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message or MESSAGES.get(status, "Error")

    def body(self) -> dict[str, Any]:
        return {"error": {"code": self.status, "message": self.message}}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), status_code=self.status)
