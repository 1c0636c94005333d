"""What a mail says, in which order and language; and that neither a template nor a customer can keep it from going."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest

from syncd.alerts.message import Alert, Language, NextStep, Notification, Reason
from syncd.alerts.plain import block, one_line
from syncd.alerts.render import LARGEST_TEMPLATE, Renderer, plain
from syncd.alerts.wording import TEXTS, Wording
from syncd.sla.forecast import Sign
from syncd.sla.holder import Party
from tests.alerts.html_page import Page, in_order
from tests.alerts.mail_kit import ALERT, CHINESE, LENA, MEI, NOON, READERS, one_of_each, told

KINDS = one_of_each()
RULE = replace(ALERT, metric="", threshold="", state="", due=None, elapsed=0, target=None, policy="", split=())
BARE = Alert(ticket=7, metric="resolution", threshold="breach", state="", as_of=NOON)
RENDERER = Renderer()


# ---- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "html"])
def test_a_breach_mail_says_everything_in_the_order_that_readers_need(form: str) -> None:
    mail = RENDERER.render(KINDS["breach"], LENA)
    in_order(
        mail.text if form == "text" else mail.html,
        "First reply overdue",
        "First reply of ticket 12345 was due Mon 2026-11-23 04:00 (Europe/Berlin, UTC+01:00)",
        "Level 1 of 3",
        "Development NOVA, since 11-23 02:37 (1 h 23 min)",
        "Ask the developers for a date and tell the customer.",
        "Acme GmbH (VIP)",
        "NOVA-12",
        "In Progress, assigned to Hana Sato, fix in 3.2.1, due 2026-12-01",
        "https://desk.example/agent/tickets/12345",
        "https://jira.example/browse/NOVA-12",
        "Who had it for how long",
        "Development NOVA",
        "1 h 23 min (68 %)",
        "Lena Vogt, 11-23 02:21: We are looking into it.",
        "Tom Brandt, 11-23 02:54: Reproduced on staging",
        "Urgent tickets go to the leads. Rule urgent tickets, policy quick response, group 12345.first_reply, receiver",
        "sla_ack",
        "syncd alerts ack 12345",
        "As of 11-23 04:00. Times are in Europe/Berlin, UTC+01:00.",
    )


def test_the_same_in_chinese_on_the_readers_wall() -> None:
    mail = RENDERER.render(KINDS["breach in Chinese"], MEI)
    assert mail.subject == "【技术支持】20877 首次响应已超时：更新后登录页面空白，所有用户均无法进入系统"
    in_order(
        mail.text,
        "首次响应已超时",
        "2026-11-23 周一 11:00（Asia/Shanghai, UTC+08:00）",
        "当前处理方：研发（NOVA）",
        "下一步：请向研发确认时间",
        "客户：青松科技有限公司（VIP）",
        "缺陷：NOVA-12：In Progress，经办人 Hana Sato",
        "各方处理用时",
        "为何收到此邮件",
        "如何确认",
    )


@pytest.mark.parametrize(
    ("kind", "english", "chinese"),
    [
        ("breach", "[Support] 12345 First reply overdue: Login shows", "【技术支持】12345 首次响应已超时：Login"),
        ("due soon", "[Support] 12345 First reply due soon: Login", "【技术支持】12345 首次响应即将超时：Login"),
        ("three tickets", "[Support] 3 alerts", "【技术支持】3 条提醒"),
        ("level", "[Support] 12345 Level 2: First reply overdue: ", "【技术支持】12345 2 级升级：首次响应已超时："),
        ("reminder", "[Support] 12345 Still open: First reply overdue", "【技术支持】12345 仍未处理：首次响应已超时"),
        ("resolved", "[Support] 12345 First reply done late: Login", "【技术支持】12345 首次响应已完成（超时）："),
        (
            "correction",
            "[Support] 12345 Correction: First reply was not late: ",
            "【技术支持】12345 更正：首次响应未超时：",
        ),
        ("forecast", "[Support] 12345 First reply will probably be late", "【技术支持】12345 首次响应预计会超时"),
        ("rule", "[Support] 12345 rule urgent tickets: Login", "【技术支持】12345 规则 urgent tickets：Login"),
        ("digest", "[Support] Summary of 500 alerts", "【技术支持】500 条提醒汇总"),
        (
            "morning",
            "[Support] Morning list 2026-11-23: 2 overdue, 1 due today, 4 open",
            "【技术支持】晨会清单 2026-11-23：超时 2，今日到期 1，未关闭 4",
        ),
        ("stale", "[Support] Blind since Mon 2026-11-23 03:46 (Europe/Berlin", "【技术支持】自 2026-11-23 周一 10:46"),
        ("seeing", "[Support] Zendesk can be read again", "【技术支持】Zendesk 已恢复读取"),
        ("seeing, nothing due", "[Support] Jira can be read again", "【技术支持】Jira 已恢复读取"),
        ("heartbeat", "[Support] Daily line 2026-11-23: syncd is running", "【技术支持】每日报告 2026-11-23：syncd"),
        ("notice", "[Support] syncd: A receiver cannot be reached", "【技术支持】syncd：A receiver cannot"),
    ],
)
def test_the_subject_says_what_it_is_about(kind: str, english: str, chinese: str) -> None:
    assert RENDERER.render(KINDS[kind], LENA).subject.startswith(english)
    assert RENDERER.render(KINDS[kind], MEI).subject.startswith(chinese)


@pytest.mark.parametrize("language", READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_whole_html_that_loads_nothing(kind: str, language: str) -> None:
    mail = RENDERER._render(KINDS[kind], READERS[language])
    page = Page(mail.html)
    assert page.open == []
    assert not page.tags & {"img", "script", "link", "iframe", "form", "input", "base", "object"}
    assert all(href.startswith("https://") for href in page.hrefs)
    assert mail.html.count("<style>") == 1
    assert f'lang="{language}"' in mail.html
    assert len(mail.html.encode()) < 102_000, "some clients cut what is longer"
    assert mail.fallback == ""
    assert mail.text.endswith("\n")
    assert "\n\n\n" not in mail.text


def test_a_storm_is_one_table_that_says_how_many_it_leaves_out() -> None:
    mail = RENDERER.render(KINDS["digest"], LENA)
    assert mail.text.count("First reply overdue") == 50
    assert "450 more are not shown." in mail.text
    assert "450 more are not shown." in mail.html


def test_a_reopened_bugs_own_clock_names_the_bug() -> None:
    bugs_clock = replace(ALERT, metric="bug_first_action", bug="NOVA-12")
    assert "Developers' first action (NOVA-12) overdue" in RENDERER.render(told(bugs_clock), LENA).subject
    assert bugs_clock.fact == "12345.bug_first_action.NOVA-12.1.breach"


@pytest.mark.parametrize(
    ("alert", "reason", "subject", "lead"),
    [
        pytest.param(
            RULE,
            Reason.RESOLVED,
            "[Support] 12345 Over: rule urgent tickets",
            "What was asked for on ticket",
            id="a rule, over",
        ),
        pytest.param(
            RULE,
            Reason.CORRECTION,
            "[Support] 12345 Correction: rule urgent tickets",
            "What an earlier mail said about ticket 12345 was not so",
            id="a rule, taken back",
        ),
        pytest.param(
            BARE,
            Reason.FIRST,
            "[Support] 7 Resolution overdue",
            "Resolution of ticket 7 is overdue.",
            id="only the key is known",
        ),
        pytest.param(
            replace(BARE, threshold="red"),
            Reason.REMINDER,
            "[Support] 7 Still open: Resolution due soon",
            "Resolution of ticket 7 is near its limit.",
            id="only the key is known, before the due instant",
        ),
        pytest.param(
            replace(ALERT, due=None),
            Reason.FIRST,
            "[Support] 12345 First reply overdue",
            "First reply of ticket 12345 is overdue: 2 h 1 min used, 2 h were allowed.",
            id="a clock that rests beyond its due instant",
        ),
    ],
)
def test_what_little_is_known_is_said_in_whole_sentences(alert: Alert, reason: Reason, subject: str, lead: str) -> None:
    mail = RENDERER.render(told(alert, reason=reason), LENA)
    assert mail.subject.startswith(subject)
    assert lead in mail.text
    assert "  " not in mail.subject


def test_two_clocks_of_one_ticket_are_one_subject_with_its_number() -> None:
    both = told(ALERT, replace(ALERT, metric="resolution"))
    assert RENDERER.render(both, LENA).subject.startswith(
        "[Support] 12345 First reply overdue, Resolution overdue: Login"
    )
    again = replace(both, reason=Reason.REMINDER)
    assert RENDERER.render(again, LENA).subject.startswith(
        "[Support] 12345 Still open: First reply overdue, Resolution"
    )
    level = replace(both, reason=Reason.LEVEL)
    assert RENDERER.render(level, MEI).subject.startswith("【技术支持】12345 1 级升级：首次响应已超时，解决已超时：")


def test_a_warning_says_why_its_clock_will_probably_be_late_and_a_forecast_is_called_one() -> None:
    warning = replace(ALERT, threshold="yellow", state="at_risk", forecast="release", forecast_day="2026-12-24")
    mail = RENDERER.render(told(warning), LENA)
    assert "First reply due soon" in mail.subject
    assert "Forecast: Its bug will be released on 2026-12-24." in mail.text
    rests = replace(warning, threshold="forecast", state="paused", due=None)
    mail = RENDERER.render(told(rests), LENA)
    assert "First reply will probably be late" in mail.subject
    assert "A forecast, not a breach: First reply of ticket 12345 has used 2 h 1 min of 2 h, and its bug" in mail.text
    assert "overdue" not in mail.text


RULE = Alert(12345, "", "", "", NOON, rule="bad rating", subject="Login")
ASKED = {
    "a word of ours": ("call", "Next step: Call the customer now."),
    "the operator's own sentence": ("Bring flowers.", "Next step: Bring flowers."),
    "nothing": ("", "Next step: Look at the ticket."),
}


@pytest.mark.parametrize(("asks", "shown"), ASKED.values(), ids=list(ASKED))
def test_a_rule_says_which_of_its_lines_hold_and_what_it_asks_for(asks: str, shown: str) -> None:
    text = RENDERER.render(told(RULE, why="rule bad rating: satisfaction is bad", asks=asks), LENA).text
    assert "Rule bad rating asks for attention to ticket 12345: satisfaction is bad." in text
    assert shown in text
    assert "Why you get this: Rule bad rating, group" in text


def test_a_rule_about_a_ticket_without_a_clock_does_not_claim_that_nobody_has_it() -> None:
    assert "Who has it" not in RENDERER.render(told(RULE, why="rule bad rating"), LENA).text


def test_the_ways_to_acknowledge_are_one_sentence() -> None:
    told_how = (
        "To acknowledge: Answer the customer, assign the ticket, add the tag sla_ack, write an internal note that "
        "begins with #ack or run syncd alerts ack 12345. It comes back after 1 h when nothing has happened.\n"
    )
    assert told_how in RENDERER.render(KINDS["breach"], LENA).text


def test_what_is_not_known_is_left_out() -> None:
    bare = Alert(ticket=7, metric="resolution", threshold="breach", state="breached", as_of=NOON)
    mail = RENDERER.render(told(bare), LENA)
    for label in ("Customer", "Bug", "Last public step", "Priority", "Status", "To acknowledge", "Links"):
        assert f"{label}:" not in mail.text
        assert f">{label}<" not in mail.html
    assert mail.subject == "[Support] 7 Resolution overdue"


def test_the_number_that_people_use_stands_in_for_the_id() -> None:
    mail = RENDERER.render(told(replace(ALERT, number="TS20261123001")), LENA)
    assert mail.subject.startswith("[Support] TS20261123001 ")


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/New_York", "Sun 2026-11-22 22:00 (America/New_York, UTC-05:00)"),
        ("Asia/Kolkata", "Mon 2026-11-23 08:30 (Asia/Kolkata, UTC+05:30)"),
        ("UTC", "Mon 2026-11-23 03:00 (UTC)"),
        ("Nowhere/Town", "Mon 2026-11-23 03:00 (UTC)"),
    ],
)
def test_times_are_on_the_readers_wall_and_say_which(zone: str, expected: str) -> None:
    assert f"was due {expected}" in RENDERER.render(told(ALERT), replace(LENA, zone=zone)).text


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0, "0 s", "0 秒"),
        (59, "59 s", "59 秒"),
        (1060, "17 min 40 s", "17 分钟 40 秒"),
        (3661, "1 h 1 min", "1 小时 1 分钟"),
        (200_000, "2 d 7 h 33 min", "2 天 7 小时 33 分钟"),
        (-90, "-1 min 30 s", "-1 分钟 30 秒"),
    ],
)
def test_spans_are_short(seconds: int, english: str, chinese: str) -> None:
    assert (Wording("en", "UTC").span(seconds), Wording("zh-CN", "UTC").span(seconds)) == (english, chinese)


def test_the_bar_shares_out_the_whole_and_the_largest_comes_first() -> None:
    mail = RENDERER.render(told(ALERT), LENA)
    widths = [int(width) for width in re.findall(r'<td width="(\d+)%" title', mail.html)]
    assert widths == [69, 16, 15] or sum(widths) == 100
    assert widths == sorted(widths, reverse=True)


# ---- both languages --------------------------------------------------------------------------------------------------


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts_with_the_same_blanks() -> None:
    english, chinese = TEXTS["en"], TEXTS["zh-CN"]
    assert set(english) == set(chinese)
    assert [key for key in english if blanks(english[key]) != blanks(chinese[key])] == []


@pytest.mark.parametrize("language", READERS)
def test_every_word_that_records_can_ask_for_exists(language: Language) -> None:
    texts = TEXTS[language]
    asked = [f"reason.{reason}" for reason in Reason]
    asked += [f"next.{step}" for step in NextStep]
    asked += [f"party.{party}" for party in Party]
    asked += [f"sign.{sign}" for sign in Sign]
    asked += [f"section.{key}" for key in ("overdue", "open", "today", "forecast")]
    assert [key for key in asked if key not in texts] == []


# ---- templates of the operator's -------------------------------------------------------------------------------------


def overridden(folder: Path, subject: str = "", **files: str) -> Renderer:
    for name, text in files.items():
        kind = name.rpartition("_")
        (folder / f"{kind[0]}.{kind[2]}.j2").write_text(text, encoding="utf-8")
    return Renderer(overrides=folder, subject=subject)


def test_an_override_replaces_one_template_and_may_build_on_ours(tmp_path: Path) -> None:
    ours = overridden(
        tmp_path,
        alert_html='{% extends "syncd/alert.html.j2" %}{% block content %}{{ super() }}<p>Call 112</p>{% endblock %}',
    )
    mail = ours.render(told(ALERT), LENA)
    in_order(mail.html, "Ask the developers", "<p>Call 112</p>", "Why you get this")
    assert mail.text == RENDERER.render(told(ALERT), LENA).text
    assert mail.fallback == ""
    assert ours.problems() == ()


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        pytest.param("{% if %}", "line 1", id="a syntax error"),
        pytest.param("{{ page.nothing }}", "nothing", id="something undefined"),
        pytest.param("{{ page.title.__class__.__mro__ }}", "not allowed", id="a way out of the sandbox"),
        pytest.param("{{ 'a' * 100000000 }}", "not allowed", id="a text blown up"),
        pytest.param("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion", id="a macro without end"),
        pytest.param('{% include "../../../etc/passwd" %}', "etc/passwd", id="a path that leads away"),
        pytest.param("x" * (LARGEST_TEMPLATE + 1), "larger than", id="a huge file"),
        pytest.param("{{ 1 / 0 }}", "division", id="arithmetic that fails"),
        pytest.param("{% for a in page.preheader for b in page.preheader %}", "line 1", id="a loop that is not closed"),
    ],
)
def test_a_broken_template_is_replaced_by_ours_and_the_mail_says_so(
    tmp_path: Path, template: str, problem: str
) -> None:
    for name in ("alert_html", "alert_txt"):
        folder = tmp_path / name
        folder.mkdir()
        mail = overridden(folder, **{name: template}).render(told(ALERT), LENA)
        assert problem in mail.fallback
        assert "A template of this mail could not be used" in mail.text
        assert "A template of this mail could not be used" in mail.html
        in_order(mail.text, "First reply of ticket 12345 was due", "Ask the developers")


def test_output_is_bounded(tmp_path: Path) -> None:
    rows = "{% for a in page.preheader %}" * 4 + "xxxxxxxxxx" + "{% endfor %}" * 4
    mail = overridden(tmp_path, alert_html=rows).render(told(ALERT), LENA)
    assert "produces more than" in mail.fallback


def test_what_is_wrong_with_a_folder_is_told_before_a_mail_needs_it(tmp_path: Path) -> None:
    ours = overridden(tmp_path, subject="{{ number", alert_html="{% if %}", digest_html="hello")
    problems = ours.problems()
    assert len(problems) == 3
    assert "subject" in problems[0]
    assert "alert.html.j2 cannot be used: line 1" in problems[1]
    assert "digest.html.j2 is the name of no template" in problems[2]


TRIED = {
    "a name that no record has": ({"alert_txt": "{{ page.nothing }}"}, "alert.txt.j2: a page has no nothing"),
    "a name that is nothing": ({"morning_html": "{{ nothing }}"}, "morning.html.j2: 'nothing' is undefined"),
    "a field of a card": (
        {"table_html": "{% for card in page.rows %}{{ card.nothing }}{% endfor %}"},
        "table.html.j2: a card has no nothing",
    ),
}


@pytest.mark.parametrize(("files", "problem"), TRIED.values(), ids=list(TRIED))
def test_templates_are_tried_before_a_mail_needs_them(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    assert overridden(tmp_path, **files).problems() == (f"A template cannot be used: {problem}.",)


def test_a_subject_is_tried_before_a_mail_needs_it() -> None:
    (problem,) = Renderer(subject="{{ nothing }}").problems()
    assert problem == "The template of the subject cannot be used: 'nothing' is undefined."


def test_a_folder_that_is_not_there_is_told_and_stops_nothing(tmp_path: Path) -> None:
    absent = Renderer(overrides=tmp_path / "absent")
    assert absent.problems() == ("There is no such folder, so the usual templates are used.",)
    assert absent.render(told(ALERT), LENA) == RENDERER.render(told(ALERT), LENA)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("【技术支持】{{ number }} {{ subject }}", "【技术支持】12345 Login shows a blank page after the update"),
        ("{{ priority }}/{{ customer }}: {{ what }}", "urgent/Acme GmbH (VIP): First reply overdue"),
        ("{{ ticket }} {{ holder }} {{ due }}", "12345 Development NOVA 11-23 04:00"),
    ],
)
def test_the_subject_can_be_configured(template: str, expected: str) -> None:
    assert Renderer(subject=template).render(told(ALERT), LENA).subject == expected


@pytest.mark.parametrize("template", ["{{ nothing }}", "{{ number", "", " {# #} ", "{{ ''.__class__ }}"])
def test_a_subject_that_cannot_be_made_is_the_usual_one(template: str) -> None:
    mail = Renderer(subject=template).render(told(ALERT), LENA)
    assert mail.subject.startswith("[Support] 12345 First reply overdue")
    assert bool(mail.fallback) == bool(template)


def test_messages_about_many_tickets_keep_the_usual_subject() -> None:
    assert Renderer(subject="{{ number }}").render(KINDS["digest"], LENA).subject == "[Support] Summary of 500 alerts"


# ---- the last resort and the cleaning --------------------------------------------------------------------------------


def test_when_all_else_fails_there_is_a_plain_mail_that_names_the_tickets() -> None:
    broken = replace(told(ALERT, CHINESE), receiver=object())  # type: ignore[arg-type]  # what no pipeline should hand over
    mail = RENDERER.render(broken, LENA)
    assert mail == plain(broken, LENA, mail.fallback)
    assert mail.subject == "[Support] 12345, 20877 needs attention"
    in_order(mail.text, "https://desk.example/agent/tickets/12345", "(TypeError)")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a \t b\r\n c ", "a b c"),
        ("abcdef", "abcd…"),
        ("\u202eabc\u202c", "abc"),
        ("a\u200bb", "ab"),
        ("👩‍👧", "👩‍👧"),
        ("a\u200db", "ab"),
        ("e\u0301\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301\u0301"),
        ("\ud83d", ""),
        ("⠀ㅤ", ""),
    ],
)
def test_a_line_of_plain_text(text: str, shown: str) -> None:
    assert one_line(text, 5) == shown


def test_a_block_keeps_its_lines_and_loses_empty_ones() -> None:
    assert block("a\r\n\r\n\r\nb\u2028c\n", 100) == "a\n\nb\nc"


def test_a_notification_of_nothing_still_says_what_it_is() -> None:
    empty = Notification(Reason.FIRST, "leads", "", 1, NOON)
    assert RENDERER._render(empty, LENA).subject == "[Support] 0 alerts"
