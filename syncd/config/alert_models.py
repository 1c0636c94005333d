"""The `mail:` and `receivers:` blocks: by which server mail goes out, and who hears of what is overdue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from syncd.config.durations import Duration, format_duration
from syncd.config.fields import EnvName, Expanded, SecretFile, Text, expand, is_loopback, surroundings
from syncd.config.names import nearest
from syncd.config.problems import KeyPath, listed, one_line
from syncd.config.secret import Secret
from syncd.config.secret_place import WithSecret, one_place
from syncd.config.sentences import Relation, refusal
from syncd.rules.templates import Template, TemplateProblem

ReceiverKind: TypeAlias = Literal["mail", "wecom", "dingtalk", "feishu", "webhook", "apprise"]
SIGNED: Final = ("dingtalk", "feishu", "webhook")  # kinds whose messages can be signed
SUBJECT_BLANKS: Final = (
    "number",
    "ticket",
    "what",
    "subject",
    "reason",
    "metric",
    "rule",
    "priority",
    "customer",
    "holder",
    "due",
    "level",
)
"""What the template of the subject may use."""

_HOST: Final = re.compile(
    r"(?=.{1,120}\Z)[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*"
)
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def _host(text: str) -> str:
    if ":" in text and "/" not in text and re.fullmatch(r"[0-9A-Fa-f:.]+", text):
        return text  # an IPv6 address
    if not _HOST.fullmatch(text):
        raise refusal("Write the name of the mail server alone, such as smtp.acme.example; its port stands under port.")
    return text.lower()


def _domain(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise refusal("Write a domain, such as acme.example.")
    return text.lower()


def _address(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,200}", text):
        raise refusal("Write one e-mail address, such as lena.vogt@acme.example, in plain letters and without a name.")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refusal("There is no time zone of this name; write one such as Europe/Berlin or Asia/Shanghai.") from None
    return text


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def time_of_day(text: str) -> str:
    """HH:MM with both hours' digits; refuses anything else."""
    if not _TIME.fullmatch(text.strip()):
        raise refusal("Write a time of day between 00:00 and 23:59, such as 08:30.")
    return text.strip().zfill(5)


def _window(text: str) -> str:
    begin, dash, end = (part.strip() for part in text.partition("-"))
    if not dash or not _TIME.fullmatch(begin) or not _TIME.fullmatch(end):
        raise refusal("Write from when to when, such as 20:00-08:00.")
    if _minute(begin) == _minute(end):
        raise refusal("Quiet hours that never end would hold every message: write two different times.")
    return f"{begin.zfill(5)}-{end.zfill(5)}"


