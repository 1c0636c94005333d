"""Mail against a real SMTP server that fails in every way that matters: nothing is lost, nothing goes out twice under
another Message-ID."""

from __future__ import annotations

import email
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from syncd.alerts.channels.build import build_channels, targets_of
from syncd.alerts.letter import Letterhead, message_id
from syncd.alerts.mail import MailChannel, MailProblem, MailServer, Smtp, Stage, judge
from syncd.alerts.ports import Fate, Parcel
from syncd.alerts.render import Renderer
from syncd.config.alert_models import Mail, Receiver
from syncd.config.secret import Secret
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.mailbox import Mailbox
from tests.alerts.mail_kit import ALERT, LENA, StillClock, told

HEAD = Letterhead(sender="syncd@helpdesk.example", domain="helpdesk.example")
IDENTITY = "<12345.first_reply.1.1@helpdesk.example>"


@pytest.fixture
def open_box() -> Iterator[Callable[..., Mailbox]]:
    boxes: list[Mailbox] = []

    def start(**settings: object) -> Mailbox:
        box = Mailbox(SandboxClock(1_795_402_860, frozen=True), **settings)  # type: ignore[arg-type]  # as Mailbox takes
        boxes.append(box)
        box.start()
        return box

    yield start
    for box in boxes:
        box.stop()


@pytest.fixture
def box(open_box: Callable[..., Mailbox]) -> Mailbox:
    return open_box()


def server(box: Mailbox, **changes: object) -> MailServer:
    plain = MailServer(box.host, box.port, "none", "helpdesk.example", timeout=5.0)
    return replace(plain, **changes)  # type: ignore[arg-type]  # as MailServer takes


def channel(box: Mailbox, **changes: object) -> MailChannel:
    return MailChannel(HEAD, Renderer(), Smtp(server(box, **changes)))


def parcel(address: str = LENA.address, content: bytes | None = None) -> Parcel:
    written = MailChannel(HEAD, Renderer(), Smtp(MailServer("", 0, "none", ""))).compose(told(ALERT), LENA, IDENTITY)
    return Parcel(IDENTITY, address, content or written, 0)


def secret(tmp_path: Path, text: str = "hunter2") -> Secret:
    place = tmp_path / "password"
    place.write_text(text)
    return Secret(file=place)


# ---- the ways of failing ---------------------------------------------------------------------------------------------


def test_a_mail_arrives_as_it_was_written(box: Mailbox) -> None:
    sent = parcel()
    outcome = channel(box).deliver(sent, seconds=5)
    kept = box.mails()[0]
    assert (outcome.fate, outcome.code) == (Fate.SENT, 250)
    assert kept["raw"].encode() == sent.content
    assert (kept["sender"], kept["recipient"], kept["message_id"]) == (HEAD.sender, LENA.address, IDENTITY)


def test_a_lost_250_is_unknown_and_the_resend_is_the_same_byte_for_byte(box: Mailbox) -> None:
    box.set_switches({"lost_250": 1})
    sent, way = parcel(), channel(box)
    assert way.deliver(sent, seconds=5).fate is Fate.UNKNOWN
    assert way.deliver(sent, seconds=5).fate is Fate.SENT
    first, second = box.mails()
    assert first["raw"] == second["raw"]
    assert {first["message_id"], second["message_id"]} == {IDENTITY}


def test_a_connection_that_ends_before_the_content_is_a_definite_no(box: Mailbox) -> None:
    box.set_switches({"drop_before": 1})
    way = channel(box)
    assert way.deliver(parcel(), seconds=5).fate is Fate.RETRY
    assert box.mails() == []
    assert way.deliver(parcel(), seconds=5).fate is Fate.SENT


def test_greylisting_is_tried_again_when_the_server_says(box: Mailbox) -> None:
    box.set_switches({"greylist": 2})
    way = channel(box)
    outcomes = [way.deliver(parcel(), seconds=5) for _ in range(3)]
    assert [outcome.fate for outcome in outcomes] == [Fate.RETRY, Fate.RETRY, Fate.SENT]
    assert (outcomes[0].code, outcomes[0].after) == (451, 60.0)
    assert len(box.mails()) == 1


def test_one_dead_recipient_among_three_stops_nobody_else(box: Mailbox) -> None:
    box.set_switches({"dead": ["gone@helpdesk.example"]})
    way = channel(box)
    people = ("lena.vogt@helpdesk.example", "gone@helpdesk.example", "tom.brandt@helpdesk.example")
    fates = [way.deliver(parcel(address), seconds=5).fate for address in people]
    assert fates == [Fate.SENT, Fate.DEAD, Fate.SENT]
    assert [kept["recipient"] for kept in box.mails()] == [people[0], people[2]]


def test_a_server_that_is_down_is_asked_again_and_gets_the_same_mail(box: Mailbox) -> None:
    box.set_switches({"down": True})
    way, sent = channel(box), parcel()
    outcome = way.deliver(sent, seconds=5)
    assert (outcome.fate, outcome.text) == (Fate.RETRY, f"{box.host}:{box.port}: the connection was refused")
    box.set_switches({"down": False})
    assert way.deliver(sent, seconds=5).fate is Fate.SENT
    assert box.mails()[0]["raw"].encode() == sent.content


