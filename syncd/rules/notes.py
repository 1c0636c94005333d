"""The notes that escalation rules fill in themselves, in English and Chinese. Pure.

Every text in a Read came from people: it is put in as it is, because a note on a ticket is plain text, shortened, and
without anything that could pass for another line of the note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from syncd.core.model import Json
from syncd.rules.escalation import ReadyNote

TRIED: Final = 5
"""Internal notes that the escalation form quotes, the newest."""
LONG: Final = 1500
SHORT: Final = 300


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that a ticket needs before others can work on it: any of the words, a file, or a field."""

    name: str
    words: tuple[str, ...] = ()
    is_file: bool = False  # an attached file will do
    field: str = ""  # id of a ticket field that is filled in


REQUIREMENTS: Final = (
    Requirement("logs", ("log", "traceback", "stack trace", "error code", "日志", "报错", "错误码"), is_file=True),
    Requirement("steps to reproduce", ("steps", "reproduce", "repro", "复现", "重现", "步骤")),
    Requirement(
        "environment", ("environment", "version", "browser", "windows", "linux", "macos", "环境", "版本", "浏览器")
    ),
)
"""What support asks for where the configuration does not say."""


@dataclass(frozen=True, slots=True)
class Said:
    """A comment."""

    author: str
    at: str  # as people read it, with its zone
    text: str
    is_public: bool
    by_agent: bool


@dataclass(frozen=True, slots=True)
class Read:
    """What the ticket says at the moment of writing."""

    ticket: int
    subject: str = ""
    link: str = ""
    customer: str = ""
    organization: str = ""
    priority: str = ""
    group: str = ""
    description: str = ""
    said: tuple[Said, ...] = ()  # oldest first
    has_files: bool = False
    fields: Mapping[str, Json] = field(default_factory=dict)


def missing(requirements: Sequence[Requirement], read: Read) -> tuple[str, ...]:
    """The names of what the ticket does not hold."""
    text = "\n".join((read.subject, read.description, *(said.text for said in read.said))).casefold()

    def there(wanted: Requirement) -> bool:
        by_field = bool(wanted.field) and read.fields.get(wanted.field) not in (None, "", [], False)
        return by_field or (wanted.is_file and read.has_files) or any(_says(text, word) for word in wanted.words)

    return tuple(wanted.name for wanted in requirements if not there(wanted))


def _says(text: str, word: str) -> bool:
    """Latin words count whole (a login is no log), in the plural too; Chinese has no blanks between words."""
    if not word.isascii():
        return word in text
    return re.search(rf"(?<![a-z0-9]){re.escape(word.casefold())}s?(?![a-z0-9])", text) is not None


def ready_note(
    kind: str,
    read: Read,
    told: Mapping[str, Json],
    *,
    language: str = "en",
    requirements: Sequence[Requirement] = REQUIREMENTS,
) -> str:
    """The note's text; "" when there is nothing to say, as when nothing is missing."""
    words = _WORDS["zh-CN" if language.startswith("zh") else "en"]
    match kind:
        case ReadyNote.MISSING:
            lacks = missing(requirements, read)
            return "" if not lacks else "\n".join([words["missing"], *(f"- {words.get(name, name)}" for name in lacks)])
        case ReadyNote.FORM:
            return _form(read, told, words)
        case ReadyNote.ROOT_CAUSE:
            return "\n".join([words["root_cause"], *_listed(told.get("breaches")), words["root_cause_end"]])
        case ReadyNote.ARTICLE:
            kind_of, count = clean(told.get("kind"), SHORT), clean(told.get("same_kind"), SHORT)
            return words["article"].format(kind=kind_of or "-", count=count or "0")
        case _:
            expected = clean(told.get("priority_expected"), SHORT) or "-"
            return words["priority"].format(present=read.priority or words["none"], expected=expected)


def _form(read: Read, told: Mapping[str, Json], words: Mapping[str, str]) -> str:
    tried = [said for said in read.said if not said.is_public and said.by_agent][-TRIED:]
    who = ", ".join(part for part in (read.customer, read.organization) if part)
    lines = [
        words["form"],
        f"1. {words['ticket']}: #{read.ticket} {clean(read.subject, SHORT)} {read.link}".rstrip(),
        f"   {words['customer']}: {clean(who, SHORT) or '-'}; {words['priority_is']}: {read.priority or words['none']}",
        f"2. {words['problem']}: {clean(read.description, LONG) or '-'}",
        f"3. {words['tried']}:",
        *(f"   - {said.at} {clean(said.author, 80)}: {clean(said.text, SHORT)}" for said in tried),
        *([] if tried else [f"   - {words['nothing_noted']}"]),
        f"4. {words['why']}: {clean(told.get('why'), SHORT) or '-'}",
        f"5. {words['team']}: {clean(told.get('team'), SHORT) or clean(told.get('holder'), SHORT) or '-'}",
        f"6. {words['history']}:",
        *(f"   {line}" for line in _listed(told.get("history"))),
    ]
    return "\n".join(lines)


def _listed(value: Json) -> list[str]:
    return [f"- {clean(line, SHORT)}" for line in value] if isinstance(value, list) else []


def clean(value: object, limit: int) -> str:
    """One line without control and direction characters, cut at `limit` characters."""
    text = "" if value is None else str(value)
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "missing": "This ticket was escalated without what the next team needs. Please ask the customer for, or add:",
        "root_cause": "A target was missed. Please note the root cause: what happened, why, what prevents it.",
        "root_cause_end": "Answer with an internal note.",
        "article": "{count} tickets of the kind {kind} came in 30 days: please write or renew an article for it.",
        "priority": "By impact, urgency and customer the priority should be {expected}, but it is {present}.",
        "form": "Escalation",
        "ticket": "Ticket",
        "customer": "Customer",
        "priority_is": "priority",
        "problem": "Problem",
        "tried": "What was tried",
        "nothing_noted": "nothing was noted",
        "why": "Why it is escalated",
        "team": "Suggested team",
        "history": "History",
        "none": "none",
    },
    "zh-CN": {
        "missing": "工单升级时缺少下一级团队需要的信息，请补充或向客户确认：",
        "logs": "日志",
        "steps to reproduce": "复现步骤",
        "environment": "环境信息",
        "root_cause": "已超出时限。请在此说明根本原因：发生了什么、为什么、如何避免。",
        "root_cause_end": "请用内部备注回复。",
        "article": "最近 30 天内「{kind}」类问题有 {count} 个工单：请撰写或更新知识库文章。",
        "priority": "按影响范围、紧急程度和客户级别，优先级应为 {expected}，目前为 {present}，请核对。",
        "form": "升级单",
        "ticket": "工单",
        "customer": "客户",
        "priority_is": "优先级",
        "problem": "问题描述",
        "tried": "已尝试的措施",
        "nothing_noted": "没有记录",
        "why": "升级原因",
        "team": "建议团队",
        "history": "处理历史",
        "none": "无",
    },
}
