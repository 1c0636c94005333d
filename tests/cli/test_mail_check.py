"""`syncd check` of the mail server, the templates and the addresses: everything is tried, and no mail is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.mailbox import Mailbox
from tests.cli.house import OPS, House


@pytest.fixture
def box() -> Iterator[Mailbox]:
    found = Mailbox(SandboxClock(frozen=True))
    found.start()
    yield found
    found.stop()


def mail(box: Mailbox, *, to: str = "lena.vogt@acme.example", more: str = "") -> str:
    return (
        f"mail: {{host: {box.host}, port: {box.port}, tls: none, sender: syncd@acme.example{more}}}\n"
        f"receivers: [{{name: leads, to: [{to}]}}]\n"
    )


def test_a_mail_server_that_answers_is_named_and_gets_nothing(house: House, box: Mailbox) -> None:
    house.configure(routes=OPS, more=mail(box))
    said = house.fine("check")
    assert f"ok       mail server {box.host}:{box.port}: no encryption, no sign-in" in said.out
    assert box.mails() == []


def test_a_mail_server_that_is_down_is_an_error_that_may_pass(house: House, box: Mailbox) -> None:
    box.set_switches({"down": True})
    house.configure(routes=OPS, more=mail(box))
    said = house.syncd("check")
    assert said.code == 75
    assert f"mail: Mail cannot be sent: {box.host}:{box.port}: the connection was refused." in said.err


def test_a_mail_server_without_starttls_must_be_mended(house: House, box: Mailbox) -> None:
    house.configure(routes=OPS, more=mail(box).replace("tls: none", "tls: starttls"))
    said = house.syncd("check")
    assert said.code == 1
    assert "offers no STARTTLS: nothing was sent. Check mail.tls and mail.port." in said.err


def test_a_receiver_that_opens_tickets_by_what_zendesk_says_is_refused(house: House, box: Mailbox) -> None:
    house.configure(routes=OPS, more=mail(box, to="lena.vogt@acme.example, Support+7@helpdesk.example"))
    said = house.syncd("check")
    assert said.code == 78
    assert "receivers[0].to[1]: Support+7@helpdesk.example is a support address of Zendesk" in said.err


def test_a_receiver_that_is_a_customer_is_refused(house: House, box: Mailbox) -> None:
    house.configure(routes=OPS, more=mail(box, to="lena.vogt@helpdesk.example, Ines@aurora.example"))
    said = house.syncd("check")
    assert said.code == 78
    assert "receivers[0].to[1]: Ines@aurora.example is a customer's in Zendesk: alerts hold" in said.err
    assert "lena.vogt" not in said.err


def test_templates_that_cannot_be_used_are_told_without_a_server_too(house: House, box: Mailbox) -> None:
    folder = house.folder / "mail"
    folder.mkdir()
    (folder / "alert.html.j2").write_text("{% if %}", encoding="utf-8")
    house.configure(routes=OPS, more=mail(box, more=", templates: ./mail"))
    said = house.fine("check", "--offline")
    assert "warning" in said.out
    assert "mail.templates: alert.html.j2 cannot be used: line 1" in said.out
