"""What people write shows in Jira as they wrote it, and does nothing."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.wiki import escape, within_bmp


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("It hangs after login.", "It hangs after login.", id="plain words stay"),
        pytest.param("[~admin] look", r"\[\~admin\] look", id="a mention by name pings nobody"),
        pytest.param("[~accountid:5b10]", r"\[\~accountid:5b10\]", id="a mention by account pings nobody"),
        pytest.param("{code}x{code}", r"\{code\}x\{code\}", id="a macro is text"),
        pytest.param("{{x}}", r"\{\{x\}\}", id="monospace is text"),
        pytest.param("[click|http://a.example]", r"\[click\|http://a.example\]", id="a named link is text"),
        pytest.param("!http://a.example/x.png!", r"\!http://a.example/x.png\!", id="an image is not loaded"),
        pytest.param("*bold* _it_ ^up^ ~down~ +in+", r"\*bold\* \_it\_ \^up\^ \~down\~ \+in\+", id="emphasis is text"),
        pytest.param("snake_case", r"snake\_case", id="an underscore within a word shows"),
        pytest.param("- one\n- two", "\\- one\n\\- two", id="hyphens at line starts make no list"),
        pytest.param("  # one\n## two", "  \\# one\n\\#\\# two", id="hashes at line starts make no list"),
        pytest.param("ticket #12", "ticket #12", id="a hash within a line stays"),
        pytest.param("well-known", "well-known", id="a hyphen within a word stays"),
        pytest.param("a -gone- b", r"a \-gone\- b", id="struck-out words stay"),
        pytest.param("----", r"\-\-\-\-", id="hyphens make no rule"),
        pytest.param("h1. Title\nbq. said", "h1\\. Title\nbq\\. said", id="headings and quotes are lines"),
        pytest.param("??who??", r"\?\?who\?\?", id="question marks cite nobody"),
        pytest.param("really?", "really?", id="one question mark stays"),
        pytest.param("||a|b|", r"\|\|a\|b\|", id="bars make no table"),
        pytest.param(r"C:\Temp\new", r"C:\Temp\new", id="a path keeps its backslashes"),
        pytest.param(r"\{code}", r"&#92;\{code\}", id="a backslash cannot undo the escape after it"),
        pytest.param("a\\\\b", r"a&#92;\b", id="two backslashes break no line"),
        pytest.param("&#123;code&#125;", "&amp;#123;code&amp;#125;", id="an entity is not decoded"),
        pytest.param("R&D; fish & chips", "R&amp;D; fish & chips", id="an ampersand before a space stays"),
        pytest.param("see https://a.example/x?y=1", "see https://a.example/x?y=1", id="a web address still works"),
        pytest.param("a\r\nb\rc", "a\nb\nc", id="line ends are line feeds"),
        pytest.param("a\x1b[31m\x00b\u202egnp", "a\\[31mbgnp", id="control and direction marks are dropped"),
        pytest.param("", "", id="nothing stays nothing"),
    ],
)
def test_escape(text: str, expected: str) -> None:
    assert escape(text) == expected


def shown(wiki: str) -> str:
    """What a renderer shows of escaped text: backslash and punctuation is the punctuation, entities are characters."""
    bare = re.sub(r"\\([^\w\s]|_)", r"\1", wiki)
    return re.sub(r"&#?\w+;", lambda entity: html.unescape(entity.group()), bare)


@given(st.text(st.sampled_from("ab \n\t0{}[]|*_^~!+-#?\\&;hq1.:/@"), max_size=40))
def test_what_was_written_is_what_is_shown_and_no_mark_is_left_bare(text: str) -> None:
    escaped = escape(text)
    assert shown(escaped) == text
    assert not re.search(r"(?<!\\)[{}\[\]|*_^~!+]", escaped)
    assert not re.search(r"^\s*(#|-|h[1-6]\.|bq\.)", escaped, re.MULTILINE)
    assert "\\\\" not in escaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("好的 ✓", "好的 ✓", id="three-byte characters stay"),
        pytest.param("ok 😀!", "ok (grinning face)!", id="an emoji is named"),
        pytest.param("👍🏽", "(thumbs up sign)", id="a skin tone is left out"),
        pytest.param("𠀋", "U+2000B", id="a rare ideograph is named by its code point"),
    ],
)
def test_within_bmp(text: str, expected: str) -> None:
    assert within_bmp(text) == expected
