"""The pretend mail server: what it keeps, how it fails, and how it is asked over HTTP."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
import requests

from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.mailbox import Mailbox
from syncd.sandbox.server import Sandbox


@pytest.fixture
def box() -> Iterator[Mailbox]:
    found = Mailbox(SandboxClock(1_795_000_000, frozen=True))
    found.start()
    yield found
    found.stop()


def mail(subject: str = "hello") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"], made["Message-ID"] = "a@acme.example", "b@acme.example", subject, "<1@x>"
    made.set_content("Grüße\n")
    made.add_alternative("<p>Grüße</p>", subtype="html")
    return made


def send(box: Mailbox, *recipients: str) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP(box.host, box.port, timeout=5) as client:
        return client.send_message(mail(), to_addrs=list(recipients))


def test_it_keeps_a_mail_for_each_recipient_with_its_parts_and_the_sandbox_time(box: Mailbox) -> None:
    send(box, "b@acme.example", "c@acme.example")
    first, second = box.mails()
    assert (first["recipient"], second["recipient"]) == ("b@acme.example", "c@acme.example")
    assert (first["subject"], first["message_id"], first["at"]) == ("hello", "<1@x>", 1_795_000_000)
    assert (first["text"], first["html"].strip(), first["tls"]) == ("Grüße\n", "<p>Grüße</p>", False)
    assert box.mails(since=1) == [second]


def test_a_mail_whose_answer_is_lost_is_kept(box: Mailbox) -> None:
    box.set_switches({"lost_250": 1})
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(box, "b@acme.example")
    assert len(box.mails()) == 1
    send(box, "b@acme.example")
    assert len(box.mails()) == 2


def test_a_greylisted_recipient_gets_through_after_its_first_tries(box: Mailbox) -> None:
    box.set_switches({"greylist": 1})
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(box, "b@acme.example")
    send(box, "b@acme.example")
    assert len(box.mails()) == 1


def test_a_dead_recipient_does_not_harm_the_others(box: Mailbox) -> None:
    box.set_switches({"dead": ["gone@acme.example"]})
    refused = send(box, "b@acme.example", "Gone@acme.example")
    assert refused["Gone@acme.example"][0] == 550
    assert [kept["recipient"] for kept in box.mails()] == ["b@acme.example"]


def test_it_can_be_away_and_comes_back_on_its_port(box: Mailbox) -> None:
    box.set_switches({"down": True})
    with pytest.raises(ConnectionRefusedError):
        send(box, "b@acme.example")
    box.set_switches({"down": False})
    send(box, "b@acme.example")
    assert len(box.mails()) == 1


@pytest.mark.parametrize("changes", [{"lost": 1}, {"down": 1}, {"greylist": True}, {"dead": "x"}])
def test_a_fault_that_is_not_known_or_of_another_type_is_refused(box: Mailbox, changes: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        box.set_switches(changes)
    assert box.switches()["lost_250"] == 0


def test_the_control_address_shows_mails_and_takes_faults() -> None:
    world = Sandbox(clock=SandboxClock(1_795_000_000, frozen=True))
    world.start(mail_port=0)
    try:
        control = world.control_url
        faults = requests.put(f"{control}/mails/faults", json={"dead": ["gone@acme.example"]}, timeout=5).json()
        assert faults["dead"] == ["gone@acme.example"]
        assert requests.put(f"{control}/mails/faults", json={"fire": 1}, timeout=5).status_code == 400
        send(world.mailbox, "b@acme.example")
        told = requests.get(f"{control}/mails", timeout=5).json()
        assert [kept["recipient"] for kept in told["mails"]] == ["b@acme.example"]
        assert told["port"] == world.mailbox.port
        assert requests.delete(f"{control}/mails", timeout=5).json()["mails"] == []
    finally:
        world.stop()
