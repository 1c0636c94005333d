"""Rich text between Zendesk's HTML and Jira's wiki markup: structure stays, and nothing in it becomes markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.richtext import Anchor, Code, Heading, Image, Listing, Paragraph, Quote, Table, Text, images, plain
from syncd.core.richtext_html import parse_html, write_html
from syncd.core.richtext_wiki import parse_wiki, write_wiki

ROUND_TRIPS = {
    "paragraphs": "<p>One</p><p>Two</p>",
    "line breaks": "<p>One<br>Two<br>Three</p>",
    "headings of all levels": "".join(f"<h{n}>Level {n}</h{n}>" for n in range(1, 7)),
    "bold and italic": "<p>a <strong>bold</strong> and <em>italic</em> word</p>",
    "bold inside a word": "<p>un<strong>believ</strong>able</p>",
    "bold and italic at once": "<p><strong><em>both</em></strong></p>",
    "struck out and underlined": "<p><del>old</del> <u>new</u></p>",
    "inline code with braces": "<p>run <code>f({x})</code> now</p>",
    "inline code with wiki marks": "<p><code>a*b*c_d_ [x|y] !z.png!</code></p>",
    "a bullet list": "<ul><li>one</li><li>two</li></ul>",
    "a numbered list": "<ol><li>one</li><li>two</li></ol>",
    "nested lists of both kinds": "<ul><li>a<ol><li>b<ul><li>c</li></ul></li><li>d</li></ol></li><li>e</li></ul>",
    "a list item with a line break": "<ul><li>one<br>more</li></ul>",
    "a list after a paragraph": "<p>Steps:</p><ol><li>open</li><li>close</li></ol><p>Done</p>",
    "a code block with a language": '<pre><code class="language-python">def f():\n    return "<b>"</code></pre>',
    "a code block that holds a fence": "<pre><code>{code}\nrm -rf\n{code}</code></pre>",
    "a code block with blank lines": "<pre><code>a\n\n\nb</code></pre>",
    "a code block with markup": "<pre><code>h1. no\n* no\n|| no ||</code></pre>",
    "a quote of two paragraphs": "<blockquote><p>a</p><p>b</p></blockquote>",
    "a quote with a list and code": "<blockquote><ul><li>a</li></ul><pre><code>x</code></pre></blockquote>",
    "a table with headers": "<table><tbody><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></tbody></table>",
    "a table with an empty cell": "<table><tbody><tr><td>1</td><td></td><td>3</td></tr></tbody></table>",
    "a table with bars and breaks": "<table><tbody><tr><td>a|b</td><td>c<br>d</td></tr></tbody></table>",
    "a link with text": '<p>see <a href="https://a.example/x?y=1&amp;z=2" rel="noreferrer">the page</a>.</p>',
    "a link in a table": "<table><tbody><tr><td>"
    '<a href="https://a.example/" rel="noreferrer">x</a></td></tr></tbody></table>',
    "a mail link": '<p><a href="mailto:a@b.example" rel="noreferrer">write</a></p>',
    "a rule": "<p>a</p><hr><p>b</p>",
    "an image": '<p>look: <img src="https://files.example/shot.png" alt="shot.png"></p>',
    "emoji of four bytes": "<p>👩‍👩‍👧‍👦 🎉 fixed ✅</p>",
    "chinese": "<h2>重现步骤</h2><p>打开<strong>登录</strong>页面,点击「确定」。</p>",
    "japanese and korean": "<ul><li>再現手順</li><li>재현 절차</li></ul>",
    "hebrew and arabic": "<p>שלום עולם</p><p>مرحبا بالعالم</p>",
    "wiki marks as text": "<p>*no* _no_ -no- +no+ ^no^ ~no~ ??no?? {no} [no] |no| !no.png! h1. # * bq. ----</p>",
    "lines that look like blocks": "<p>h1. a<br>* b<br># c<br>- d<br>|e|<br>bq. f<br>----</p>",
    "a macro as text": "<p>{html}&lt;script&gt;{html} {include:Secret} {jql:x}</p>",
    "html as text": "<p>&lt;img src=x onerror=alert(1)&gt; &amp;lt;b&amp;gt;</p>",
    "backslashes": r"<p>C:\temp\new \\server\share \* \{x}</p>",
    "entities as text": "<p>&amp;#42;bold&amp;#42; &amp;amp;</p>",
    "arithmetic": "<p>2*3*4 = 24, a_b_c, 1-2-3, C++ and x+y+z</p>",
    "windows and unix paths": r"<p>/var/log/*.log and D:\logs\*</p>",
    "a mention": "<p>@<!-- -->hana please look, mail a@b.example</p>",
}


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in ROUND_TRIPS.items()])
def test_a_round_trip_over_wiki_markup_keeps_structure(html: str) -> None:
    tree = parse_html(html)
    names = images(tree)
    back = parse_wiki(write_wiki(tree, {name: name for name in names}))
    assert write_html(back, {name: f"https://files.example/{name}" for name in names}) == write_html(
        tree, {name: f"https://files.example/{name}" for name in names}
    )
    assert back == tree


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in ROUND_TRIPS.items()])
def test_html_that_was_written_here_reads_back_as_it_was(html: str) -> None:
    written = write_html(parse_html(html), {"shot.png": "https://files.example/shot.png"})
    assert parse_html(written) == parse_html(html)


WIKI = {
    "bold beside a list": ("*bold* text", (Paragraph((Text("bold", frozenset({"bold"})), Text(" text"))),)),
    "a heading": ("h2. Steps", (Heading(2, (Text("Steps"),)),)),
    "a mention by name": ("[~hsato] look", (Paragraph((Text("@hsato look"),)),)),
    "a mention by account": ("[~accountid:5b10a2844c20165700ede21g] look", (Paragraph((Text("@user look"),)),)),
    "a code block with options": ("{code:title=x.py|language=python}a{code}", (Code("a", "python"),)),
    "noformat in a line": ("log: {noformat}a *b*{noformat}", (Paragraph((Text("log:"),)), Code("a *b*"))),
    "a panel": ("{panel:title=T}inside{panel}", (Paragraph((Text("inside"),)),)),
    "a colour": ("{color:red}hot{color}", (Paragraph((Text("hot"),)),)),
    "an unknown macro": ("{toc}", (Paragraph((Text("{toc}"),)),)),
    "a quote line": ("bq. said", (Quote((Paragraph((Text("said"),)),)),)),
    "an image with a size": ("!shot.png|width=300!", (Paragraph((Image("shot.png"),)),)),
    "a file": ("see [^trace.log]", (Paragraph((Text("see "), Image("trace.log"))),)),
    "a bare address": (
        "at https://a.example/x.",
        (Paragraph((Text("at "), Anchor("https://a.example/x", (Text("https://a.example/x"),)), Text("."))),),
    ),
    "an open fence": ("{code}never closed", (Paragraph((Text("{code}"),)), Paragraph((Text("never closed"),)))),
    "a dangerous link": ("[click|javascript:alert(1)]", (Paragraph((Text("click"),)),)),
    "wow!": ("wow! really!", (Paragraph((Text("wow! really!"),)),)),
}


@pytest.mark.parametrize(("wiki", "tree"), [pytest.param(*row, id=name) for name, row in WIKI.items()])
def test_wiki_markup_is_read_as_jira_shows_it(wiki: str, tree: object) -> None:
    assert parse_wiki(wiki) == tree


HARD_HTML = {
    "scripts and styles are dropped with their text": (
        "<style>p{}</style><p>a<script>alert(1)</script>b</p><iframe src=x>c</iframe>",
        "<p>ab</p>",
    ),
    "handlers and styles of elements are dropped": ('<p onclick="x()" style="color:red">a</p>', "<p>a</p>"),
    "a javascript link is its text": ('<a href="java&#10;script:alert(1)">a</a>', "<p>a</p>"),
    "a data image is named only": ('<img src="data:image/png;base64,AAAA" alt="">', ""),
    "a link with a password is its text": ('<a href="https://good.example@evil.example/">a</a>', "<p>a</p>"),
    "unclosed elements end": ("<p>a<p>b<ul><li>c<li>d", "<p>a</p><p>b</p><ul><li>c</li><li>d</li></ul>"),
    "divs and non-breaking blanks": ('<div class="zd-comment">a&nbsp;b<div>c</div></div>', "<p>a b</p><p>c</p>"),
    "a list in a list without an item": (
        "<ul><li>a</li><ul><li>b</li></ul></ul>",
        "<ul><li>a<ul><li>b</li></ul></li></ul>",
    ),
    "direction marks are dropped": ("<p>gpj\u202egnp.exe</p>", "<p>gpjgnp.exe</p>"),
    "a placeholder is broken": ("<p>{{ticket.comments}}</p>", "<p>{\u2060{ticket.comments}\u2060}</p>"),
}


@pytest.mark.parametrize(("html", "wanted"), [pytest.param(*row, id=name) for name, row in HARD_HTML.items()])
def test_hard_html_becomes_harmless(html: str, wanted: str) -> None:
    assert write_html(parse_html(html)) == wanted


@pytest.mark.parametrize("deep", ["<div>" * 3000 + "a", "<ul><li>" * 500 + "a", "<b>" * 5000 + "a"])
def test_depth_is_bounded(deep: str) -> None:
    assert "a" in plain(parse_wiki(write_wiki(parse_html(deep))))


@pytest.mark.parametrize("wide", ["*" * 30000, "[" * 30000, "{{" * 15000, "|" * 30000, "\\" * 30000, "_a" * 15000])
def test_hostile_wiki_text_is_read_in_reasonable_time(wide: str) -> None:
    assert isinstance(write_html(parse_wiki(wide)), str)


_SPECIAL = st.sampled_from(
    [
        *"{}[]|*_-+!^~\\&#<>@\n a文é🎉\u202e",
        *("h1.", "bq.", "{code}", "{html}", "[~user]", "!x.png!", "javascript:", "https://a.example", "{{", "}}"),
    ]
)
_TEXTS = st.lists(_SPECIAL, max_size=30).map("".join)


@settings(max_examples=400, deadline=None)
@given(_TEXTS)
def test_a_text_becomes_no_markup_on_either_side(text: str) -> None:
    tree = (Paragraph((Text("x " + text.replace("\n", " ") + " x"),)),)
    html = write_html(tree)
    assert set(re.findall(r"<(/?\w+)", html)) <= {"p", "/p"}
    wiki = write_wiki(tree)
    again = parse_wiki(wiki)
    assert len(again) == 1
    assert isinstance(again[0], Paragraph)
    kinds = {type(inline) for inline in again[0].inlines}
    assert kinds <= {Text, Anchor}  # a plain web address stays one
    assert all(i.marks == frozenset() for i in again[0].inlines if isinstance(i, Text))
    assert not re.search(r"(?<!\\)\[~", wiki)
    assert not re.search(r"(?<!\\)\{(?:html|code)", wiki)


@settings(max_examples=300, deadline=None)
@given(_TEXTS, st.booleans())
def test_any_input_is_read_and_rewritten_without_active_parts(text: str, as_wiki: bool) -> None:
    tree = parse_wiki(text) if as_wiki else parse_html(text)
    html, wiki = write_html(tree), write_wiki(tree)
    assert not re.search(
        r"<(?!/?(?:p|h[1-6]|ul|ol|li|pre|code|blockquote|table|tbody|tr|td|th|hr|strong|em|del|u|br|a|img)\b)", html
    )
    assert not re.search(r'href="(?!https?:|mailto:)', html)
    outside = re.sub(r"(?s)\{(noformat|code)(:\w+)?\}.*?\{\1\}", "", wiki)  # inside of a fence nothing is read
    assert not re.search(r"(?<!\\)\[~|(?<!\\)\|javascript:|(?<!\\)\{html", outside)


def test_the_plain_text_holds_all_words_and_addresses() -> None:
    html = '<h1>T</h1><ul><li>a<ol><li>b</li></ol></li></ul><p><a href="https://a.example/">c</a></p><pre>d</pre>'
    assert plain(parse_html(html)) == "T\n\n- a\n  1. b\n\nc (https://a.example/)\n\nd"


def test_listings_and_tables_survive_as_such() -> None:
    kinds = {type(block) for block in parse_wiki("* a\n** b\n\n||h||\n|c|")}
    assert kinds == {Listing, Table}
