"""The checker agrees with what the demo's acts lead to, and objects to anything else."""

from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.demo import checker, story
from syncd.demo.checker import differences
from syncd.demo.story import SCENES_WITH_MAIL
from tests.demo.rehearsal import account, end_state, play, rehearse
from tests.scenarios.lab import Deployment, Lab

PLAYED = (story.a_fix_that_holds, story.missing_information, story.a_resolution_without_a_stage)
NAMES = [scene.__name__ for scene in PLAYED]

State = dict[str, Any]
Journal = list[dict[str, Any]]


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_the_whole_story_ends_as_written_down(deployment: Deployment, tmp_path: Path) -> None:
    assert rehearse(tmp_path, deployment) == []


@pytest.mark.parametrize("scene", SCENES_WITH_MAIL, ids=lambda scene: scene.__name__)
def test_every_scene_is_judged(scene: story.Scene) -> None:
    assert scene.__name__ in end_state()["scenes"]


def test_nothing_is_judged_that_nobody_plays() -> None:
    assert set(end_state()["scenes"]) == {scene.__name__ for scene in SCENES_WITH_MAIL}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[State, Journal]:
    """What the sandbox has when some scenes were played."""
    lab = Lab(tmp_path_factory.mktemp("played"))
    play(lab, PLAYED)
    lab.app.store.close()
    return account(lab)


def _ticket(state: State, subject: str) -> dict[str, Any]:
    return next(t for t in state["zendesk"]["tickets"].values() if t["subject"] == subject)


def _bug(state: State, summary: str) -> dict[str, Any]:
    return next(i for i in state["jira"]["issues"].values() if i["fields"]["summary"] == summary)


def _notes(state: State, journal: Journal) -> Iterator[dict[str, Any]]:
    bot = next(call["actor"] for call in journal if call["method"] == "PUT")
    for ticket in state["zendesk"]["tickets"].values():
        yield from (comment for comment in ticket["comments"] if str(comment["author_id"]) == bot)


def _puts(journal: Journal) -> Journal:
    return [call for call in journal if call["method"] == "PUT"]


def _add(journal: Journal, call: dict[str, Any], **changes: Any) -> None:
    journal.append({**copy.deepcopy(call), "n": journal[-1]["n"] + 1, **changes})


EXPORT, SEARCH, CLOCK = "Export stops at 99 percent", "Search ignores umlauts", "Clock is five minutes late"
EXPORT_BUG, SEARCH_BUG = "Export hangs when the last chunk is empty", "Search does not fold umlauts"


def _public_note(state: State, journal: Journal) -> None:
    next(_notes(state, journal))["public"] = True


def _missing_field(state: State, _: Journal) -> None:
    del _ticket(state, EXPORT)["fields"]["Engineering fix version"]


def _stale_field(state: State, _: Journal) -> None:
    _ticket(state, EXPORT)["fields"]["Engineering status"] = "Done"


def _field_of_the_wrong_ticket(state: State, _: Journal) -> None:
    _ticket(state, SEARCH)["fields"]["Engineering bug"] = _bug(state, EXPORT_BUG)["key"]


def _vague_conflict(state: State, _: Journal) -> None:
    _ticket(state, CLOCK)["fields"]["Sync state"] = "Something is wrong."


def _other_status(state: State, _: Journal) -> None:
    _ticket(state, SEARCH)["status"] = "hold"


def _tag_left(state: State, _: Journal) -> None:
    _ticket(state, SEARCH)["tags"].append("bug_not_fixed")


def _note_lost(state: State, journal: Journal) -> None:
    comments = _ticket(state, EXPORT)["comments"]
    comments.remove(next(note for note in _notes(state, journal) if note in comments))


def _note_twice(state: State, journal: Journal) -> None:
    _ticket(state, SEARCH)["comments"].append(next(_notes(state, journal)))


def _note_without_the_version(state: State, journal: Journal) -> None:
    for note in _notes(state, journal):
        note["body"] = note["body"].replace("3.2", "some version")


def _new_ticket(state: State, _: Journal) -> None:
    state["zendesk"]["tickets"]["99"] = {**_ticket(state, SEARCH), "id": 99, "subject": "Nobody wrote this"}


def _lost_ticket(state: State, _: Journal) -> None:
    del state["zendesk"]["tickets"][str(_ticket(state, CLOCK)["id"])]


def _new_bug(state: State, _: Journal) -> None:
    bug = copy.deepcopy(_bug(state, SEARCH_BUG))
    bug["fields"]["summary"] = "A twin"
    state["jira"]["issues"]["NOVA-99"] = bug


def _other_bug_status(state: State, _: Journal) -> None:
    _bug(state, EXPORT_BUG)["status"] = "Closed"


