"""Whatever a customer writes, a mail about it goes out, and holds nothing of theirs but text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.alerts.message import Alert, BugLine, Reason, Section, Step
from syncd.alerts.render import Renderer
from syncd.sla.holder import Holder, Party
from tests.alerts.html_page import Page, in_order
from tests.alerts.mail_kit import ALERT, LENA, READERS, WAYS, one_of_each, told

RENDERER = Renderer()
USUAL = RENDERER.render(one_of_each()["breach"], LENA)
USUAL_PAGE = Page(USUAL.html)

NASTY = (
    "a\r\nBcc: everybody@evil.example",
    "\u202etxt.exe\u202c",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %} {{ config }} {# #}",
    '" onmouseover="alert(1)" style=\'x',
    "x" * 10_000,
    "测" * 5_000,
    "\ud800 lone \udfff",
    "\u200b\u200b\u200b",
    "Z\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301algo",
    "👩‍👩‍👧‍👦 family",
    "\x00\x07\x1b[31m",
    "</title></style></td></table></body>",
    "javascript:alert(1)",
    "&lt;b&gt; &#x3c; ]]> <!-- -->",
    "\u2028line\u2029para\x85nel\x0bvt",
    "=?utf-8?q?=0d=0aBcc:_x?=",
)
WORDS = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=60), st.text(alphabet="<>\"'&{}%#\r\n\u202e\u200b a", max_size=40)
)


@st.composite
def hostile(draw: st.DrawFn) -> Alert:
    """An alert in which everything that a stranger may have written is hostile."""
    text = draw(st.lists(WORDS, min_size=14, max_size=14))
    at = st.integers(-(2**40), 2**60)
    return replace(
        ALERT,
        subject=text[0],
        url=draw(st.sampled_from([ALERT.url, "javascript:alert(1)", 'https://x"><b>', text[1]])),
        customer=text[2],
        tier=text[3],
        priority=text[4],
        status=text[5],
        metric=text[6],
        rule=text[7],
        policy=text[8],
        number=text[9],
        holder=Holder(draw(st.sampled_from(list(Party))), text[10]),
        bugs=(BugLine(text[11], f"https://{text[12]}", text[12], text[13], text[0], text[1]),),
        last_public=Step(text[2], draw(at), text[3]),
        last_internal=Step(text[4], draw(at), text[5]),
        due=draw(st.none() | at),
        elapsed=draw(st.integers(-10, 10**9)),
        remark=text[6],
    )


@settings(max_examples=150, deadline=None)
@given(alert=hostile(), reason=st.sampled_from(list(Reason)), language=st.sampled_from(list(READERS)), why=WORDS)
def test_nobodys_text_adds_markup_or_headers_or_keeps_a_mail_from_going(
    alert: Alert, reason: Reason, language: str, why: str
) -> None:
    sections = (Section("open", (alert,)),)
    shown = told(
        alert, reason=reason, why=why, group=why, headline=why, lines=(why,), sections=sections, acknowledge=WAYS
    )
    mail = RENDERER._render(shown, READERS[language])
    page = Page(mail.html)
    assert page.open == []
    assert page.tags <= USUAL_PAGE.tags | {"br"}
    assert page.names <= USUAL_PAGE.names | {"align"}
    assert all(re.fullmatch(r"https?://[!-~]+", href) for href in page.hrefs)
    assert len(mail.subject.splitlines()) == 1
    assert len(mail.subject) <= 180
    for form in (mail.subject, mail.text, mail.html, mail.short):
        assert not re.search(
            r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff\u200b]", form
        )
        form.encode()
    for name, value in mail.headers:
        assert re.fullmatch(r"[A-Za-z-]+", name)
        assert re.fullmatch(r"[ -~]*", value)


@pytest.mark.parametrize("subject", NASTY)
def test_a_nasty_subject_leaves_the_ticket_named(subject: str) -> None:
    mail = RENDERER.render(told(replace(ALERT, subject=subject)), LENA)
    assert mail.subject.startswith("[Support] 12345 First reply overdue")
    in_order(mail.text, "First reply of ticket 12345 was due", "https://desk.example/agent/tickets/12345")


def test_jinja_in_a_subject_is_shown_and_not_run() -> None:
    mail = Renderer(subject="{{ number }}: {{ subject }}").render(told(replace(ALERT, subject="{{ 7 * 7 }}")), LENA)
    assert mail.subject == "12345: {{ 7 * 7 }}"
    assert "{{ 7 * 7 }}" in mail.html
