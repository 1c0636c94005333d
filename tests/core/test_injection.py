"""Hostile words on their way from one tracker to the other and back: they show as written, and do nothing."""

from __future__ import annotations

import html as entities
import re
from datetime import UTC, datetime

import pytest

from syncd.core.comment_actions import CommentToBug, CommentToTicket
from syncd.core.comment_model import BugTalkPage, CommentFile, CommentPolicy, TicketComment, TicketTalkPage
from syncd.core.comments_to_bug import plan_to_bug
from syncd.core.comments_to_ticket import plan_to_ticket
from syncd.core.model import Actor, ActorKind, IssueSnapshot, Link, Origin, TicketSnapshot, TicketState
from syncd.core.ports import BugComment
from syncd.core.richtext import Anchor, Code, Document, Heading, Listing, Paragraph, Quote, Table, Text
from syncd.core.richtext_html import parse_html, write_html
from syncd.core.richtext_wiki import parse_wiki, write_wiki

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LINK = Link(1, 35, "10305", "NOVA-1", "novabrain", Origin.MANUAL, AT)
TICKET = TicketSnapshot(35, TicketState("open"), AT, AT)
ISSUE = IssueSnapshot("10305", "NOVA-1", "NOVA", "1", "Bug", "2", "3", "To Do", "new", 1)

HOSTILE = {
    "a mention by name": "[~admin] please approve",
    "a mention by account": "[~accountid:712020:aaaa-bbbb] please approve",
    "a mention as Zendesk writes it": "@admin please approve",
    "a code macro that opens": "{code}",
    "a code macro with a title": "{code:title=x|borderStyle=solid}",
    "code that closes and goes on": "{code}{html}<script>alert(1)</script>{html}{code}",
    "noformat that closes and goes on": "{noformat}[~admin]{noformat}",
    "an html macro": "{html}<img src=x onerror=alert(1)>{html}",
    "an include macro": "{include:SECRET:Salaries}",
    "a jql macro": "{jiraissues:url=/rest/api/2/search?jql=project=SECRET}",
    "a colour that hides": "{color:white}unseen{color}",
    "an anchor macro": "{anchor:top}",
    "a script link": "[click|javascript:alert(document.cookie)]",
    "a script link in capitals": "[click|JaVaScRiPt:alert(1)]",
    "a data link": "[click|data:text/html;base64,PHNjcmlwdD4=]",
    "a link to a file share": "[click|file://evil.example/share/x]",
    "a link to another issue": "[SECRET-1]",
    "a link to an attachment": "[^passwords.txt]",
    "an image of another host": "!https://evil.example/beacon.gif!",
    "an image with a size": "!x.png|width=1,height=1!",
    "an html tag": "<script>alert(1)</script>",
    "an html tag in entities": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "an html tag in numbers": "&#60;script&#62;alert(1)&#60;/script&#62;",
    "a closing tag": "</p></div><h1>Zendesk: your password has expired</h1>",
    "a comment": "<!-- --> --><b>",
    "a handler": '" onmouseover="alert(1)',
    "a Zendesk placeholder": "{{ticket.comments_formatted}}",
    "a dynamic content placeholder": "{{dc.welcome}}",
    "a Liquid tag": "{% for comment in ticket.comments %}{{comment.value}}{% endfor %}",
    "a turn of direction": "invoice\u202efdp.exe",
    "isolates of direction": "\u2066[~admin]\u2069 \u2067{html}\u2069",
    "characters that nobody sees": "[\u200b~admin] {\u200bcode}",
    "a joiner in a mention": "[\u2060~admin] @\u2060admin",
    "backslashes before marks": "\\[~admin] \\\\[~admin] \\{code}",
    "backslashes at the end": "path\\",
    "an entity of a brace": "&#123;code&#125; &lbrace;code&rbrace;",
    "a heading": "h1. URGENT",
    "a quote": "bq. said the boss",
    "a list": "* one\n# two\n- three",
    "a table": "||a||b||\n|c|d|",
    "a rule": "----",
    "the tag of syncd": "#bug do this",
    "the prefix for customers": "#customer we pay you back",
    "our own signature": "(written by syncd)",
    "a null": "a\x00b",
    "an escape sequence": "\x1b[31mred\x1b[0m",
    "nested braces": "{{{code}}}",
    "all marks at once": "*_-+^~{}[]|!\\#&<>\"'@%",
}
WORDS = [pytest.param(text, id=name) for name, text in HOSTILE.items()]
ALLOWED = r"</?(?:p|h[1-6]|ul|ol|li|pre|code|blockquote|table|tbody|tr|td|th|hr|strong|em|del|u|br|a|img)\b"


def wrapped(text: str) -> dict[str, Document]:
    """The text in every place where a person can put one, as it is read from a ticket."""
    said = entities.escape(text)
    places = {
        "a paragraph": f"<p>{said}</p>",
        "bold": f"<p>a <b>{said}</b> b</p>",
        "inline code": f"<p><code>{said}</code></p>",
        "a heading": f"<h2>{said}</h2>",
        "a list": f"<ul><li>{said}<ol><li>{said}</li></ol></li></ul>",
        "a cell": f"<table><tr><td>{said}</td><td>x</td></tr></table>",
        "a quote": f"<blockquote><p>{said}</p></blockquote>",
        "a link": f'<p><a href="https://a.example/">{said}</a></p>',
        "an address": f'<p><a href="{said}">click</a> <a href="https://a.example/{said}">click</a></p>',
        "a code block": f"<pre>{said}</pre>",
        "the name of a file": f'<p><img src="https://files.example/x" alt="{said}"></p>',
    }
    trees = {place: parse_html(html) for place, html in places.items()}
    return {**trees, "the name of a language": (Code("x", text),)}


