# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inference: check, answer, charge; as one object or as server-sent events."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.openrouter_simulator import catalogue
from tests.openrouter_simulator.account import Account, Key, Spend
from tests.openrouter_simulator.clock import stamp
from tests.openrouter_simulator.errors import ApiError


def complete(account: Account, key: Key, body: dict[str, Any]) -> Response:
    model = body.get("model", catalogue.DEFAULT_MODEL)
    messages = body.get("messages")
    if not isinstance(model, str) or not catalogue.known(model):
        raise ApiError(400, f"{model} is not a valid model ID")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise ApiError(400, "Invalid input: messages: expected a list of at least 1 message")
    _require_money(account, key)

    text = catalogue.answer(messages)
    prompt_tokens = sum(catalogue.tokens(catalogue.text_of(one.get("content"))) for one in messages)
    usage = _usage(model, prompt_tokens, catalogue.tokens(text))
    now = account.clock.now()
    head = {
        "id": f"gen-{int(now.timestamp())}-{secrets.token_hex(10)}",
        "model": model,
        "created": int(now.timestamp()),
    }
    streamed = body.get("stream") is True
    account.generations.append(_generation(key, head, usage, stamp(now), body.get("user"), streamed))
    account.charge(key, model, Spend(usage["cost"], 1, usage["prompt_tokens"], usage["completion_tokens"]))

    if streamed:
        return StreamingResponse(_events(head, text, usage), media_type="text/event-stream")
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "stop",
        "native_finish_reason": "stop",
        "logprobs": None,
    }
    return JSONResponse(
        {
            **head,
            "object": "chat.completion",
            "provider": "Simulator",
            "system_fingerprint": None,
            "choices": [choice],
            "usage": usage,
        }
    )


def _require_money(account: Account, key: Key) -> None:
    if key.limit_remaining(account.clock.now()) == 0:
        kind = key.limit_reset or "total"
        raise ApiError(403, f"Key limit exceeded ({kind} limit). Manage it using https://openrouter.ai/settings/keys")
    if any(budget["remaining_usd"] <= 0 for budget in key.budgets_above):
        raise ApiError(403, "Budget limit exceeded. Manage it using https://openrouter.ai/settings")
    if account.credit_left() <= 0:
        raise ApiError(402)


def _usage(model: str, prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    prompt_cost, completion_cost = catalogue.cost(model, prompt_tokens, completion_tokens)
    total = round(prompt_cost + completion_cost, 12)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "cost": total,
        "is_byok": False,
        "cost_details": {
            "upstream_inference_cost": None,
            "upstream_inference_prompt_cost": prompt_cost,
            "upstream_inference_completions_cost": completion_cost,
        },
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


async def _events(head: dict[str, Any], text: str, usage: dict[str, Any]) -> AsyncIterator[str]:
    def event(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        chunk = {**head, "object": "chat.completion.chunk", "provider": "Simulator", "choices": [choice], **more}
        return f"data: {json.dumps(chunk)}\n\n"

    yield ": OPENROUTER PROCESSING\n\n"
    for number, word in enumerate(text.split(" ")):
        yield event({"role": "assistant", "content": f" {word}" if number else word})
    yield event({"role": "assistant", "content": ""}, "stop")
    yield event({"role": "assistant", "content": ""}, usage=usage)
    yield "data: [DONE]\n\n"


def _generation(
    key: Key, head: dict[str, Any], usage: dict[str, Any], created_at: str, user: str | None, streamed: bool
) -> dict[str, Any]:
    """What GET /generation answers, and whose key it was."""
    return {
        "key_hash": key.hash,
        "data": {
            "id": head["id"],
            "upstream_id": None,
            "model": head["model"],
            "provider_name": "Simulator",
            "provider_responses": None,
            "created_at": created_at,
            "external_user": user,
            "streamed": streamed,
            "cancelled": False,
            "total_cost": usage["cost"],
            "usage": usage["cost"],
            "upstream_inference_cost": None,
            "cache_discount": None,
            "tokens_prompt": usage["prompt_tokens"],
            "tokens_completion": usage["completion_tokens"],
            "native_tokens_prompt": usage["prompt_tokens"],
            "native_tokens_completion": usage["completion_tokens"],
            "native_tokens_completion_images": None,
            "native_tokens_reasoning": 0,
            "native_tokens_cached": 0,
            "num_media_prompt": None,
            "num_media_completion": None,
            "num_input_audio_prompt": None,
            "num_search_results": None,
            "num_fetches": None,
            "finish_reason": "stop",
            "native_finish_reason": "stop",
            "latency": 1,
            "generation_time": 1,
            "moderation_latency": None,
            "api_type": "completions",
            "app_id": None,
            "data_region": "global",
            "http_referer": None,
            "is_byok": False,
            "origin": "",
            "preset_id": None,
            "router": None,
            "service_tier": None,
            "user_agent": None,
            "web_search_engine": None,
            "workspace_id": key.workspace_id,
        },
    }
