"""The log: JSON for machines, words for people, each warning once in a while, and never a secret."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import structlog

from syncd.ops import logs

SECRET = "s3cret/of+the=house"


class Stream(io.StringIO):
    """What was logged."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def stream() -> Iterator[Stream]:
    """A place to log to; the root logger is as it was afterwards."""
    root = logging.getLogger()
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    yield Stream()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    structlog.reset_defaults()


def set_up(stream: Stream, **options: Any) -> Any:
    logs.set_up(stream, **{"form": "json", "secrets": lambda: [SECRET], **options})
    return structlog.get_logger("syncd.test")


def test_a_line_has_the_names_that_log_stores_know(stream: Stream) -> None:
    set_up(stream).info("cycle", number=7, problems=None)
    [line] = stream.lines()
    assert (line["message"], line["log.level"], line["log.logger"]) == ("cycle", "info", "syncd.test")
    assert line["@timestamp"].endswith("Z")
    assert line["service.name"] == "syncd"
    assert line["syncd"] == {"number": 7}


def test_what_libraries_say_goes_the_same_way(stream: Stream) -> None:
    set_up(stream)
    logging.getLogger("urllib3.connectionpool").warning("Retry of %s", "https://x.example")
    logging.getLogger("urllib3.connectionpool").info("Starting new connection")
    [line] = stream.lines()
    assert line["message"] == "Retry of https://x.example"
    assert line["log.logger"] == "urllib3.connectionpool"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"token {SECRET} in a sentence", id="as it is"),
        pytest.param(f"https://x.example/?t={quote(SECRET, safe='')}", id="in an address"),
        pytest.param(base64.b64encode(SECRET.encode()).decode(), id="in base64"),
        pytest.param("Authorization: Bearer abcdef0123456789", id="a header that nobody knew"),
        pytest.param("{'Authorization': 'Basic QWxhZGRpbjpvcGVu'}", id="a dictionary of headers"),
        pytest.param('{"access_token": "abcdef0123456789", "scope": "read"}', id="an answer with a token"),
        pytest.param("postgresql://syncd:abcdef0123456789@db.example/x", id="a password in an address"),
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_is_written_however_it_comes(stream: Stream, form: str, text: str) -> None:
    log = set_up(stream, form=form)
    log.warning("plain", problem=text)
    log.warning("nested", detail={"list": [text, {"deep": (text,)}]})
    logging.getLogger("zenpy").error(text)
    logging.getLogger("jira").error("%s", RuntimeError(text))
    log.error("failed", exc_info=ValueError(text))
    said = stream.getvalue()
    for part in (SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode().rstrip("=")):
        assert part not in said
    for part in ("abcdef0123456789", "QWxhZGRpbjpvcGVu"):
        assert part not in said
    assert "ValueError" in said


def test_a_rotated_secret_is_blackened_as_well_and_the_former_one_stays_so() -> None:
    moment, secrets = [0.0], ["first-secret"]
    redactor = logs.Redactor(lambda: secrets, lambda: moment[0])
    assert "first-secret" not in redactor.text("first-secret")
    secrets[:] = ["second-secret"]
    moment[0] = 61.0
    assert redactor.text("first-secret and second-secret") == "… and …"


def test_a_short_secret_does_not_blacken_the_whole_log() -> None:
    assert logs.Redactor(lambda: ["a"]).text("a cat") == "a cat"


def record(level: int, **event: Any) -> logging.LogRecord:
    made = logging.LogRecord("syncd.x", level, "", 0, "", None, None)
    made.msg = {"event": "noticed", **event}  # as structlog does it
    return made


@pytest.mark.parametrize(
    ("after", "event", "passes"),
    [
        pytest.param(10, {"problem": "same"}, False, id="the same words soon after"),
        pytest.param(10, {"problem": "same", "failures": 2}, False, id="the same words with another figure"),
        pytest.param(10, {"problem": "other"}, True, id="other words"),
        pytest.param(301, {"problem": "same"}, True, id="the same words after five minutes"),
        pytest.param(10, {"problem": "same", "news": True}, True, id="a change of state"),
    ],
)
def test_the_same_warning_is_said_once_in_five_minutes(after: float, event: dict[str, Any], passes: bool) -> None:
    moment = [0.0]
    once = logs.OnceIn(monotonic=lambda: moment[0])
    assert once.filter(record(logging.WARNING, problem="same"))
    moment[0] = after
    assert once.filter(record(logging.WARNING, **event)) is passes


def test_what_was_held_back_is_counted() -> None:
    moment = [0.0]
    once = logs.OnceIn(monotonic=lambda: moment[0])
    passed = [once.filter(record(logging.WARNING, problem="same")) for _ in range(4)]
    assert passed == [True, False, False, False]
    moment[0] = 400.0
    later = record(logging.WARNING, problem="same")
    assert once.filter(later)
    assert later.msg["repeated"] == 3  # type: ignore[index]  # structlog's dictionary


def test_lines_of_the_course_of_things_are_never_held_back() -> None:
    once = logs.OnceIn()
    assert all(once.filter(record(logging.INFO, problem="same")) for _ in range(3))


def test_the_memory_of_warnings_does_not_grow_for_ever() -> None:
    once = logs.OnceIn()
    for number in range(3000):
        assert once.filter(record(logging.WARNING, problem=f"nr {number}"))
    assert len(once._said) <= logs.KEPT_WARNINGS


def test_a_terminal_gets_words_and_a_pipe_gets_json(stream: Stream) -> None:
    stream.terminal = True
    set_up(stream, form="auto").info("cycle", number=7)
    assert "cycle" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_the_level_is_respected_and_may_change(stream: Stream) -> None:
    log = set_up(stream, level="warning")
    log.info("unseen")
    set_up(stream, level="info").info("seen")
    assert [line["message"] for line in stream.lines()] == ["seen"]


def test_a_full_disk_does_not_stop_the_work(stream: Stream) -> None:
    log = set_up(stream)
    stream.close()
    log.info("lost")


def test_customers_words_stay_on_one_line(stream: Stream) -> None:
    set_up(stream).info("cycle", subject='a\nb"c\x1b[2J', zone="中文")
    assert len(stream.getvalue().splitlines()) == 1
    assert stream.lines()[0]["syncd"] == {"subject": 'a\nb"c\x1b[2J', "zone": "中文"}
