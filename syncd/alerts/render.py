"""Notifications become mails: subject, text, HTML and a short form for chats, in the reader's language and zone.

An operator may put templates of the same names into a folder; each is sandboxed, strict about what is undefined and
bounded in size. One that cannot be used is replaced by ours, and the mail says so. Whatever goes wrong, there is a
mail: the last resort is a plain one that names the ticket.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import BaseLoader, ChoiceLoader, Environment, PrefixLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.exceptions import SecurityError, TemplateSyntaxError

from syncd.alerts.message import Language, Notification, Reader, Reason, Rendered
from syncd.alerts.page import Card, Page
from syncd.alerts.plain import block, one_line
from syncd.alerts.samples import READER, SAMPLES
from syncd.alerts.view import View, labels_of
from syncd.alerts.wording import TEXTS, Wording
from syncd.rules.templates import BoundedSandbox, TemplateProblem

LARGEST_TEMPLATE: Final = 64 * 1024  # bytes of one file
MOST_OUTPUT: Final = 400_000  # characters that one template may produce
MOST_SUBJECT: Final = 180  # characters of a subject line
TICKET_IN_SUBJECT: Final = 90  # of them for the ticket's own subject
MOST_SHORT: Final = 10  # alerts in the short form
OWN: Final = "syncd"  # `{% extends "syncd/alert.html.j2" %}` reaches ours from an override of the same name
_NAME: Final = re.compile(r"[a-z][a-z_]{0,40}\.(html|txt)\.j2")
_PACKAGED: Final = Path(__file__).parent / "templates"
_OF_A_RECORD: Final = re.compile(r"'syncd\.alerts\.page\.(\w+) object' has no attribute '(\w+)'")
_BROKEN: Final = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
_FORMS: Final[Mapping[Reason, str]] = {
    Reason.MORNING: "morning",
    Reason.STALE: "notice",
    Reason.HEARTBEAT: "notice",
    Reason.NOTICE: "notice",
}


class Folder(BaseLoader):
    """Templates of one folder by their plain names; no path leads out of it, and none is larger than it may be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """As jinja2 asks for it; raises TemplateNotFound, and TemplateProblem for a file that cannot be used."""
        del environment
        place = self._folder / template
        if not _NAME.fullmatch(template) or not place.is_file():
            raise TemplateNotFound(template)
        try:
            with place.open("rb") as stream:
                content = stream.read(LARGEST_TEMPLATE + 1)
            text = content.decode("utf-8")
        except OSError as error:
            raise TemplateProblem(f"{template} cannot be read: {error.strerror or 'no access'}") from None
        except UnicodeDecodeError:
            raise TemplateProblem(f"{template} is not text in UTF-8") from None
        if len(content) > LARGEST_TEMPLATE:
            raise TemplateProblem(f"{template} is larger than {LARGEST_TEMPLATE // 1024} kB")
        return text, str(place), lambda: True

    @property
    def exists(self) -> bool:
        """Whether there is such a folder."""
        return self._folder.is_dir()

    def list_templates(self) -> list[str]:
        """The names that can be asked for."""
        return sorted(place.name for place in self._folder.glob("*.j2") if _NAME.fullmatch(place.name))


