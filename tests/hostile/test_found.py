"""What fuzzing found, each as a story: an answer that says nothing must never be taken for news."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from requests import PreparedRequest, Response

from tests.hostile.spoiling import Spoil, as_json, body_of, put_body, spoil_all
from tests.scenarios.lab import Deployment, Lab
from tests.scenarios.test_create import ask, bugs, lab_with


def linked(lab: Lab) -> tuple[int, str]:
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    return ticket, key


def once(pattern: str, body: bytes) -> Spoil:
    """The first answer to such a GET is this one."""
    left = [1]

    def spoil(request: PreparedRequest, response: Response) -> None:
        if left[0] and request.method == "GET" and re.search(pattern, request.path_url):
            left[0] = 0
            put_body(response, body)

    return spoil


@pytest.fixture(params=["cloud", "data_center"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    deployment: Deployment = request.param
    return Lab(tmp_path, deployment)


@pytest.mark.parametrize("page", [b"<html>Sign in</html>", b"42", b'{"comments": 7}'])
def test_a_page_instead_of_comments_loses_none_of_them(lab: Lab, page: bytes) -> None:
    ticket, key = linked(lab)
    lab.sandbox.jira.comment(lab.developer, key, "a finding")
    spoil_all(lab, once(r"/issue/\w+/comment", page))
    lab.cycle(6)
    assert sum("a finding" in note for note in lab.notes(ticket)) == 1


@pytest.mark.parametrize("answer", [b"{}", b'{"error": "wartung"}', b'{"ticket": null}'])
def test_an_answer_that_shows_no_ticket_is_no_deleted_ticket(lab: Lab, answer: bytes) -> None:
    ticket, key = linked(lab)
    lab.moves(key, "Done", "Fixed")
    spoil_all(lab, once(rf"/tickets/{ticket}\.json", answer))
    lab.cycle(6)
    lab.settle()
    assert (lab.conflicts(), lab.bug_comments(key), lab.status(ticket)) == ([], [], "open")


def test_a_number_beyond_any_id_spoils_its_entry_and_not_the_page(lab: Lab) -> None:
    ticket, key = linked(lab)

    def spoil(_: PreparedRequest, response: Response) -> None:
        body = body_of(response)
        data = as_json(body)
        for row in (data or {}).get("ticket_events", ()) if isinstance(data, dict) else ():
            for child in row["child_events"]:
                child["id"] = 10**30
        put_body(response, json.dumps(data).encode() if data is not None else body)

    spoil_all(lab, spoil)
    lab.moves(key, "Done", "Fixed")
    lab.cycle(6, seconds=61)
    assert lab.status(ticket) == "open"


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_a_page_instead_of_the_ticket_that_asks_for_a_bug_makes_it_wait(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment)
    ask(lab)
    spoil_all(lab, once(r"/users/|/tickets/2\b", b"<html>Sign in</html>"))
    lab.cycle(6)
    lab.settle()
    assert len(bugs(lab)) == 1


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
@pytest.mark.parametrize("title", ["😀" * 300, "x" * 254 + "😀"], ids=["all emoji", "one at the end"])
def test_a_title_that_grows_when_emoji_are_spelt_out_is_cut_to_what_jira_takes(
    tmp_path: Path, deployment: Deployment, title: str
) -> None:
    lab = lab_with(tmp_path, deployment)
    ticket = lab.sandbox.zendesk.create_ticket(actor=lab.customer, subject=title, body="Help!", priority="normal")
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])
    lab.settle()
    (bug,) = bugs(lab)
    assert 0 < len(bug["fields"]["summary"].encode("utf-16-le")) // 2 <= 255