def _other_resolution(state: State, _: Journal) -> None:
    _bug(state, SEARCH_BUG)["resolution"] = "Fixed"


def _comment_lost(state: State, _: Journal) -> None:
    _bug(state, SEARCH_BUG)["comments"].clear()


def _comment_of_another_ticket(state: State, _: Journal) -> None:
    comment = _bug(state, SEARCH_BUG)["comments"][0]
    comment["body"] = comment["body"].replace("#", "#9")


def _comment_for_customers(state: State, _: Journal) -> None:
    _bug(state, SEARCH_BUG)["comments"][0]["properties"]["sd.public.comment"] = {"internal": False}


def _other_way(state: State, _: Journal) -> None:
    for change in _bug(state, EXPORT_BUG)["changelog"]:
        for item in change["items"]:
            item["new_text"] = "Done" if item["new_text"] == "Verified" else item["new_text"]


def _same_write_twice(_: State, journal: Journal) -> None:
    _add(journal, _puts(journal)[-1])


def _one_write_more(_: State, journal: Journal) -> None:
    last = _puts(journal)[-1]
    body = copy.deepcopy(last["body"])
    body["ticket"]["metadata"]["syncd_op"] = "another"
    _add(journal, last, body=body)


def _walked_twice(_: State, journal: Journal) -> None:
    _add(journal, next(c for c in journal if c["method"] == "POST" and c["path"].endswith("/transitions")))


def _write_without_a_marker(_: State, journal: Journal) -> None:
    del _puts(journal)[0]["body"]["ticket"]["metadata"]


def _write_that_was_refused(_: State, journal: Journal) -> None:
    _add(journal, _puts(journal)[0], status=422)


def _comment_that_leaves_it_open(_: State, journal: Journal) -> None:
    call = next(call for call in _puts(journal) if "comment" in call["body"]["ticket"])
    del call["body"]["ticket"]["comment"]["public"]


def _edited_bug(_: State, journal: Journal) -> None:
    call = next(call for call in journal if call["path"].endswith("/transitions") and call["method"] == "POST")
    _add(journal, call, method="PUT", path=call["path"].removesuffix("/transitions"), body={"fields": {}})


def _deleted_ticket(_: State, journal: Journal) -> None:
    _add(journal, _puts(journal)[0], method="DELETE", body=None)


def _public_by_somebody_else(_: State, journal: Journal) -> None:
    _add(journal, _puts(journal)[0], user_agent="curl/8", body={"ticket": {"comment": {"body": "Hi", "public": True}}})


def _alarm_that_went_away(_: State, journal: Journal) -> None:
    call = next(c for c in _puts(journal) if any("no stage" in str(f) for f in c["body"]["ticket"]["custom_fields"]))
    field = next(f for f in call["body"]["ticket"]["custom_fields"] if "no stage" in str(f["value"]))
    _puts(journal)[0]["body"]["ticket"]["custom_fields"].append(field)


def _journal_torn_off(_: State, journal: Journal) -> None:
    del journal[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(_public_note, "a note of syncd is public", id="a note is public"),
        pytest.param(_missing_field, "Engineering fix version is nothing", id="a field is empty"),
        pytest.param(_stale_field, "Engineering status is “Done”", id="a field shows what was"),
        pytest.param(_field_of_the_wrong_ticket, "Engineering bug is", id="a field shows another bug"),
        pytest.param(_vague_conflict, "Sync state is “Something is wrong.”", id="a conflict says nothing"),
        pytest.param(_other_status, "the status is “hold”, expected “open”", id="a ticket has another status"),
        pytest.param(_tag_left, "tags is bug_not_fixed", id="a tag was not taken off"),
        pytest.param(_note_lost, "the number of notes is 1, expected 2", id="a note is missing"),
        pytest.param(_note_twice, "the number of notes is 3, expected 2", id="a note came twice"),
        pytest.param(_note_without_the_version, "expected “NOVA-1 … Done (Fixed) … 3.2", id="a note lacks the version"),
        pytest.param(_new_ticket, "nobody expects #99", id="there is a ticket more"),
        pytest.param(_lost_ticket, "not exactly one with the subject “Clock", id="there is a ticket less"),
        pytest.param(_new_bug, "nobody expects NOVA-99", id="there is a bug more"),
        pytest.param(_other_bug_status, "the status is “Closed”, expected “Reopened”", id="a bug has another status"),
        pytest.param(_other_resolution, "the resolution is “Fixed”, expected nothing", id="a bug has a resolution"),
        pytest.param(_comment_lost, "the number of comments is nothing, expected 1", id="a comment is missing"),
        pytest.param(_comment_of_another_ticket, "comment 1 is", id="a comment names another ticket"),
        pytest.param(_comment_for_customers, "not marked as internal", id="a comment is for customers"),
        pytest.param(_other_way, "the way that syncd walked it is Done, Closed", id="a bug was walked another way"),
        pytest.param(_same_write_twice, "written 2 times", id="an update was sent twice"),
        pytest.param(_one_write_more, "the number of writes is", id="a ticket was written once too often"),
        pytest.param(_walked_twice, "written 2 times: transitions", id="a transition was sent twice"),
        pytest.param(_write_without_a_marker, "without a marker", id="an update has no marker"),
        pytest.param(_write_that_was_refused, "answered with 422", id="an update was refused"),
        pytest.param(_comment_that_leaves_it_open, "not said to be private", id="a note was not sent as private"),
        pytest.param(_edited_bug, "syncd has no business there", id="a bug was edited"),
        pytest.param(_deleted_ticket, "syncd has no business there", id="a ticket was deleted"),
        pytest.param(_public_by_somebody_else, "not said to be private", id="a call under another name commented"),
        pytest.param(_alarm_that_went_away, "a person was asked to mend", id="a conflict came and went"),
        pytest.param(_journal_torn_off, "does not go back to the first call", id="the journal lacks its beginning"),
    ],
)
def test_the_checker_objects_when(
    change: Callable[[State, Journal], None], said: str, played: tuple[State, Journal]
) -> None:
    state, journal = copy.deepcopy(played)
    assert differences(state, journal, end_state(), NAMES) == []
    change(state, journal)
    assert any(said in line for line in differences(state, journal, end_state(), NAMES))


