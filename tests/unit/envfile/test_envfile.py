# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mai.clients.plugins.filter.env_value import env_file, env_value
from ansible_collections.mai.clients.plugins.module_utils._envfile import dump, format_value, parse
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = [
    "",
    " ",
    "  both ends  ",
    'Żółw & Söhne "Sp. z o.o."',
    "O'Brien $HOME",
    "${HOME}",
    "$$",
    "$(id)",
    "`id`",
    "a#b",
    "a # b",
    "#",
    "\\",
    "ends with \\",
    '\\n \\t \\$ \\"',
    '"',
    "'",
    "'quoted'",
    '"quoted"',
    "two\nlines",
    "\nstarts and ends\n",
    "A=B\nC=D",
    "export A=B",
    "tab\there",
    "; rm -rf / && { [ %h %% !ref: *x ]",
    "日本語 \U0001f600 \u00a0 \u2028 end",
    "'; DROP TABLE client_organizations; --",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_value_comes_back_unchanged(value):
    text = dump({"BEFORE": "1", "VALUE": value, "AFTER": "2"})
    assert parse(text) == {"BEFORE": "1", "VALUE": value, "AFTER": "2"}


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True),
        st.text(st.characters(blacklist_categories=("Cs", "Cc"), whitelist_characters="\t\n")),
    )
)
def test_any_file_comes_back_unchanged(variables):
    assert parse(dump(variables)) == variables


def test_only_backslash_quote_and_dollar_are_escaped():
    assert format_value("a\\b\"c$d`e'f#g\nh") == '"a\\\\b\\"c\\$d`e\'f#g\nh"'


@pytest.mark.parametrize("value", ["secret\0", "secret\rx", "secret\r\n", "secret\x1b[0m", "secret\x7f"])
def test_what_no_environment_file_carries_is_refused_without_telling_it(value):
    with pytest.raises(ValueError, match=r"^NAME: the value holds the control character U\+00") as caught:
        dump({"NAME": value})
    assert "secret" not in str(caught.value)


def test_half_a_surrogate_pair_is_refused_without_telling_it():
    with pytest.raises(ValueError, match="not valid Unicode") as caught:
        format_value("secret\ud800")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["", "A B", "1A", "A=B", "A\n", "Ä", "A-B", "A.B"])
def test_name_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="is not a name for an environment variable"):
        dump({name: "x"})


def test_file_made_by_the_guide_is_read():
    text = (
        "# made by hand\r\n"
        "\n"
        "OPENAI_API_KEY=sk-or-v1-abc\r\n"
        "export CLIENT_ORG_NAME='Company $ABC'\n"
        "  MONTHLY_LIMIT = 500   # per month\n"
        "URL=https://openrouter.ai/api/v1#part\n"
        "EMPTY=\n"
        "ONLY_COMMENT= # nothing\n"
        'QUOTED="a \\"b\\" \\$c\\nd" # comment\n'
        'UNTERMINATED="abc\n'
        "not an assignment\n"
        "APOSTROPHE=it's\n"
        "LAST=1"
    )
    assert parse(text) == {
        "OPENAI_API_KEY": "sk-or-v1-abc",
        "CLIENT_ORG_NAME": "Company $ABC",
        "MONTHLY_LIMIT": "500",
        "URL": "https://openrouter.ai/api/v1#part",
        "EMPTY": "",
        "ONLY_COMMENT": "",
        "QUOTED": 'a "b" $c\nd',
        "UNTERMINATED": '"abc',
        "APOSTROPHE": "it's",
        "LAST": "1",
    }


def test_later_assignment_wins():
    assert parse("A=1\nA=2\n") == {"A": "2"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, '"true"'), (False, '"false"'), (500, '"500"'), (500.0, '"500"'), (1.3, '"1.3"'), ("$1", '"\\$1"')],
)
def test_filter_env_value(value, expected):
    assert env_value(value) == expected


@pytest.mark.parametrize("value", [None, ["secret"], {"a": "secret"}, b"secret", "secret\0"])
def test_filter_env_value_refuses_without_telling_the_value(value):
    with pytest.raises(AnsibleFilterError, match="env_value: ") as caught:
        env_value(value)
    assert "secret" not in str(caught.value)


def test_filter_env_file_keeps_the_order_and_leaves_out_null():
    assert env_file({"B": 1, "NONE": None, "A": "x"}) == 'B="1"\nA="x"\n'


@pytest.mark.parametrize("variables", [{"NAME": ["secret"]}, {"NAME": "secret\0"}])
def test_filter_env_file_names_the_variable_and_not_the_value(variables):
    with pytest.raises(AnsibleFilterError, match="env_file: NAME: ") as caught:
        env_file(variables)
    assert "secret" not in str(caught.value)


def test_filter_env_file_wants_a_mapping():
    with pytest.raises(AnsibleFilterError, match="give a mapping"):
        env_file("A=B")
