"""From the configuration to channels, and from a receiver to the targets it is reached at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from requests.adapters import BaseAdapter

from syncd.alerts.channels.apprise import Apprise
from syncd.alerts.channels.robots import SERVICES, Robot
from syncd.alerts.channels.webhook import Webhook
from syncd.alerts.letter import Letterhead
from syncd.alerts.mail import MailChannel, Mailer, MailServer, Smtp
from syncd.alerts.message import Reader
from syncd.alerts.ports import Channel, Target
from syncd.alerts.render import Renderer
from syncd.config.alert_models import Mail, Receiver
from syncd.core.ports import Clock

MAIL = "mail"


def mail_server(mail: Mail) -> MailServer:
    """Where mail goes out."""
    return MailServer(
        host=mail.host,
        port=mail.port,
        tls=mail.tls,
        domain=mail.id_domain,
        username=mail.username or "",
        password=mail.password,
        ca_file=Path(mail.ca_file) if mail.ca_file else None,
        timeout=mail.timeout.total_seconds(),
        final_timeout=mail.final_timeout.total_seconds(),
    )


def letterhead(mail: Mail) -> Letterhead:
    """What all mails share."""
    return Letterhead(
        sender=mail.sender,
        domain=mail.id_domain,
        name=mail.sender_name,
        reply_to=mail.reply_to or "",
        list_id=mail.list_id or "",
    )


def renderer_of(mail: Mail | None) -> Renderer:
    """With the operator's templates and subject, where there are any."""
    if mail is None:
        return Renderer()
    return Renderer(overrides=Path(mail.templates) if mail.templates else None, subject=mail.subject or "")


def build_channels(
    mail: Mail | None,
    receivers: Iterable[Receiver],
    clock: Clock,
    *,
    mailer: Mailer | None = None,
    adapter: BaseAdapter | None = None,
) -> dict[str, Channel]:
    """Every channel by its name. `mailer` and `adapter` replace the network (tests, the simulation)."""
    renderer = renderer_of(mail)
    found: dict[str, Channel] = {}
    if mail is not None:
        found[MAIL] = MailChannel(letterhead(mail), renderer, mailer or Smtp(mail_server(mail)))
    for receiver in receivers:
        channel = _channel(receiver, renderer, clock, adapter)
        if channel is not None:
            found[channel.name] = channel
    return found


def _channel(receiver: Receiver, renderer: Renderer, clock: Clock, adapter: BaseAdapter | None) -> Channel | None:
    url, secret, name = receiver.url, receiver.secret, channel_name(receiver)
    if url is None:
        return None
    if receiver.kind in SERVICES:
        return Robot(SERVICES[receiver.kind], name, renderer, url, clock, secret=secret, adapter=adapter)
    if receiver.kind == "webhook" and secret is not None:
        return Webhook(name, renderer, url, secret, clock, adapter=adapter)
    return Apprise(name, renderer, url) if receiver.kind == "apprise" else None


def channel_name(receiver: Receiver) -> str:
    """`mail`, or kind and name: `wecom:support group`."""
    return MAIL if receiver.kind == "mail" else f"{receiver.kind}:{receiver.name}"


def targets_of(receiver: Receiver) -> tuple[Target, ...]:
    """Where a receiver is reached: each address by itself, a robot or webhook by its receiver's name."""
    addresses = receiver.to if receiver.kind == "mail" else (receiver.name,)
    name = channel_name(receiver)
    return tuple(Target(name, Reader(each, receiver.language, receiver.zone)) for each in dict.fromkeys(addresses))
