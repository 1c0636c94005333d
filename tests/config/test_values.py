"""The kinds of values in config.yaml: spans, addresses, secrets and names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from syncd.config.durations import LONGEST, format_duration, parse_duration
from syncd.config.fields import BaseUrl, Surroundings, expand, is_loopback
from syncd.config.names import nearest, normalise, ticket_category
from syncd.config.secret import Secret, SecretError
from syncd.config.sentences import relations_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15),
        ("30m", 1800),
        ("4h", 14400),
        ("90d", 7776000),
        ("2w", 1209600),
        ("1h30m", 5400),
        (" 1 H 30 m ", 5400),
    ],
)
def test_a_span_is_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "15", "1.5", "h", "1y", "-1h", "1h 1h", "٣s", "1h30", "10000d", "9999999999s"])
def test_what_is_no_span_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_duration(text)


@given(st.integers(0, int(LONGEST.total_seconds())).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_written_span_reads_back(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse, nothing listens on it
        ("128.0.0.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, here: bool) -> None:
    assert is_loopback(host) is here


class _Server(BaseModel):
    url: BaseUrl


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://acme.example/", "https://acme.example"),
        ("https://acme.example/jira/", "https://acme.example/jira"),
        ("https://api.atlassian.com/ex/jira/1234", "https://api.atlassian.com/ex/jira/1234"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/jira", "http://[::1]:8080/jira"),
        ("http://localhost:1", "http://localhost:1"),
        ("${SERVER}", "https://from.example"),
        ("${NONE:-https://otherwise.example}", "https://otherwise.example"),
        ("https://${HOST}/x", "https://h.example/x"),
    ],
)
def test_an_address_is_read(written: str, read: str) -> None:
    around = Surroundings({"SERVER": "https://from.example/", "HOST": "h.example", "NONE": ""})
    assert _Server.model_validate({"url": written}, context=around).url == read


@pytest.mark.parametrize(
    "written",
    [
        "http://acme.example",
        "http://127.0.0.1@acme.example",
        "https://user:pw@acme.example",
        "https://acme.example:port",
        "https://acme.example:99999",
        "https://[::1",
        "https://acme.example/a b",
        "https://",
        "//acme.example",
        "acme.example",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_is_none_or_not_safe_is_refused(written: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _Server.model_validate({"url": written}, context=Surroundings({}))
    (_, sentence) = relations_of(caught.value)[0]
    assert "pw" not in sentence


def test_a_variable_is_replaced_once_and_not_again_in_what_it_holds() -> None:
    assert expand("${A}-${A}", {"A": "${B}", "B": "no"}) == "${B}-${B}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("To Do", "to do"),
        ("Won't Do", "won’t do"),
        ("In  Progress ", "in progress"),
        ("ＤＯＮＥ", "done"),
        ("Straße", "STRASSE"),
        ("On‑hold", "on-hold"),
        ("Café", "Cafe\u0301"),
    ],
)
def test_names_that_look_alike_are_the_same(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@given(st.text())
def test_a_normal_name_stays_as_it_is(name: str) -> None:
    assert normalise(normalise(name)) == normalise(name)


def test_the_nearest_name_is_told_as_it_is_spelled() -> None:
    assert nearest("in progres", ["To Do", "In Progress", "Done"]) == "In Progress"
    assert nearest("zzz", ["To Do"]) is None


@pytest.mark.parametrize(
    ("name", "category"),
    [("On-hold", "hold"), ("on hold", "hold"), ("HOLD", "hold"), ("Solved", "solved"), ("closed", "closed")],
)
def test_a_ticket_category_is_known_under_its_usual_spellings(name: str, category: str) -> None:
    assert ticket_category(name) == category
    assert ticket_category("Escalated") is None


# ---- secrets ----------------------------------------------------------------------------------------------------

CANARY = "canary-7f3a"


@pytest.fixture
def secret_file(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "token"
    file.write_text(f"{CANARY}\n")
    file.chmod(0o600)
    yield file
    file.chmod(0o600)


def test_a_secret_is_read_anew_each_time(secret_file: Path) -> None:
    environ = {"TOKEN": "one"}
    by_env, by_file = Secret(env="TOKEN", environ=environ), Secret(file=secret_file)
    assert (by_env.reveal(), by_file.reveal()) == ("one", CANARY)
    environ["TOKEN"] = "two"
    secret_file.write_text("rotated\r\n")
    assert (by_env.reveal(), by_file.reveal()) == ("two", "rotated")


def test_a_secret_shows_itself_nowhere(secret_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(env="TOKEN", environ={"TOKEN": CANARY})
    caplog.set_level(logging.DEBUG)
    logging.getLogger("any").warning("%s %r", secret, [secret])
    for shown in (repr(secret), str(secret), f"{secret}", secret.place, caplog.text, repr(Secret(file=secret_file))):
        assert CANARY not in shown
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="only blanks"),
        pytest.param(b"canary-7f3a\nX-Evil: 1\n", id="two lines, which could smuggle a header"),
        pytest.param(b"canary-7f3a\xff", id="not text"),
        pytest.param(b"c" * 70000, id="too large"),
    ],
)
def test_what_cannot_be_a_secret_is_refused_without_showing_it(secret_file: Path, content: bytes) -> None:
    secret_file.write_bytes(content)
    with pytest.raises(SecretError) as caught:
        Secret(file=secret_file).reveal()
    assert CANARY not in str(caught.value)
    assert "token" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_secret_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="JIRA_TOKEN"):
        Secret(env="JIRA_TOKEN", environ={}).reveal()
    with pytest.raises(SecretError, match="nowhere"):
        Secret(file=tmp_path / "nowhere").reveal()


@pytest.mark.parametrize(
    ("mode", "warns"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o660, True)]
)
def test_a_file_that_others_can_open_is_warned_of(secret_file: Path, mode: int, warns: bool) -> None:
    secret_file.chmod(mode)
    assert (Secret(file=secret_file).warning() is not None) is warns


def test_a_place_that_is_not_there_is_warned_of(tmp_path: Path) -> None:
    assert "nowhere" in str(Secret(file=tmp_path / "nowhere").warning())
    assert "not a file" in str(Secret(file=tmp_path).warning())
    assert "TOKEN" in str(Secret(env="TOKEN", environ={}).warning())
    assert Secret(env="TOKEN", environ={"TOKEN": "x"}).warning() is None