def _environment(loader: BaseLoader) -> BoundedSandbox:
    return BoundedSandbox(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=lambda name: name is None or name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


@functools.cache
def _packaged() -> BoundedSandbox:
    """Our own templates, which no reload changes: compiled once in a process."""
    ours = Folder(_PACKAGED)
    return _environment(ChoiceLoader([ours, PrefixLoader({OWN: ours})]))


class Renderer:
    """Renders with the operator's templates where there are any. `overrides`: their folder. `subject`: the template of
    the subject line of a message about one ticket. Both are read once; a reload makes a new renderer."""

    def __init__(self, *, overrides: Path | None = None, subject: str = "") -> None:
        packaged = Folder(_PACKAGED)
        self._own = _packaged()
        self._operators = self._own
        self._overrides = Folder(overrides) if overrides is not None else None
        if self._overrides is not None:
            self._operators = _environment(ChoiceLoader([self._overrides, packaged, PrefixLoader({OWN: packaged})]))
        self._subject_source = subject
        self._subject = _environment(packaged)

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the operator's templates, as far as made-up mails show it, a sentence each."""
        found: list[str] = []
        if self._subject_source:
            try:
                self._subject.parse(self._subject_source)
            except TemplateSyntaxError as error:
                found.append(f"The template of the subject cannot be used: {error.message}.")
            else:
                found += self._tried_subject()
        if self._overrides is None:
            return tuple(found)
        if not self._overrides.exists:
            return (*found, "There is no such folder, so the usual templates are used.")
        before = len(found)
        known = Folder(_PACKAGED).list_templates()
        for name in self._overrides.list_templates():
            if name not in known:
                found.append(f"{name} is the name of no template; there are {', '.join(known)}.")
                continue
            try:
                self._operators.get_template(name)
            except TemplateSyntaxError as error:
                found.append(f"{name} cannot be used: line {error.lineno}: {error.message}.")
            except (TemplateError, TemplateProblem) as error:
                found.append(f"{name} cannot be used: {error}.")
        return tuple(found) if len(found) > before else (*found, *self._tried())

    def _tried_subject(self) -> Iterator[str]:
        words = Wording(READER.language, READER.zone)
        try:
            self._own_subject(View(SAMPLES[0], READER, words).page(), SAMPLES[0], words)
        except TemplateProblem as error:
            yield f"The template of the subject cannot be used: {error}."

    def _tried(self) -> list[str]:
        """What the operator's templates make of the samples; each sentence once."""
        words = Wording(READER.language, READER.zone)
        found: dict[str, None] = {}
        for sample in SAMPLES:
            page = View(sample, READER, words).page()
            try:
                _both(self._operators, _form(sample, page), page, _labels(words, READER.language))
            except TemplateProblem as error:
                found[f"A template cannot be used: {error}."] = None
        return list(found)

    def render(self, notification: Notification, reader: Reader) -> Rendered:
        """The message. Raises nothing: what cannot be shown nicely is shown plainly."""
        try:
            return self._render(notification, reader)
        except Exception as error:  # noqa: BLE001 - a plain alert is better than none, whatever went wrong
            return plain(notification, reader, type(error).__name__)

    def _render(self, notification: Notification, reader: Reader) -> Rendered:
        words = Wording(reader.language, reader.zone)
        view = View(notification, reader, words)
        page = view.page()
        problem, text, html = "", "", ""
        labels = _labels(words, reader.language)
        form = _form(notification, page)
        try:
            text, html = _both(self._operators, form, page, labels)
        except TemplateProblem as error:
            problem = str(error)
        subject = one_line(self._standard_subject(page, words), MOST_SUBJECT)
        if self._subject_source and _is_one(page):
            try:
                subject = self._own_subject(page, notification, words)
            except TemplateProblem as error:
                problem = problem or f"subject: {error}"
        if problem:
            text, html = _both(self._own, form, view.page(problem), labels)
        return Rendered(
            subject=subject,
            text=text,
            html=html,
            short=_short(page, words),
            headers=_headers(notification),
            fallback=problem,
        )

    # ---- the subject ---------------------------------------------------------------------------------------------

    def _standard_subject(self, page: Page, words: Wording) -> str:
        if not _is_one(page):
            return words.say("subject.plain", what=page.title)
        card = _one_of(page)
        subject = one_line(card.subject, TICKET_IN_SUBJECT)
        what = card.what if len(page.cards) == 1 else page.title
        line = words.say("subject", number=card.number, what=what, subject=subject)
        return line if subject else line.rstrip("：: ")

    def _own_subject(self, page: Page, notification: Notification, words: Wording) -> str:
        card = _one_of(page)
        data = {
            "number": card.number,
            "ticket": notification.alerts[0].ticket,
            "what": card.what if len(page.cards) == 1 else page.title,
            "subject": one_line(card.subject, TICKET_IN_SUBJECT),
            "reason": words.say(f"reason.{notification.reason.value}"),
            "metric": one_line(words.name("metric", notification.alerts[0].metric), 80),
            "rule": one_line(notification.alerts[0].rule, 80),
            "priority": card.priority,
            "customer": card.customer,
            "holder": card.holder_name,
            "due": card.due_brief,
            "level": card.level,
        }
        line = one_line(_generate(self._subject, self._subject_source, data, named=False), MOST_SUBJECT)
        if not line:
            raise TemplateProblem("the subject came out empty")
        return line


def _labels(words: Wording, language: Language) -> dict[str, str]:
    return {**labels_of(words, TEXTS[language]), "colon": words.say("colon")}


def _form(notification: Notification, page: Page) -> str:
    if notification.reason is Reason.SEEING and not page.rows:
        return "notice"
    return _FORMS.get(notification.reason) or ("alert" if page.cards else "table")


def _is_one(page: Page) -> bool:
    return len({card.number for card in (*page.cards, *page.rows)}) == 1 and not page.more and bool(page.cards)


def _one_of(page: Page) -> Card:
    return page.cards[0]


def _both(environment: BoundedSandbox, form: str, page: Page, labels: Mapping[str, str]) -> tuple[str, str]:
    data = {"page": page, "label": labels}
    text = _generate(environment, f"{form}.txt.j2", data)
    return block_text(text), _generate(environment, f"{form}.html.j2", data)


def block_text(text: str) -> str:
    """At most one empty line in a row, no blanks at line ends, one line end at the end."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    kept = [line for position, line in enumerate(lines) if line or lines[position - 1]]
    return "\n".join(kept) + "\n"


def _generate(environment: BoundedSandbox, source: str, data: Mapping[str, Any], *, named: bool = True) -> str:
    """What a template produces; `named`: `source` is its name, else its text. Raises TemplateProblem."""
    parts: list[str] = []
    length = 0
    where = f"{source}: " if named else ""
    try:
        template = environment.get_template(source) if named else environment.from_string(source)
        for part in template.generate(**data):
            parts.append(part)
            length += len(part)
            if length > MOST_OUTPUT:
                raise TemplateProblem(f"{where}it produces more than {MOST_OUTPUT} characters")
    except TemplateSyntaxError as error:
        raise TemplateProblem(f"{error.name or source if named else ''} line {error.lineno}: {error.message}") from None
    except SecurityError as error:
        raise TemplateProblem(f"{where}not allowed: {error.message}") from None
    except _BROKEN as error:
        raise TemplateProblem(f"{where}{_OF_A_RECORD.sub(_undefined, str(error))}") from None
    return "".join(parts)


def _undefined(found: re.Match[str]) -> str:
    """A field that a record of ours does not have, in the words of a template."""
    return f"a {found[1].removesuffix('View').lower()} has no {found[2]}"


# ---- without templates -------------------------------------------------------------------------------------------


def _short(page: Page, words: Wording) -> str:
    """A few lines for chats: one alert in full sentences, many as a list."""
    if len(page.cards) == 1:
        card = page.cards[0]
        lines = [
            f"#{card.number} {card.subject}" if card.subject else "",
            card.lead,
            _labelled(words, "holder", card.holder),
            _labelled(words, "next", card.next),
            _labelled(words, "customer", card.customer),
            *(f"{bug.key} {bug.line}" for bug in card.bugs),
            card.url,
            *(bug.url for bug in card.bugs),
            _labelled(words, "ack", page.acknowledge),
        ]
        return "\n".join(line for line in lines if line)
    cards = [*page.cards, *page.rows, *(row for section in page.sections for row in section.rows)]
    told = [
        f"#{card.number} {card.what} {card.due_brief} {card.holder_name} {card.url}".replace("  ", " ").strip()
        for card in cards[:MOST_SHORT]
    ]
    left = words.say("more", count=len(cards) - MOST_SHORT) if len(cards) > MOST_SHORT else page.more
    counts = [f"{name}{words.say('colon')}{number}" for name, number in page.counts]
    return "\n".join(line for line in [page.lead, *page.lines, *told, left, *counts] if line)


def _labelled(words: Wording, label: str, text: str) -> str:
    return f"{words.say(f'label.{label}')}{words.say('colon')}{text}" if text else ""


def _headers(notification: Notification) -> tuple[tuple[str, str], ...]:
    facts = [one_line(alert.fact, 70).encode("ascii", "replace").decode() for alert in notification.alerts[:20]]
    found = [("X-Syncd-Fact", ", ".join(fact.replace(",", "_").replace(" ", "_") for fact in facts))] if facts else []
    return (*found, ("X-Syncd-Reason", notification.reason.value))


def plain(notification: Notification, reader: Reader, problem: str) -> Rendered:
    """The last resort: no template and next to no formatting, but every ticket is named."""
    chinese = reader.language == "zh-CN"
    numbers = [one_line(str(alert.ticket), 40) for alert in notification.alerts]
    named = ", ".join(numbers[:MOST_SHORT]) or notification.reason.value
    subject = f"【技术支持】{named} 请关注" if chinese else f"[Support] {named} needs attention"
    addresses = [one_line(alert.url, 300) for alert in notification.alerts[:MOST_SHORT]]
    said = block("\n".join([notification.headline, *notification.lines]), 2000)
    text = "\n".join(line for line in [subject, notification.reason.value, said, *addresses, f"({problem})"] if line)
    html = "".join(f"<p>{_escaped(line)}</p>" for line in text.splitlines())
    page = f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{html}</body></html>'
    return Rendered(one_line(subject, MOST_SUBJECT), text + "\n", page, text, _headers(notification), problem)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