def test_a_server_that_does_not_answer_the_content_is_left_when_the_time_is_up(box: Mailbox) -> None:
    box.set_switches({"slow": 30.0})
    assert channel(box, final_timeout=0.5).deliver(parcel(), seconds=5).fate is Fate.UNKNOWN


def test_a_slow_answer_to_the_content_is_waited_for_though_little_time_is_left(box: Mailbox) -> None:
    box.set_switches({"slow": 0.5})
    assert channel(box).deliver(parcel(), seconds=0.01).fate is Fate.SENT
    assert len(box.mails()) == 1


def test_a_server_that_says_nothing_at_all_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = MailServer("127.0.0.1", silent.getsockname()[1], "none", "helpdesk.example", timeout=0.3)
        outcome = Smtp(mute).send(b"", HEAD.sender, LENA.address, seconds=5)
    assert outcome.fate is Fate.RETRY
    assert "no answer in time" in outcome.text


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        pytest.param("554 5.6.0 not this one", Fate.DEAD, id="content that is refused for good is dead"),
        pytest.param("451 4.3.0 later", Fate.RETRY, id="content that is refused for now is tried again"),
        pytest.param("421 4.3.2 going down", Fate.RETRY, id="a server on its way down is tried again"),
    ],
)
def test_an_answer_to_the_content_is_definite(box: Mailbox, answer: str, fate: Fate) -> None:
    box.set_switches({"reject": answer})
    assert channel(box).deliver(parcel(), seconds=5).fate is fate
    assert box.mails() == []


def test_a_line_that_is_a_dot_ends_nothing(box: Mailbox) -> None:
    content = b"From: a@b.example\r\nSubject: dots\r\n\r\n.\r\n..two\r\nend\r\n"
    assert channel(box).deliver(parcel(content=content), seconds=5).fate is Fate.SENT
    assert box.mails()[0]["raw"].encode() == content


# ---- TLS and signing in ----------------------------------------------------------------------------------------------


class Certificates:
    """A certificate authority, a server's certificate, and where the authority's own lies."""

    def __init__(self, folder: Path, *names: str) -> None:
        authority = trustme.CA()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(self.context)
        self.file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.file)


@pytest.mark.parametrize(
    ("tls", "implicit"), [pytest.param("starttls", False, id="STARTTLS"), pytest.param("tls", True, id="TLS at once")]
)
def test_mail_and_password_travel_encrypted(
    open_box: Callable[..., Mailbox], tmp_path: Path, tls: str, implicit: bool
) -> None:
    ours = Certificates(tmp_path, "localhost", "127.0.0.1")
    box = open_box(tls=ours.context, implicit=implicit, user="syncd", password="hunter2")
    login = {"tls": tls, "ca_file": ours.file, "username": "syncd", "password": secret(tmp_path)}
    assert channel(box, **login).deliver(parcel(), seconds=10).fate is Fate.SENT
    assert (box.mails()[0]["tls"], box.mails()[0]["user"]) == (True, "syncd")
    assert "signed in as syncd" in Smtp(server(box, **login)).probe()


@pytest.mark.parametrize(
    ("names", "trusted"),
    [
        pytest.param(("localhost", "127.0.0.1"), False, id="signed by somebody unknown"),
        pytest.param(("mail.other.example",), True, id="made out to another name"),
    ],
)
@pytest.mark.parametrize("implicit", [False, True])
def test_a_wrong_certificate_gets_neither_password_nor_mail(
    open_box: Callable[..., Mailbox], tmp_path: Path, names: tuple[str, ...], trusted: bool, implicit: bool
) -> None:
    theirs = Certificates(tmp_path, *names)
    box = open_box(tls=theirs.context, implicit=implicit, user="syncd", password="hunter2")
    login = {"tls": "tls" if implicit else "starttls", "username": "syncd", "password": secret(tmp_path)}
    way = channel(box, **login, ca_file=theirs.file if trusted else None)
    outcome = way.deliver(parcel(), seconds=10)
    assert outcome.fate is Fate.RETRY
    assert "certificate" in outcome.text
    assert "nothing was sent" in outcome.text
    assert box.mails() == []


def test_certificates_that_cannot_be_read_are_named(open_box: Callable[..., Mailbox], tmp_path: Path) -> None:
    box = open_box(tls=Certificates(tmp_path, "127.0.0.1").context)
    (tmp_path / "empty.pem").write_text("")
    for name in ("absent.pem", "empty.pem"):
        outcome = channel(box, tls="starttls", ca_file=tmp_path / name).deliver(parcel(), seconds=5)
        assert outcome.fate is Fate.RETRY
        assert f"{name} holds no certificates" in outcome.text


