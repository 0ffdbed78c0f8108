# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that somebody else wrote: one line, every character seen, nothing secret in a URL."""

from __future__ import annotations

import json
import sys

import pytest
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown, show_url, shown, shown_or_none
from hypothesis import given
from hypothesis import strategies as some

from tests.unit.organization.process import MARK


@pytest.mark.parametrize(
    "text, expected",
    [
        ('Żółw & Söhne "Sp. z o.o." 東京 👩‍💻', 'Żółw & Söhne "Sp. z o.o." 東京 👩‍💻'),
        ("two\nlines\r\n\tand more", "two␊lines␍␊␉and more"),
        ("\x1b[31mred\x07\x00\x7f", "␛[31mred␇␀␡"),
        ("a\u202eb\u2066c\u200fd", "a<U+202E>b<U+2066>c<U+200F>d"),
        ("a\u2028b\u2029c\x85d", "a<U+2028>b<U+2029>c<U+0085>d"),
        ("half \ud800 of one", "half <U+D800> of one"),
        ("zero\u200bwidth\ufeff\xad", "zero<U+200B>width<U+FEFF><U+00AD>"),
        (7, "7"),
        (None, "None"),
    ],
)
def test_shown(text, expected):
    assert shown(text) == expected


def test_what_is_long_is_cut():
    assert shown("x" * 501) == "x" * 499 + "…"
    assert shown("x" * 500) == "x" * 500
    assert len(shown("\u202e" * 10**6)) < 5000


@given(some.text(some.characters(codec=None), max_size=200))
def test_it_is_one_line_of_text_whatever_it_was(text):
    result = shown(text)
    assert len(result.splitlines()) <= 1
    assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 for sign in result)
    result.encode("utf-8")
    # What was shown once is as it is: both sides of a comparison may have gone through it
    assert shown(result, sys.maxsize) == result


def test_all_of_a_result():
    deep: list = []
    for _level in range(500):
        deep = [deep]
    told = all_shown({"a\n": ["b\x1b", {"c": "\ud800", "n": 1.5, "t": True}], "deep": deep, "none": None})
    assert told["a␊"] == ["b␛", {"c": "<U+D800>", "n": 1.5, "t": True}]
    assert json.dumps(told["deep"]).count("[") < 10 and told["none"] is None


@pytest.mark.parametrize("value", [None, 7, True, [], {"__ansible_type": "X"}, b"x"])
def test_what_is_no_text_is_nothing(value):
    assert shown_or_none(value) is None


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        (f"https://{MARK}@h/v1", "https://h/v1"),
        (f"https://u:{MARK}@h/v1?k={MARK}#{MARK}", "https://h/v1"),
        (f"https://user:p@{MARK}@h/v1", "https://h/v1"),
        # What looks like the host is the beginning of a password with a slash, a question mark or a hash in it
        (f"https://u:pa/{MARK}@h/v1", "not a URL"),
        (f"https://u/{MARK}@h/v1", "not a URL"),
        (f"https://u:12?{MARK}@h/v1", "not a URL"),
        (f"https://u:12#{MARK}@h/v1", "not a URL"),
        (f"//u:{MARK}@h", "not a URL"),
        (f"u:{MARK}@h", "not a URL"),
        (f"sk-or-v1-{MARK}", "not a URL"),
        (f"https://sk-or-v1-{MARK}", "https://***"),
        (f"https://h/sk-or-v1-{MARK}/v1", "https://h/***/v1"),
        (f"javascript:{MARK}", "not a URL"),
        (f"file:///{MARK}", "not a URL"),
        (MARK, "not a URL"),
        (f"{MARK}:x", "not a URL"),
        (f"https://h:{MARK}", "not a URL"),
        (f"https://[{MARK}", "not a URL"),
        ("https://h/v1\nok  sign-up closed", "https://h/v1ok  sign-up closed"),
        ("https://h/\u202e\x1b[2J", "https://h/<U+202E>␛[2J"),
        ("", "not a URL"),
        (None, "not a URL"),
        (["https://h"], "not a URL"),
        (b"https://h", "not a URL"),
        (7, "not a URL"),
    ],
)
def test_a_url_is_scheme_host_port_and_path(url, expected):
    result = show_url(url)
    assert result == expected
    assert MARK.lower() not in result.lower()
