"""`syncd check`: every kind of trouble gets a sentence that says what to mend, and the exit code for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.sandbox.seed import CLIENT_ID, JIRA_EMAIL, WRITER_EMAIL
from syncd.store import Store
from tests.cli.house import MIRROR, NOVA, House

WRITER = f"{{api_token: {{email: {WRITER_EMAIL}, token_env: ZENDESK_TOKEN}}}}"
READER = "{oauth: {client_id: syncd-reader, client_secret_env: ZENDESK_READER_SECRET, scope: read}}"
APART = f"{WRITER}\n  reader_auth: {READER}"
ONE = f"  - {{name: ops, project: OPS, mapping: simple, mirror: {MIRROR}}}\n"
MAPPING = """
stages:
  queued: {bug_is: [To Do], move_bug_to: To Do}
  in_progress: {bug_is: [In Progress]}
  fixed: {bug_is: [Done]}
"""


def errors(house: House, *args: str) -> list[str]:
    return [line for line in house.syncd("check", *args).err.splitlines() if line.startswith("error")]


def own_mapping(house: House, text: str) -> None:
    folder = house.folder / "mappings"
    folder.mkdir()
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    house.configure(routes=f"  - {{name: ops, project: OPS, mapping: own, mirror: {MIRROR}}}\n")


def wrong_status(house: House) -> None:
    own_mapping(house, MAPPING.replace("move_bug_to: To Do", "move_bug_to: Todo"))


def missing_permission(house: House) -> None:
    house.configure(routes=ONE)
    house.sandbox.jira.deny(house.seeded.jira_bot, "TRANSITION_ISSUES", "OPS")


def hidden_project(house: House) -> None:
    house.configure(routes=ONE)
    house.sandbox.jira.deny(house.seeded.jira_bot, "BROWSE_PROJECTS", "OPS")


def unreachable(house: House) -> None:
    house.configure(routes=ONE, jira="http://127.0.0.1:9")


def wrong_secret(house: House) -> None:
    house.configure(routes=ONE)
    house.environ["ZENDESK_CLIENT_SECRET"] = "not-the-secret"


def wrong_jira_token(house: House) -> None:
    house.configure(routes=ONE)
    house.environ["JIRA_TOKEN"] = "not-the-token"


def no_secret(house: House) -> None:
    house.configure(routes=ONE)
    house.environ["JIRA_TOKEN"] = ""


def no_admin(house: House) -> None:
    house.configure(routes=ONE, zendesk_auth=WRITER)


def refused_scope(house: House) -> None:
    house.configure(routes=ONE)
    house.sandbox.zendesk.add_oauth_client(
        client_id=CLIENT_ID, secret=house.seeded.client_secret, user=house.seeded.bot, scopes=("read",)
    )


def narrow_scope(house: House) -> None:
    house.configure(routes=ONE)
    house.sandbox.zendesk.switches["granted_scope"] = "read"


def portal_field(house: House) -> None:
    house.configure(routes="  - {name: ops, project: OPS, mapping: simple, mirror: {status: Affected product}}\n")


def unknown_field(house: House) -> None:
    house.configure(routes="  - {name: ops, project: OPS, mapping: simple, mirror: {status: Enginering status}}\n")


def unknown_project(house: House) -> None:
    house.configure(routes="  - {name: x, project: NOPE, mapping: simple}\n")


def other_store(house: House) -> None:
    house.configure(routes=ONE)
    with Store.open(f"sqlite:///{house.store_file}") as store, store.transaction() as tx:
        tx.set_fact("server.zendesk", "https://production.zendesk.example", datetime(2026, 3, 2, tzinfo=UTC))


def other_deployment(house: House) -> None:
    house.configure(routes=ONE)
    text = house.config.read_text(encoding="utf-8")
    house.config.write_text(text.replace("\njira:\n", "\njira:\n  deployment: data_center\n"), encoding="utf-8")


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        pytest.param(wrong_status, 78, ["own.yaml:3", "Todo", "To Do"], id="a wrong status name, with its line"),
        pytest.param(missing_permission, 1, ["OPS", "TRANSITION_ISSUES", "cannot be moved"], id="a missing permission"),
        pytest.param(hidden_project, 78, ["OPS", "browse"], id="a project that the account may not see"),
        pytest.param(unreachable, 75, ["Jira at http://127.0.0.1:9 cannot be reached"], id="an unreachable server"),
        pytest.param(wrong_secret, 1, ["Zendesk at", "does not accept"], id="a secret that Zendesk refuses"),
        pytest.param(wrong_jira_token, 1, ["Jira at", "does not accept"], id="a token that Jira refuses"),
        pytest.param(no_secret, 78, ["config.yaml:", "jira.auth", "JIRA_TOKEN"], id="a secret that is not set"),
        pytest.param(no_admin, 1, ["no admin", "403", "zendesk.reader_auth"], id="an account that may not export"),
        pytest.param(refused_scope, 1, ["OAuth client fewer scopes"], id="an OAuth scope that the client may not have"),
        pytest.param(narrow_scope, 1, ["did not grant", "write"], id="an OAuth scope that was silently not granted"),
        pytest.param(
            portal_field,
            78,
            ["config.yaml:", "Customers can see", "Affected product"],
            id="a mirror field that customers see",
        ),
        pytest.param(
            unknown_field, 78, ["Enginering status", "Engineering status"], id="a ticket field with a typing error"
        ),
        pytest.param(
            unknown_project, 78, ["config.yaml:", "routes[0].project", "NOPE"], id="a project that is not there"
        ),
        pytest.param(other_store, 78, ["production.zendesk.example", "another store"], id="a store of other servers"),
        pytest.param(other_deployment, 78, ["jira.deployment", "cloud"], id="the wrong deployment"),
    ],
)
def test_check_says_what_is_wrong(house: House, trouble: Callable[[House], None], code: int, words: list[str]) -> None:
    trouble(house)
    said = house.syncd("check")
    found = [line for line in said.err.splitlines() if line.startswith("error")]
    assert [line for line in found if all(word in line for word in words)], said
    assert said.code == code, said
    assert "Traceback" not in said.err


def test_all_troubles_are_told_at_once_and_what_a_person_must_mend_decides_the_exit_code(house: House) -> None:
    wrong_status(house)
    house.sandbox.jira.deny(house.seeded.jira_bot, "ADD_COMMENTS", "OPS")
    house.environ["ZENDESK_CLIENT_SECRET"] = "not-the-secret"
    said = house.syncd("check")
    assert said.code == 78
    told = [line for line in said.err.splitlines() if line.startswith("error")]
    assert [sum(word in line for line in told) for word in ("Todo", "ADD_COMMENTS", "Zendesk at")] == [1, 1, 1], said


def test_a_writer_without_public_comments_and_a_reader_that_is_an_admin_leave_nothing_to_say(house: House) -> None:
    house.configure(routes=ONE, zendesk_auth=APART)
    said = house.fine("check")
    assert "publicly" not in said.out
    assert "syncd notes" in said.out


def test_an_account_that_may_comment_publicly_is_a_warning_that_names_the_missing_protection(house: House) -> None:
    house.configure(routes=ONE)
    said = house.fine("check")
    assert "may comment publicly" in said.out
    assert "zendesk.reader_auth" in said.out


LIAISON = f"  - {{name: nova, project: NOVA, mapping: default, mirror: {MIRROR}, comments: {{to_customer: WHO}}}}\n"


def speaking(who: str) -> str:
    return LIAISON.replace("WHO", f"{{prefix: '#customer', {who}}}")


def test_a_route_that_speaks_to_customers_needs_an_account_that_may(house: House) -> None:
    house.configure(zendesk_auth=APART, routes=speaking("accounts: [hana]"))
    (told,) = errors(house)
    assert "may write private comments only" in told
    assert "routes[0].comments.to_customer" in told


def test_who_may_speak_to_customers_must_be_readable(house: House) -> None:
    house.configure(routes=speaking("roles: [Developers]"))
    (told,) = errors(house)
    assert "Who may speak to customers from NOVA cannot be read" in told
    assert "list accounts" in told


def test_a_speaking_route_is_told_instead_of_the_warning_about_the_account(house: House) -> None:
    house.configure(routes=speaking("accounts: [hana]"))
    said = house.fine("check")
    assert "1 may speak to customers with #customer" in said.out
    assert "as nova needs it for to_customer" in said.out
    assert "zendesk.reader_auth" not in said.out


def test_an_account_with_more_rights_than_it_needs_is_a_warning(house: House) -> None:
    house.configure(routes=ONE)
    house.sandbox.jira.allow(house.seeded.jira_bot, "ADMINISTER", "OPS")
    said = house.syncd("check", "--json")
    levels = {finding["level"] for finding in said.json["findings"]}
    assert levels <= {"warning"}
    assert said.code == 0


def test_offline_checks_files_only(house: House) -> None:
    house.configure(routes=ONE, zendesk="http://127.0.0.1:9", jira="http://127.0.0.1:9")
    before = house.sandbox.ctx.journal.last
    said = house.fine("check", "--offline")
    assert "every write settles" in said.out
    assert house.sandbox.ctx.journal.last == before


def test_offline_finds_a_mapping_that_contradicts_itself(house: House) -> None:
    own_mapping(house, MAPPING.replace("bug_is: [Done]", "bug_is: [Done, To Do]"))
    assert len(errors(house, "--offline")) == 1


def test_the_findings_for_machines_have_level_area_place_and_exit_code(house: House) -> None:
    missing_permission(house)
    said = house.syncd("check", "--json")
    assert said.err == ""
    shape = said.json
    assert (shape["ok"], shape["exit"], said.code) == (False, 1, 1)
    wrong = [finding for finding in shape["findings"] if finding["level"] == "error"]
    assert [(finding["area"], finding["exit"]) for finding in wrong] == [("jira", 1)]
    assert set(wrong[0]) == {"level", "area", "message", "place", "exit"}


def test_problems_of_the_file_come_all_at_once_with_their_lines(house: House) -> None:
    house.config.write_text("zendesk: {base_url: ftp://x}\nrouts: []\n", encoding="utf-8")
    said = house.syncd("check")
    assert said.code == 78
    assert len([line for line in said.err.splitlines() if line.startswith("error")]) >= 3
    assert "config.yaml:2" in said.err
    as_json = house.syncd("check", "--json")
    assert (as_json.code, as_json.json["exit"]) == (78, 78)


def test_check_writes_nothing_to_either_side_and_makes_no_store(house: House) -> None:
    house.configure(routes=ONE)
    house.syncd("check")
    assert house.writes() == []
    assert not house.store_file.exists()


def test_a_server_whose_clock_differs_is_told(house: House) -> None:
    house.configure(routes=NOVA)
    house.sandbox.clock.advance(-600)
    said = house.syncd("check")
    assert "clock" in said.out


def test_the_secret_is_in_no_answer(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a-very-secret-word\n", encoding="utf-8")
    secret.chmod(0o600)
    house.configure(routes=ONE, zendesk_auth=f"{{oauth: {{client_id: syncd, client_secret_file: {secret}}}}}")
    said = house.syncd("check", "--debug")
    assert said.code == 1
    assert "a-very-secret-word" not in said.out + said.err
    assert JIRA_EMAIL not in said.err or house.environ["JIRA_TOKEN"] not in said.err


@pytest.mark.parametrize(
    ("permission", "words"),
    [
        pytest.param("CREATE_ATTACHMENTS", "files are not carried", id="files to bugs"),
        pytest.param("EDIT_OWN_COMMENTS", "stays as it was", id="what agents change"),
        pytest.param("DELETE_OWN_COMMENTS", "is emptied", id="what agents take back"),
        pytest.param("DELETE_OWN_ATTACHMENTS", "stays on the bug", id="files that are taken off"),
    ],
)
def test_a_permission_that_comments_to_bugs_want_is_a_warning(house: House, permission: str, words: str) -> None:
    house.configure(routes=ONE)
    house.sandbox.jira.deny(house.seeded.jira_bot, permission, "OPS")
    said = house.fine("check")
    (told,) = [line for line in said.out.splitlines() if permission in line]
    assert words in " ".join(said.out.split())
    assert told.startswith("warning")
    house.configure(routes=ONE.rstrip().removesuffix("}") + ", comments: {to_bug: none}}\n")
    assert permission not in house.fine("check").out
