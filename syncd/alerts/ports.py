"""What the pipeline asks of the ways out: a channel puts a notification into bytes, and hands stored bytes over once.

The bytes are made in the transaction that decides, and kept: every try of a message sends the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from syncd.alerts.message import Notification, Reader


class Fate(StrEnum):
    """What became of one try."""

    SENT = "sent"  # taken over by the server that was asked
    RETRY = "retry"  # surely not taken: it is tried again later
    DEAD = "dead"  # refused for good: the address, or what is in the message
    UNKNOWN = "unknown"  # it may have been taken: sent once more, byte for byte


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try, for people to read."""

    fate: Fate
    text: str = ""  # what the server said, on one line, without any secret
    code: int | None = None  # the SMTP code, or the code in a robot's answer
    after: float | None = None  # retry: the server asked for so many seconds


@dataclass(frozen=True, slots=True)
class Target:
    """One place a receiver is reached at. Each target has an outbox row and a try of its own."""

    channel: str  # the name of the channel: "mail", or that of a robot or webhook
    reader: Reader  # reader.address is where the message goes: a mail address, or what tells the channel's own apart


@dataclass(frozen=True, slots=True)
class Parcel:
    """A stored message on its way."""

    message_id: str  # <…@domain>, the same on every try
    address: str  # the reader's address when it was written
    content: bytes  # what compose() made
    tries: int  # how often it was tried before


class Channel(Protocol):
    """One way out."""

    @property
    def name(self) -> str:
        """Under which targets refer to it."""
        ...

    def compose(self, notification: Notification, reader: Reader, message_id: str) -> bytes:
        """The whole message as bytes, made of nothing but the arguments and the configuration: same in, same out.

        Runs inside a transaction, so it talks to nobody. No content makes it raise: what cannot be rendered becomes a
        plain message that says so."""
        ...

    def deliver(self, parcel: Parcel, *, seconds: float) -> Outcome:
        """Hands the bytes over, once, and comes back after about so many seconds at most. A channel may wait longer for
        the answer to what it has sent: giving up there makes the message go out twice.

        Whatever a server does is an Outcome and no exception. Never called inside a transaction."""
        ...