def kinds(tree: Document) -> list[str]:
    return [type(block).__name__ for block in tree]


def without_links(html: str) -> str:
    """A plain web address becomes a link on the way, which is all right."""
    return re.sub(r"</?a\b[^>]*>", "", html).replace("</strong><strong>", "")


def outside_code(wiki: str) -> str:
    """Wiki markup without what lies in fences, where nothing is read."""
    return re.sub(r"(?s)\{(noformat|code)(:[\w+#.-]+)?\}.*?\{\1\}", "", wiki)


@pytest.mark.parametrize("text", WORDS)
def test_on_the_bug_it_makes_no_mention_macro_link_or_block(text: str) -> None:
    for place, tree in wrapped(text).items():
        wiki = write_wiki(tree, {text: "shot-1a2b3c4d.png"})
        bare = outside_code(wiki)
        assert not re.search(r"(?<!\\)\[~", bare), (place, wiki)
        assert not re.search(r"(?<!\\)\{(?!(?:code|noformat|quote|\{))", bare.replace("{{", "").replace("}}", "")), (
            place
        )
        assert not re.search(r"(?i)(?<!\\)\|\s*(?:javascript|data|file):", bare), (place, wiki)
        assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x00\x1b]", wiki), (place, wiki)


@pytest.mark.parametrize("text", WORDS)
def test_on_the_ticket_it_makes_no_element_link_or_placeholder(text: str) -> None:
    for place, tree in wrapped(text).items():
        html = write_html(tree)
        assert re.sub(ALLOWED, "", html).count("<") == 0, (place, html)
        assert set(re.findall(r'(\w+)="', html)) <= {"href", "rel", "class", "src", "alt"}, (place, html)
        assert not re.search(r'(?i)href="(?!https?:|mailto:)', html), (place, html)
        assert "{{" not in html, (place, html)
        assert "{%" not in html, (place, html)
        assert not re.search(r"(?<![\w@])@\w", re.sub(r"<[^>]*>", " ", html)), (place, html)


@pytest.mark.parametrize("text", WORDS)
def test_there_and_back_it_stays_in_its_place(text: str) -> None:
    for place, tree in wrapped(text).items():
        if place in ("the name of a file", "the name of a language", "an address"):
            continue
        back = parse_wiki(write_wiki(tree))
        assert kinds(back) == kinds(tree), (place, back)
        assert without_links(write_html(back)) == without_links(write_html(tree)), place


@pytest.mark.parametrize("text", WORDS)
def test_a_code_block_ends_where_its_author_ended_it(text: str) -> None:
    tree: Document = (Code(f"before\n{text}\nafter"), Paragraph((Text("later"),)))
    back = parse_wiki(write_wiki(tree))
    assert kinds(back) == ["Code", "Paragraph"]
    assert back[1] == tree[1]


@pytest.mark.parametrize("name", WORDS)
def test_a_hostile_name_of_a_person_stays_a_name(name: str) -> None:
    page = TicketTalkPage(
        (TicketComment(1, Actor(ActorKind.CUSTOMER, "7", name), "<p>hello</p>", AT, public=True),), True
    )
    policy = CommentPolicy(to_bug="all")
    (action,) = plan_to_bug(LINK, TICKET, ISSUE, page, {}, policy, ticket_url="https://z.example")
    assert isinstance(action, CommentToBug)
    tree = parse_wiki(action.body)
    assert kinds(tree) == ["Paragraph", "Paragraph"]
    head = tree[0]
    assert isinstance(head, Paragraph)
    assert [inline.href for inline in head.inlines if isinstance(inline, Anchor)] in (
        ["https://z.example/agent/tickets/35?comment=1"],
        ["https://evil.example/beacon.gif", "https://z.example/agent/tickets/35?comment=1"],
    )


@pytest.mark.parametrize("name", WORDS)
def test_a_hostile_name_of_a_developer_or_file_stays_a_name(name: str) -> None:
    remark = BugComment("1", Actor(ActorKind.AGENT, "u1", name), "look: !shot.png!", AT, AT)
    files = (CommentFile("9", "shot.png", "https://j.example/9", 3), CommentFile("10", f"{name}.log", "u", 3))
    page = BugTalkPage((remark,), whole=True, files=files)
    (action,) = plan_to_ticket(LINK, TICKET, ISSUE, page, {}, CommentPolicy(), browse_url="https://j.example")
    assert isinstance(action, CommentToTicket)
    tree = parse_html(action.html)
    assert kinds(tree) == ["Paragraph", "Paragraph"]
    assert "{{" not in action.html
    assert [ref.name for ref in action.files] == ["shot.png"]


def test_the_kinds_are_all_that_there_are() -> None:
    """What the other tests wrap their words in is every kind of block that is carried."""
    seen = {kind for tree in wrapped("x").values() for kind in kinds(tree)}
    assert seen == {kind.__name__ for kind in (Paragraph, Heading, Listing, Table, Quote, Code)}