def test_a_server_without_starttls_is_not_spoken_to_in_the_clear(box: Mailbox) -> None:
    outcome = channel(box, tls="starttls").deliver(parcel(), seconds=5)
    assert outcome.fate is Fate.RETRY
    assert "STARTTLS" in outcome.text
    assert box.mails() == []


def test_a_refused_password_is_no_fault_of_the_mail_and_is_not_told(
    open_box: Callable[..., Mailbox], tmp_path: Path
) -> None:
    ours = Certificates(tmp_path, "127.0.0.1")
    box = open_box(tls=ours.context, user="syncd", password="something else")
    login = {"tls": "starttls", "ca_file": ours.file, "username": "syncd", "password": secret(tmp_path)}
    outcome = channel(box, **login).deliver(parcel(), seconds=10)
    assert (outcome.fate, outcome.code) == (Fate.RETRY, 535)
    assert "hunter2" not in outcome.text
    with pytest.raises(MailProblem) as told_so:
        Smtp(server(box, **login)).probe()
    assert told_so.value.mend


def test_a_password_that_cannot_be_read_is_told_with_its_place_and_nothing_is_sent(
    open_box: Callable[..., Mailbox], tmp_path: Path
) -> None:
    ours = Certificates(tmp_path, "127.0.0.1")
    box = open_box(tls=ours.context, user="syncd", password="hunter2")
    login = {"tls": "starttls", "ca_file": ours.file, "username": "syncd", "password": Secret(env="MAIL_PASSWORD")}
    outcome = channel(box, **login).deliver(parcel(), seconds=10)
    assert outcome.fate is Fate.RETRY
    assert "MAIL_PASSWORD" in outcome.text


# ---- what answers mean -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "code", "said", "fate", "after"),
    [
        pytest.param(Stage.RECIPIENT, 550, "no such user", Fate.DEAD, None, id="an unknown recipient is dead"),
        pytest.param(Stage.RECIPIENT, 552, "over quota", Fate.DEAD, None, id="a full mailbox that says 5xx is dead"),
        pytest.param(
            Stage.RECIPIENT, 452, "too many", Fate.RETRY, 120.0, id="a recipient refused for now may be greylisted"
        ),
        pytest.param(
            Stage.RECIPIENT, 450, "try in 5 minutes", Fate.RETRY, 300.0, id="minutes that the server names are kept"
        ),
        pytest.param(
            Stage.RECIPIENT, 530, "sign in", Fate.RETRY, None, id="a sign-in that lacks is no fault of the recipient"
        ),
        pytest.param(Stage.SENDER, 550, "not you", Fate.RETRY, None, id="a sender that is refused kills no mail"),
        pytest.param(Stage.SENDER, 421, "busy", Fate.RETRY, None, id="421 is later, whenever it comes"),
        pytest.param(Stage.DATA, 250, "what?", Fate.RETRY, None, id="a 250 where 354 belongs is no yes"),
        pytest.param(Stage.CONTENT, 250, "kept", Fate.SENT, None, id="only a 250 after the content is a yes"),
        pytest.param(Stage.CONTENT, 354, "again?", Fate.RETRY, None, id="354 after the content is no yes"),
        pytest.param(Stage.CONTENT, 554, "spam", Fate.DEAD, None, id="content taken for spam is dead"),
    ],
)
def test_what_an_answer_means(stage: Stage, code: int, said: str, fate: Fate, after: float | None) -> None:
    outcome = judge(stage, code, said)
    assert outcome is not None
    assert (outcome.fate, outcome.after) == (fate, after)


@pytest.mark.parametrize(("stage", "code"), [(Stage.SENDER, 250), (Stage.RECIPIENT, 251), (Stage.DATA, 354)])
def test_a_transaction_goes_on(stage: Stage, code: int) -> None:
    assert judge(stage, code, "") is None


# ---- from the configuration ------------------------------------------------------------------------------------------


def test_the_configuration_makes_a_channel_and_each_address_a_target(box: Mailbox) -> None:
    mail = Mail.model_validate({"host": box.host, "port": box.port, "tls": "none", "sender": "syncd@helpdesk.example"})
    leads = Receiver.model_validate(
        {
            "name": "leads",
            "to": ["a@helpdesk.example", "b@helpdesk.example"],
            "language": "zh-CN",
            "zone": "Asia/Shanghai",
        }
    )
    way = build_channels(mail, [leads], StillClock())["mail"]
    for target in targets_of(leads):
        identity = message_id((12345, "first_reply", 1, 1), target.reader.address, mail.id_domain)
        content = way.compose(told(ALERT), target.reader, identity)
        assert way.deliver(Parcel(identity, target.reader.address, content, 0), seconds=5).fate is Fate.SENT
    kept = box.mails()
    assert [each["recipient"] for each in kept] == ["a@helpdesk.example", "b@helpdesk.example"]
    assert len({each["message_id"] for each in kept}) == 2
    assert kept[0]["subject"].startswith("【技术支持】12345 首次响应已超时：")
    assert email.message_from_string(kept[0]["raw"])["Auto-Submitted"] == "auto-generated"