def _path(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    around = surroundings(info)
    try:
        text = expand(value, around.environ).strip()
    except ValueError as error:
        raise refusal(str(error)) from None
    return str(around.folder / Path(text).expanduser())


def _template(text: str) -> str:
    if len(text) > 1000:
        raise refusal("The template of the subject is longer than 1000 characters.")
    try:
        Template(text).render(dict.fromkeys(SUBJECT_BLANKS, "1"))
    except TemplateProblem as error:
        known = listed(SUBJECT_BLANKS, "and")
        raise refusal(f"This template does not work: {one_line(str(error)).rstrip('.')}. It may use {known}.") from None
    return text


MailAddress = Annotated[Expanded, AfterValidator(_address)]
_Path = Annotated[str, BeforeValidator(_path)]
TimeOfDay = Annotated[str, AfterValidator(time_of_day)]
"""HH:MM in the receiver's zone."""


def _within(low: timedelta, high: timedelta) -> AfterValidator:
    def check(span: timedelta) -> timedelta:
        if not low <= span <= high:
            raise refusal(f"Write a span between {format_duration(low)} and {format_duration(high)}.")
        return span

    return AfterValidator(check)


class Mail(WithSecret):
    """The mail server, and what all mails share."""

    host: Annotated[Expanded, AfterValidator(_host)] = Field(examples=["smtp.acme.example"])
    port: int = Field(default=587, ge=1, le=65535, examples=["587"])
    tls: Literal["starttls", "tls", "none"] = Field(default="starttls", examples=["starttls"])
    username: Text | None = Field(default=None, examples=["syncd"])
    password_env: EnvName | None = Field(default=None, examples=["MAIL_PASSWORD"])
    password_file: SecretFile | None = Field(default=None, examples=["/etc/syncd/mail_password"])
    sender: MailAddress = Field(examples=["syncd@acme.example"])
    sender_name: Text = Field(default="syncd", max_length=80, examples=["syncd"])
    reply_to: MailAddress | None = Field(default=None, examples=["support-leads@acme.example"])
    list_id: Annotated[str, AfterValidator(_domain)] | None = Field(default=None, examples=["sla.acme.example"])
    domain: Annotated[str, AfterValidator(_domain)] | None = Field(default=None, examples=["acme.example"])
    subject: Annotated[Text, AfterValidator(_template)] | None = Field(
        default=None, examples=["'【技术支持】{{ number }} {{ what }}：{{ subject }}'"]
    )
    templates: _Path | None = Field(default=None, examples=["./mail"])
    ca_file: _Path | None = Field(default=None, examples=["/etc/ssl/acme-ca.pem"])
    timeout: Annotated[Duration, _within(timedelta(seconds=1), timedelta(minutes=5))] = Field(
        default=timedelta(seconds=30), examples=["30s"]
    )
    final_timeout: Annotated[Duration, _within(timedelta(seconds=1), timedelta(minutes=10))] = Field(
        default=timedelta(seconds=90), examples=["90s"]
    )
    allow_plain: bool = Field(default=False, examples=["false"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        named = [key for key in ("password_env", "password_file") if key in data]
        if named:
            yield from one_place(data, "password")
        if "username" in data and not named:
            yield (
                ("username",),
                "A user name needs a password: write password_env: ITS_NAME or password_file: /its/path.",
            )
        if named and "username" not in data:
            yield (named[0],), "A password needs a user name: write username."
        host = data.get("host")
        if data.get("tls") != "none" or not isinstance(host, str) or "${" in host or is_loopback(host.strip().lower()):
            return
        if "username" in data:
            yield ("tls",), "A password must not travel in the clear: write tls: starttls or tls: tls."
        elif data.get("allow_plain") is not True:
            sentence = (
                "Without encryption everybody on the way reads the mails: write tls: starttls or tls: tls, "
                "or allow_plain: true if that is meant."
            )
            yield ("tls",), sentence

    @property
    def password(self) -> Secret | None:
        """The password, when there is one."""
        return self._optional_secret(self.password_env, self.password_file)

    @property
    def id_domain(self) -> str:
        """The right side of Message-IDs, and how the server is greeted."""
        return self.domain or self.sender.rpartition("@")[2].lower()


class Receiver(WithSecret):
    """Somebody who hears of what is overdue: people by mail, a group by its robot, another program by webhook."""

    name: Text = Field(max_length=80, examples=["leads"])
    kind: ReceiverKind = Field(default="mail", examples=["mail"])
    to: tuple[MailAddress, ...] = Field(default=(), max_length=50, examples=["[lena.vogt@acme.example]"])
    url_env: EnvName | None = Field(default=None, examples=["WECOM_URL"])
    url_file: SecretFile | None = Field(default=None, examples=["/etc/syncd/wecom_url"])
    secret_env: EnvName | None = Field(default=None, examples=["DINGTALK_SECRET"])
    secret_file: SecretFile | None = Field(default=None, examples=["/etc/syncd/dingtalk_secret"])
    language: Literal["en", "zh-CN"] = Field(default="en", examples=["en"])
    zone: Annotated[str, AfterValidator(_zone)] = Field(default="UTC", examples=["Europe/Berlin"])
    quiet: Annotated[str, AfterValidator(_window)] | None = Field(default=None, examples=["'20:00-08:00'"])
    quiet_outside: Text | None = Field(default=None, examples=["office"])  # a calendar of sla.calendars
    urgent_breaks_through: bool = Field(default=True, examples=["true"])
    budget: int = Field(default=20, ge=1, le=1000, examples=["20"])  # messages an hour; what is over goes to the digest
    digest: TimeOfDay | None = Field(default=None, examples=["'08:30'"])  # when the morning list comes

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        kind = data.get("kind", "mail")
        if not isinstance(kind, str):
            return
        places = [key for key in ("url_env", "url_file") if key in data]
        signs = [key for key in ("secret_env", "secret_file") if key in data]
        if kind == "mail":
            if not data.get("to"):
                yield ("to",) if "to" in data else (), "Write to whom mail goes: to: [lena.vogt@acme.example]."
            for key in (*places, *signs):
                yield (key,), "A mail receiver has addresses only: write to, or another kind."
            return
        if "to" in data:
            yield (
                ("to",),
                f"Only mail goes to addresses: leave this out, or write kind: mail in place of {one_line(kind)}.",
            )
        if "url" not in data:
            yield from one_place(data, "url")
        if signs and kind not in SIGNED:
            yield (signs[0],), f"Only {listed(SIGNED, 'and')} sign what is sent: leave this out."
        elif signs or (kind == "webhook" and "secret" not in data):
            yield from one_place(data, "secret")

    @property
    def url(self) -> Secret | None:
        """Where a robot or a webhook listens. It holds a token, so it is a secret as a whole."""
        return self._optional_secret(self.url_env, self.url_file)

    @property
    def secret(self) -> Secret | None:
        """With what its messages are signed."""
        return self._optional_secret(self.secret_env, self.secret_file)

    def is_quiet(self, minute: int) -> bool:
        """True within the quiet hours; `minute` of the day, on the receiver's wall."""
        if self.quiet is None:
            return False
        begin, end = (_minute(part) for part in self.quiet.split("-"))
        return begin <= minute < end if begin < end else minute >= begin or minute < end


def opens_tickets(address: str, support: tuple[str, ...]) -> bool:
    """True when mail to this address would become a ticket: one of the support addresses (also with +something before
    the @), or any address at Zendesk's own domain."""
    local, _, domain = address.strip().lower().rpartition("@")
    if domain == "zendesk.com" or domain.endswith(".zendesk.com"):
        return True
    return f"{local.partition('+')[0]}@{domain}" in {known.strip().lower() for known in support}


def alert_relations(data: Mapping[str, object]) -> Iterator[Relation]:
    """Problems between `mail:`, `receivers:` and the support addresses."""
    mail, receivers, desk = data.get("mail"), data.get("receivers"), data.get("zendesk")
    known = desk.get("support_addresses") if isinstance(desk, Mapping) else None
    support = tuple(entry for entry in known if isinstance(entry, str)) if isinstance(known, list) else ()
    seen: dict[str, int] = {}
    for index, receiver in enumerate(receivers if isinstance(receivers, list) else ()):
        if not isinstance(receiver, Mapping):
            continue
        name = receiver.get("name")
        if isinstance(name, str) and seen.setdefault(name.casefold(), index) != index:
            first = seen[name.casefold()]
            yield ("receivers", index, "name"), f"receivers[{first}] has this name too: each receiver needs its own."
        yield from _calendar(("receivers", index, "quiet_outside"), receiver.get("quiet_outside"), data.get("sla"))
        if receiver.get("kind", "mail") != "mail":
            continue
        if mail is None:
            yield (
                ("receivers", index),
                "This receiver gets mail, and no mail server is named: write mail: with host and sender.",
            )
        to = receiver.get("to")
        for place, address in enumerate(to if isinstance(to, list) else ()):
            yield from _loops(("receivers", index, "to", place), address, support)
    if isinstance(mail, Mapping):
        yield from _loops(("mail", "sender"), mail.get("sender"), support, "Bounces go there, and")


def _calendar(path: KeyPath, name: object, sla: object) -> Iterator[Relation]:
    """A calendar that is not there would mean no quiet hours, and nobody would see that."""
    if not isinstance(name, str) or not name.strip():
        return
    calendars = sla.get("calendars") if isinstance(sla, Mapping) else None
    if not isinstance(calendars, Mapping):
        yield path, "This names a calendar of sla.calendars, and there are none: write quiet: 20:00-08:00 instead."
    elif name.strip() not in calendars:
        known = [str(each) for each in calendars]
        meant = nearest(name, known)
        hint = f'; did you mean "{meant}"?' if meant else f"; there are {listed(known, 'and')}."
        yield path, f'There is no calendar "{one_line(name, 80)}" under sla.calendars{hint}'


def alert_secrets(mail: Mail | None, receivers: Iterable[Receiver]) -> Iterator[tuple[KeyPath, Secret]]:
    """Every secret of these blocks, with the path of its block."""
    if mail is not None and mail.password is not None:
        yield ("mail",), mail.password
    for index, receiver in enumerate(receivers):
        for secret in (receiver.url, receiver.secret):
            if secret is not None:
                yield ("receivers", index), secret


def _loops(
    path: KeyPath, address: object, support: tuple[str, ...], why: str = "Mail to it opens a ticket, and"
) -> Iterator[Relation]:
    if isinstance(address, str) and opens_tickets(address, support):
        yield (
            path,
            f"{one_line(address, 80)} is a support address. {why} a ticket raises alerts: write another address.",
        )
