# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a value holds, a record in Markdown shows it, and nothing of it becomes Markdown, HTML or a line."""

from __future__ import annotations

import html
import re
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.filter.text import FilterModule, markdown_code, markdown_text
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._plan import words
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.unit.repository.tasks import ROOT

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = (
    "*a* **b** _c_ __d__ ~~e~~ `f` ``g``",
    "[text](http://evil.example) ![image](x) <http://evil.example>",
    "<script>alert(1)</script> <!-- x --> &lt;b&gt; &#60; &amp;",
    "a | b \\| c\\",
    "# heading #",
    "one\ntwo\r\n\n| row | row |\n# heading\n    code",
    "client\u202egnirts \x1b[31mred\x1b[0m \u2028line",
    "`",
    "``",
    " ` ",
    "www.evil.example http://evil.example a@b.example",
    "C:\\new\\table\\",
    "*",
    "_",
    "-",
    "x" * 5000,
)


def read(markdown: str, tag: str) -> str:
    """What a reader sees of a text that must be in this element, and hold no other but code."""
    rendered = READER.render(markdown)
    [inner] = re.findall(f"<{tag}>(.*?)</{tag}>", rendered, re.DOTALL)[-1:]
    assert not re.search("<(?!/?code>)", inner), rendered
    return html.unescape(re.sub("</?code>", "", inner))


def folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


texts = st.one_of(st.sampled_from(HOSTILE), st.text("ab1 *_`~[]()<>|\\&#;:/!.@\n-", max_size=20))


@settings(max_examples=300, deadline=None)
@given(texts)
def test_text_stays_text(text: str) -> None:
    value = markdown_text(text)
    wanted = folded(shown(folded(text)))
    assert len(value.splitlines()) <= 1
    if wanted:
        assert folded(read(f"# {value}", "h1")) == wanted
        cell = f"| a | b |\n|---|---|\n| c | x{value}x |"
        inside = shown(re.sub(r"\s+", " ", text))
        assert folded(read(cell, "td")) == folded(f"x{inside}x")


@settings(max_examples=300, deadline=None)
@given(texts)
def test_code_stays_code(text: str) -> None:
    value = markdown_code(text)
    cell = f"| a | b |\n|---|---|\n| c | {value} |"
    assert len(value.splitlines()) == 1
    assert folded(read(cell, "td")) == folded(shown(text))
    assert READER.render(cell).count("<code>") == 1 and READER.render(cell).count("<td>") == 2


@pytest.mark.parametrize(
    "text",
    [
        "Company ABC",
        'Żółw & Söhne "Sp. z o.o."',
        "O'Brien & Daughters",
        "R&D #1 (C#)",
        "first_last+x@company-abc.example",
        "https://mai-abc.example.org:8001/api/v1",
        "500.00 USD per calendar month (UTC)",
        "1 × user",
    ],
)
def test_what_is_ordinary_is_not_changed(text: str) -> None:
    assert markdown_text(text) == text


def test_code_of_ordinary_values() -> None:
    for text in (
        "client-abc ~retired-carried-49216395",
        "/opt/mai/x_y",
        "sk-or-v1-abc...xyz",
        "r.example:5000/mai:1",
        "żółw",
    ):
        assert markdown_code(text) == f"`{text}`"
    assert markdown_code("a`b") == "<code>a&#96;b</code>" and markdown_code("a|b") == "<code>a&#124;b</code>"
    assert (markdown_text(None), markdown_code(None), markdown_text("")) == ("-", "-", "")
    assert markdown_text("see http://x.example or www.x.example, a@x.example") == (
        "see http&#58;//x.example or www&#46;x.example, a&#64;x.example"
    )


def test_shown() -> None:
    assert FilterModule().filters()["shown"]("a\nb\u202ec\x1b") == "a␊b<U+202E>c␛"


# The records themselves


def rendered(template: str, odd: str) -> str:
    text = (ROOT / "roles/handover/templates" / template).read_text(encoding="utf-8")
    key = {"name": odd, "label": odd, "hash": odd, "limit": 1.0, "limit_reset": "monthly"}
    key |= {"created_at": odd, "last_used_at": odd}
    key |= dict.fromkeys(("usage_daily", "usage_weekly", "usage_monthly", "usage"))
    if template == "HANDOVER.md.j2":
        parts = {"bind": "0.0.0.0", "administered": True, "container": {"image": odd}, "env_files": ["admin.env"]}
        site = {"record": odd, "forward": [f"to {odd}"]}
        people = {"accounts": [], "first_administrator": f"another than {odd}"}
        seen = {"facts": FACTS, "database": {"path": odd}, "people": people}
        return words.record(text, handed_over(odd), seen, parts, key, site)
    return words.markdown(text, **off_boarded(odd, key))


FACTS = {"admin_chat_access": True, "admin_export": True, "forward_user_info": True}


def handed_over(odd: str) -> dict[str, t.Any]:
    texts = ("client_name", "client_id", "key_name", "billing_email", "admin_email", "deployment_dir", "image")
    return {
        "slug": "abc",
        "machine": odd,
        **{f"mai_{name}": odd for name in texts},
        "mai_markup_rate": 1.3,
        "mai_users": [{"email": odd}],
        "mai_port": 8001,
        "mai_deployment": "docker",
        "mai_database": "external",
        "mai_domain": None,
        "mai_instance_api_base_url": odd,
    }


def off_boarded(odd: str, key: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        "client": handed_over(odd),
        "keys": [key, key],
        "time": "2026-11-28T10:00:00Z",
        "lost": False,
        "images": [odd, odd],
        "counts": [odd],
        "data": ["archived in ", "/opt/x", f", without a final copy of the database: {odd}"],
    }


@pytest.mark.parametrize("odd", ["plain", *HOSTILE])
@pytest.mark.parametrize("template", ["HANDOVER.md.j2", "OFFBOARDED.md.j2"])
def test_records(template: str, odd: str) -> None:
    record, ordinary = rendered(template, odd), rendered(template, "plain")
    assert len(record.splitlines()) == len(ordinary.splitlines())
    assert tags(record) == tags(ordinary)


def tags(record: str) -> list[str]:
    """Every element but code, which some values are in two ways."""
    return re.findall(r"<[^>]+>", re.sub("</?code>", "", READER.render(record)))


def test_ordinary_records() -> None:
    record = rendered("OFFBOARDED.md.j2", "plain")
    assert "| image | `plain`, `plain` |" in record
    assert "| data | archived in `/opt/x`, without a final copy of the database: plain |" in record
    zeros = " | ".join(["0.000000"] * 4)
    assert f"| `plain` | `plain` | `plain` | 1.00 | {zeros} | plain |" in record
    record = rendered("HANDOVER.md.j2", "plain")
    assert "| key | `plain`, label `plain`, hash `plain` |" in record
    assert "| database | PostgreSQL elsewhere, `plain` |" in record
    assert "| client | plain (`abc`), organisation `plain` |" in record