# As a program


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script, no shell
        [sys.executable, "-I", checker.__file__, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def files(played: tuple[State, Journal], tmp_path: Path) -> list[str]:
    state, journal = tmp_path / "state.json", tmp_path / "journal.json"
    state.write_text(json.dumps(played[0]))
    journal.write_text(json.dumps({"entries": played[1]}))
    return [str(state), str(journal)]


def test_as_a_program_it_says_that_all_is_well(files: list[str]) -> None:
    done = _run(*files, *NAMES)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("agreed; tickets: 5, bugs: 3, writes: ")


def test_as_a_program_it_lists_what_is_wrong(files: list[str]) -> None:
    done = _run(*files)  # the other scenes were not played
    assert done.returncode == 1
    assert "there is not exactly one with the subject “Map does not load”" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("one.json",)], ids=["no file is named", "one file is named"])
def test_as_a_program_it_says_how_it_is_called_when(arguments: tuple[str, ...]) -> None:
    done = _run(*arguments)
    assert done.returncode == 64
    assert done.stderr.startswith("usage: ")


def test_as_a_program_it_does_not_know_every_scene(files: list[str]) -> None:
    done = _run(*files, "a_scene_of_another_play")
    assert (done.returncode, done.stdout) == (64, "")
    assert "a_scene_of_another_play" in done.stderr


def test_it_knows_nothing_of_syncd() -> None:
    tree = ast.parse(Path(checker.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, "yaml"}


def _mail(number: int, reason: str, subject: str = "[Support] 1 overdue") -> dict[str, Any]:
    return {
        "recipient": "support-leads@helpdesk.example",
        "subject": subject,
        "message_id": f"<{number}@helpdesk.example>",
        "headers": [["X-Syncd-Reason", reason]],
    }


MAILS = {
    "all three, in order": (["first", "breach", "resolved"], []),
    "one that never came": (
        ["first", "breach"],
        [
            (
                "the mails: who got them, and why is support-leads@helpdesk.example: first, "
                "support-leads@helpdesk.example: breach, expected support-leads@helpdesk.example: first, "
                "support-leads@helpdesk.example: breach, support-leads@helpdesk.example: resolved"
            )
        ],
    ),
}


@pytest.mark.parametrize(("reasons", "said"), MAILS.values(), ids=list(MAILS))
def test_mails_are_compared(reasons: list[str], said: list[str]) -> None:
    judge = checker.Judge(_with_mails([_mail(n, reason) for n, reason in enumerate(reasons)]), {}, names={"down": "#1"})
    judge.mails(end_state()["scenes"]["nobody_answers"]["mails"])
    judge.no_other_mails()
    assert judge.found == said


def test_a_mail_that_nobody_expects_and_one_that_came_twice_are_found() -> None:
    judge = checker.Judge(_with_mails([_mail(1, "first", "about 7"), _mail(1, "first", "about 7")]), {})
    judge.no_other_mails()
    assert judge.found == [
        *["nobody expects the mail “about 7” to support-leads@helpdesk.example"] * 2,
        "the mail <1@helpdesk.example> came 2 times",
    ]


def _with_mails(mails: list[dict[str, Any]]) -> checker.Seen:
    return checker.Seen({}, {}, {}, frozenset(), (), mails)
