# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a refusal OpenRouter's own word, or that of a gateway, a firewall or a proxy in between?"""

from __future__ import annotations

# Too slow, too many: the same from whomever it comes, and perhaps another one in a moment
PASSING = (408, 429)
_FIELDS = {"code", "message", "metadata"}


def is_openrouters(answer: object) -> bool:
    """OpenRouter's is {"error": {"code": number, "message": text}}; a page, or another vendor's JSON, is not."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict) or not set(error) <= _FIELDS:
        return False
    code = error.get("code")
    return isinstance(code, int) and not isinstance(code, bool) and isinstance(error.get("message"), str)
