"""The `mail:` and `receivers:` blocks: what they mean, and that the commented example can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncd.config.alert_models import Mail, Receiver, opens_tickets
from syncd.config.load import load_config

ROOT = Path(__file__).resolve().parent.parent.parent
REST = """
zendesk: {base_url: https://acme.zendesk.com, auth: {api_token: {email: a@acme.example, token_env: ZENDESK_TOKEN}}}
jira: {base_url: https://acme.atlassian.net, auth: {api_token: {email: a@acme.example, token_env: JIRA_TOKEN}}}
routes: [{name: engineering, project: ENG}]
"""


def example() -> str:
    """The commented blocks of config.yaml, with every key uncommented."""
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    block = text[text.index("# mail:") : text.index("\nguard:")]
    lines = [re.sub(r"^# ?", "", line) for line in block.splitlines()]
    return "\n".join(re.sub(r"^(\s*)# (\w+: )", r"\1\2", line) for line in lines)


def test_the_example_shows_every_key_and_can_be_used_as_it_stands(tmp_path: Path) -> None:
    place = tmp_path / "config.yaml"
    place.write_text(REST + example(), encoding="utf-8")
    config = load_config(place, {}).config
    assert config.mail is not None
    assert (config.mail.host, config.mail.tls, config.mail.id_domain) == (
        "smtp.acme.example",
        "starttls",
        "acme.example",
    )
    assert [receiver.kind for receiver in config.receivers] == ["mail", "wecom", "webhook"]
    shown = set(re.findall(r"\b([a-z_]+):", example())) | set(re.findall(r"\b(quiet_outside|allow_plain)\b", example()))
    hidden = {"password_file", "url_file", "secret_file"}
    assert (set(Mail.model_fields) | set(Receiver.model_fields)) - hidden <= shown


def test_every_secret_is_known_with_its_block(tmp_path: Path) -> None:
    place = tmp_path / "config.yaml"
    place.write_text(REST + example(), encoding="utf-8")
    environ = {"MAIL_PASSWORD": "one", "WECOM_URL": "two", "WALL_URL": "three", "WALL_SECRET": "four"}
    found = load_config(place, environ).config.secrets()
    assert [(path, secret.reveal()) for path, secret in found if path[0] in ("mail", "receivers")] == [
        (("mail",), "one"),
        (("receivers", 1), "two"),
        (("receivers", 2), "three"),
        (("receivers", 2), "four"),
    ]


def test_without_the_blocks_nothing_is_sent(tmp_path: Path) -> None:
    place = tmp_path / "config.yaml"
    place.write_text(REST, encoding="utf-8")
    config = load_config(place, {}).config
    assert (config.mail, config.receivers) == (None, ())


@pytest.mark.parametrize(
    ("address", "opens"),
    [
        pytest.param("help@acme.example", True, id="a support address"),
        pytest.param("HELP@Acme.Example", True, id="the same in capitals"),
        pytest.param("help+id7@acme.example", True, id="the same with a ticket's id"),
        pytest.param("anybody@acme.zendesk.com", True, id="whatever is at Zendesk's own domain"),
        pytest.param("helper@acme.example", False, id="another name"),
        pytest.param("help@acme.example.org", False, id="another domain"),
        pytest.param("help@notzendesk.com", False, id="a domain that only ends like Zendesk's"),
    ],
)
def test_which_addresses_open_tickets(address: str, opens: bool) -> None:
    assert opens_tickets(address, ("help@acme.example",)) is opens


@pytest.mark.parametrize(
    ("quiet", "at", "expected"),
    [
        ("20:00-08:00", "19:59", False),
        ("20:00-08:00", "20:00", True),
        ("20:00-08:00", "03:00", True),
        ("20:00-08:00", "08:00", False),
        ("12:00-13:00", "12:30", True),
        ("12:00-13:00", "13:00", False),
        ("9:30-10:00", "09:29", False),
        (None, "03:00", False),
    ],
)
def test_quiet_hours_may_go_over_midnight_and_end_when_they_say(quiet: str | None, at: str, expected: bool) -> None:
    written = {"name": "leads", "to": ["a@acme.example"], **({"quiet": quiet} if quiet else {})}
    hour, minute = at.split(":")
    assert Receiver.model_validate(written).is_quiet(int(hour) * 60 + int(minute)) is expected
