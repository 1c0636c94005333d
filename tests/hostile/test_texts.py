"""Titles, texts and names that try to be more than text, through the real clients and a whole cycle: nothing ends,
nothing is lost, and nothing of it acts."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.crashes.points import apart
from tests.scenarios.lab import MIRROR, Deployment, Lab
from tests.scenarios.test_create import bugs

ROUTE = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    comments: {{to_bug: all}}
    create: {{act_tag: to_engineering}}
"""
NASTY = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click|javascript:alert(1)] !http://evil.example/x.png! [~admin] [~accountid:1] {html}<b>{html} {color:red}",
    "{{ticket.comments_formatted}} {{7*7}} ${HOME} %(x)s {0} {code}",
    '" OR project = SECRET ORDER BY key',
    "a\r\nBcc: all@evil.example\r\n\r\nX",
    "\x1b[2J\x07\u202egnp.exe\u2066\ufeff",
    "𝕏😀" * 300,
    "@here <!channel> |table| ||head|| ----",
    "\x00",
    "ل" * 500,
    "&lt;script&gt; &#60; &amp;",
    "h1. " * 200,
)
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    st.builds(lambda a, b: a + b, st.sampled_from(NASTY), st.sampled_from(NASTY)),
)
TAGS = re.compile(r"<\s*(script|img|iframe|style|object|form|svg)|\son\w+\s*=|javascript:", re.IGNORECASE)
MENTION = re.compile(r"(?<!\\)\[~|(?<!\\)\{html|(?<!\\)!http")


def play(lab: Lab, title: str, said: str, found: str, name: str) -> dict[str, Any]:
    """A ticket with this title asks for a bug, and both sides talk; what came of it."""

    def act(lab: Lab) -> dict[str, Any]:
        desk = lab.sandbox.zendesk
        desk.edit_user(user=lab.agent, name=name)
        ticket = desk.create_ticket(actor=lab.customer, subject=title, body=said, priority="normal")
        desk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])
        lab.cycle(3)
        made = bugs(lab)
        if made:
            lab.sandbox.jira.comment(lab.developer, made[0]["key"], found)
            desk.agent_replies(ticket=ticket, actor=lab.agent, body=said, public=False)
        beside, key = lab.ticket(), lab.bug()
        lab.request("links add", ticket=beside, issue=key)
        lab.cycle(6)
        with lab.app.store.reading() as tx:
            counts = {state.value: number for state, number in tx.intent_counts().items()}
        issue = lab.issue(made[0]["key"]) if made else {}
        return {
            "bugs": len(made),
            "beside": lab.status(beside),
            "notes": [c for c in lab.comments(ticket) if c["author_id"] == lab.seeded.bot],
            "comments": lab.bug_comments(made[0]["key"]) if made else [],
            "summary": issue.get("fields", {}).get("summary", ""),
            "description": issue.get("fields", {}).get("description") or "",
            "labels": issue.get("fields", {}).get("labels", []),
            "intents": counts,
        }

    return apart(lab, act)


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_text_stays_text(deployment: Deployment) -> None:
    lab = Lab(Path(tempfile.mkdtemp()), deployment, routes=ROUTE)
    lab.link(lab.ticket(), lab.bug())
    lab.settle()

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(title=TEXTS, said=TEXTS, found=TEXTS, name=TEXTS)
    def holds(title: str, said: str, found: str, name: str) -> None:
        came = play(lab, title, said, found, name)
        assert "error" not in came, came["error"]
        assert came["bugs"] == 1
        assert came["beside"] == "hold", "the others go on"
        assert not {"parked", "refused"} & set(came["intents"]), came["intents"]
        assert "\n" not in came["summary"]
        assert "\r" not in came["summary"]
        assert [label for label in came["labels"] if not label.startswith("syncd-")] == []
        for note in came["notes"]:
            assert note["public"] is False
            assert not TAGS.search(_without_text(note["html_body"])), note["html_body"]
        for text in (*came["comments"], came["description"]):
            assert not MENTION.search(text), text
        json.dumps(came)

    holds()


def _without_text(html: str) -> str:
    """The tags alone."""
    return " ".join(re.findall(r"<[^>]*>", html))
