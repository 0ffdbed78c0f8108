# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few models with prices, and answers whose tokens and cost follow from the request alone."""

from __future__ import annotations

from typing import Any

DEFAULT_MODEL = "openai/gpt-4o-mini"

# id: (name, tokenizer, context length, USD per prompt token, USD per completion token)
_MODELS = {
    DEFAULT_MODEL: ("OpenAI: GPT-4o-mini", "GPT", 128000, "0.00000015", "0.0000006"),
    "openai/gpt-4o": ("OpenAI: GPT-4o", "GPT", 128000, "0.0000025", "0.00001"),
    "anthropic/claude-sonnet-4": ("Anthropic: Claude Sonnet 4", "Claude", 200000, "0.000003", "0.000015"),
    "google/gemini-2.5-flash": ("Google: Gemini 2.5 Flash", "Gemini", 1048576, "0.0000003", "0.0000025"),
    "meta-llama/llama-3.3-70b-instruct:free": ("Meta: Llama 3.3 70B Instruct (free)", "Llama3", 65536, "0", "0"),
}


def known(model: str) -> bool:
    return model in _MODELS


def models() -> list[dict[str, Any]]:
    return [_describe(model) for model in _MODELS]


def _describe(model: str) -> dict[str, Any]:
    name, tokenizer, context_length, prompt, completion = _MODELS[model]
    return {
        "id": model,
        "canonical_slug": model.split(":")[0],
        "name": name,
        "created": 1735689600,
        "description": "A simulated model: it repeats what it is told.",
        "context_length": context_length,
        "architecture": {
            "modality": "text->text",
            "input_modalities": ["text"],
            "output_modalities": ["text"],
            "tokenizer": tokenizer,
            "instruct_type": None,
        },
        "pricing": {"prompt": prompt, "completion": completion, "request": "0", "image": "0"},
        "top_provider": {"context_length": context_length, "max_completion_tokens": 16384, "is_moderated": False},
        "per_request_limits": None,
        "default_parameters": None,
        "supported_parameters": ["max_tokens", "temperature"],
        "supported_voices": None,
        "links": {"details": f"/api/v1/models/{model}/endpoints"},
    }


def tokens(text: str) -> int:
    """Four characters are a token, as in the usual rule of thumb."""
    return max(1, -(-len(text) // 4))


def cost(model: str, prompt_tokens: int, completion_tokens: int) -> tuple[float, float]:
    """USD for prompt and for completion."""
    prompt, completion = _MODELS[model][3:]
    return round(prompt_tokens * float(prompt), 12), round(completion_tokens * float(completion), 12)


def text_of(content: Any) -> str:
    """The text of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""


def answer(messages: list[dict[str, Any]]) -> str:
    said = [text_of(message.get("content")) for message in messages if message.get("role") == "user"]
    return f"You said: {said[-1]}" if said else "You said nothing."
