"""What init writes: files that load, compile without errors for the project they were made from, and make sense."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.config.compile import Compiled, compile_mapping
from syncd.config.init import init_config, init_mapping
from syncd.config.load import Loaded, load_config, packaged_mappings, parse_mapping
from syncd.config.names import normalise
from syncd.config.sla_profile import profile_names, profile_text
from syncd.core.model import CustomStatus, DeskCatalog, ProjectCatalog, StatusInfo, TicketField, TicketState

MakeProject = Callable[..., ProjectCatalog]

SIMPLE = ["To Do", "In Progress", "Done"]
MULTISTEP = ["To Do", "In Progress", "In Review", "Done", "Verified", "Closed", "Reopened"]


def compiled(project: ProjectCatalog, desk: DeskCatalog | None = None) -> Compiled:
    desk = desk or DeskCatalog()
    result = compile_mapping(parse_mapping(init_mapping(project, desk)), project=project, desk=desk)
    assert not result.errors
    return result


def stages(result: Compiled) -> dict[str, list[str]]:
    return {s.name: sorted({selector.status_id for selector in s.bug_is}) for s in result.mapping.stages}


def asked(result: Compiled, stage: str) -> dict[str, str]:
    found = result.mapping.stage(stage)
    assert found is not None
    return {move.key: outcome for move, outcome in found.asks}


def test_a_plain_project_works_at_once(make_project: MakeProject, desk: DeskCatalog) -> None:
    """Story 46: stories 1-3, 5, 8 and 10-13 under the mapping that init writes."""
    result = compiled(make_project(SIMPLE), desk)
    assert not result.warnings
    assert stages(result) == {"queued": ["1"], "in_progress": ["2"], "declined": ["3"], "fixed": ["3"]}
    queued, in_progress, declined, fixed = result.mapping.stages
    ids = {"fixed": "10001", "won't do": "10002"}
    assert result.mapping.stage_of_pair("3", ids["fixed"]) is fixed
    assert result.mapping.stage_of_pair("3", None) is fixed
    assert result.mapping.stage_of_pair("3", ids["won't do"]) is declined
    new, hold, pending, solved = (TicketState(c) for c in ("new", "hold", "pending", "solved"))
    for stage, before, after in (
        (queued, new, "hold"),  # 1
        (in_progress, hold, None),  # 2
        (fixed, hold, "open"),  # 3
        (declined, hold, "open"),  # 5
        (in_progress, pending, None),  # 10
        (fixed, solved, None),  # 13
    ):
        wanted = stage.wants(before)
        assert (wanted.name if wanted else None) == after
    assert queued.move_bug_to is not None
    assert queued.move_bug_to.status_id == "1"
    assert asked(result, "fixed") == {
        "tag:bug_not_fixed": "queued",  # 8
        "solved→open by agent": "queued",  # 12
        "solved→open by customer": "note",  # 11
    }
    assert asked(result, "in_progress") == {"solved": "note"}  # 13
    assert fixed.allows(solved)
    assert fixed.done
    assert declined.done
    assert not result.mapping.customer_reopens_bug
    assert result.mapping.unmapped == {"new": "queued", "indeterminate": "in_progress"}


def test_a_larger_workflow_gets_its_stages_by_category_and_name(make_project: MakeProject, desk: DeskCatalog) -> None:
    result = compiled(make_project([*MULTISTEP, "Won't Fix"]), desk)
    assert not result.warnings
    assert stages(result) == {
        "queued": ["1", "7"],
        "in_progress": ["2", "3"],
        "declined": ["4", "5", "6", "8"],
        "fixed": ["4", "5"],
        "confirmed": ["6"],
    }
    queued, *_, confirmed = result.mapping.stages
    assert queued.move_bug_to is not None
    assert queued.move_bug_to.status_name == "Reopened"
    assert confirmed.move_bug_to is not None
    assert (confirmed.move_bug_to.status_name, confirmed.move_bug_to.resolution) == ("Closed", "Done")
    assert confirmed.quorum == "all"
    assert asked(result, "fixed") == {"solved": "confirmed", "tag:bug_not_fixed": "queued"}
    declined_closed = result.mapping.stage_of_pair("6", "10002")
    assert declined_closed is not None
    assert declined_closed.name == "declined"


def test_closed_is_where_bugs_are_fixed_when_nothing_else_is_done(make_project: MakeProject) -> None:
    result = compiled(make_project(["To Do", "In Progress", "Closed"]))
    assert "confirmed" not in stages(result)
    assert stages(result)["fixed"] == ["3"]


def test_a_project_without_a_to_do_status_sends_bugs_back_to_work(make_project: MakeProject) -> None:
    result = compiled(make_project(["In Progress", "Done"]))
    assert asked(result, "fixed")["tag:bug_not_fixed"] == "in_progress"


def test_a_resolution_that_is_not_known_is_left_to_a_person(make_project: MakeProject) -> None:
    project = make_project(SIMPLE, resolutions=["Done", "Moved to the moon"])
    text = init_mapping(project, DeskCatalog())
    assert '# tell a customer "fixed": Moved to the moon.' in text
    assert compiled(project).mapping.stage_of_pair("3", "10001") is None


def test_statuses_in_another_language_are_sorted_by_category(make_project: MakeProject) -> None:
    names = {"待办": "new", "进行中": "indeterminate", "完成": "done", "已关闭": "done"}
    result = compiled(make_project(names, categories=names, resolutions=["完成", "不予修复"]))
    assert not result.warnings
    assert stages(result) == {
        "queued": ["1"],
        "in_progress": ["2"],
        "declined": ["3", "4"],
        "fixed": ["3"],
        "confirmed": ["4"],
    }


def test_an_account_without_on_hold_is_not_put_on_hold(make_project: MakeProject) -> None:
    desk = DeskCatalog(
        (CustomStatus(2, "Open", "open", default=True), CustomStatus(4, "On-hold", "hold", active=False))
    )
    assert compiled(make_project(SIMPLE), desk).mapping.stages[0].set_ticket == ()
    assert "no active on-hold status" in init_mapping(make_project(SIMPLE), desk)


def test_custom_ticket_statuses_are_pointed_out(make_project: MakeProject, desk: DeskCatalog) -> None:
    text = init_mapping(make_project(SIMPLE), desk)
    assert "# A custom status may be named instead: Escalated (open) and Fix ready (open)." in text


def test_a_project_without_statuses_cannot_have_a_mapping() -> None:
    with pytest.raises(ValueError, match="ENG has no statuses"):
        init_mapping(ProjectCatalog("ENG", "1", {}, ()), DeskCatalog())


STATUS = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
    | st.sampled_from(
        ["To Do", "Done", "Closed", "Won't Fix", "Reopened", "none", "any", "note", "No", "1", "a: b", "#"]
    ),
    st.sampled_from(["new", "indeterminate", "done", "undefined"]),
)
NAMES = st.lists(
    st.sampled_from(["Done", "Fixed", "Won't Do", "Later", "None", "x: y", "Duplicate"]), max_size=4, unique=True
)


@given(st.lists(STATUS, min_size=1, max_size=8), NAMES, st.booleans())
def test_whatever_a_project_has_its_mapping_loads_and_keeps_the_laws(
    statuses: list[tuple[str, str]], resolutions: list[str], hold: bool
) -> None:
    # Names that a person cannot see or type are not what a Jira administrator can make.
    infos = tuple(
        StatusInfo(str(1000 + number), " ".join(name.split()), category)
        for number, (name, category) in enumerate(statuses)
        if normalise(name).isprintable() and normalise(name)
    )
    if not infos:
        return
    project = ProjectCatalog("ENG", "77", {"Bug": infos}, tuple((f"r{n}", name) for n, name in enumerate(resolutions)))
    desk = DeskCatalog((CustomStatus(4, "On-hold", "hold", active=hold), CustomStatus(2, "Open", "open")))
    result = compiled(project, desk)
    named = {selector.status_id for stage in result.mapping.stages for selector in stage.bug_is}
    assert named == {status.id for status in infos}


# ---- config.yaml ------------------------------------------------------------------------------------------------

SECRETS = {"ZENDESK_CLIENT_SECRET": "a", "ZENDESK_TOKEN": "b", "JIRA_TOKEN": "c"}


def loaded(folder: Path, text: str) -> Loaded:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, SECRETS)


def test_a_written_config_loads(tmp_path: Path) -> None:
    text = init_config(
        zendesk_url="https://acme.zendesk.com",
        jira_url="https://api.atlassian.com/ex/jira/12",
        site_url="https://acme.atlassian.net",
        deployment="cloud",
        projects={"ENG": "default", "OPS": "simple"},
        jira_email="bot@acme.example",
    )
    result = loaded(tmp_path, text)
    assert not result.warnings
    config = result.config
    assert config.jira.site_url == "https://acme.atlassian.net"
    assert config.jira.auth.api_token is not None
    assert config.jira.auth.api_token.email == "bot@acme.example"
    assert [(route.name, route.mapping) for route in config.routes] == [("eng", "default"), ("ops", "simple")]
    assert "# mirror:" in text


def test_a_written_config_for_the_other_ways_to_sign_in_loads(tmp_path: Path) -> None:
    text = init_config(
        zendesk_url="http://127.0.0.1:8001",
        zendesk_auth="api_token",
        zendesk_email="bot@acme.example",
        jira_url="https://jira.acme.example/jira",
        jira_auth="pat",
        deployment="data_center",
        projects={"ENG": "default"},
    )
    config = loaded(tmp_path, text).config
    assert config.zendesk.auth.secret.reveal() == "b"
    assert config.jira.auth.secret.reveal() == "c"


def test_fields_for_the_mirror_are_found_by_title_among_those_that_customers_do_not_see(tmp_path: Path) -> None:
    desk = DeskCatalog(
        fields=(
            TicketField(1, "JIRA issue", "text"),
            TicketField(2, "Bug status", "text", visible_to_end_users=True),
            TicketField(3, "Fix version", "text"),
            TicketField(4, "Fix version", "text", active=False),
            TicketField(5, "Bug due date", "date"),
            TicketField(6, "Bug assignee", "tagger"),
        )
    )
    text = init_config(
        zendesk_url="https://acme.zendesk.com",
        jira_url="https://acme.atlassian.net",
        projects={"ENG": "default"},
        desk=desk,
    )
    route = loaded(tmp_path, text).config.routes[0]
    assert route.link_field == "JIRA issue"
    assert route.mirror.model_dump(exclude_none=True) == {
        "bug": "JIRA issue",
        "fix_version": "3",  # two fields have this title
        "due_date": "Bug due date",
    }
    assert "# status: Bug status" in text


def test_with_the_marks_taken_away_the_commented_mirror_is_right(tmp_path: Path) -> None:
    text = init_config(
        zendesk_url="https://acme.zendesk.com", jira_url="https://acme.atlassian.net", projects={"ENG": "default"}
    )
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("    # mirror:"))
    opened = [line.replace("# ", "", 1) if start <= n <= start + 6 else line for n, line in enumerate(lines)]
    mirror = loaded(tmp_path, "\n".join(opened)).config.routes[0].mirror
    assert None not in mirror.model_dump().values()


@pytest.mark.parametrize("name", profile_names(packaged_mappings()))
def test_a_written_config_may_have_the_clocks_of_a_profile(tmp_path: Path, name: str) -> None:
    file = tmp_path / "config.yaml"
    text = init_config(
        zendesk_url="https://acme.zendesk.com",
        jira_url="https://acme.atlassian.net",
        projects={"ENG": "default"},
        profile=profile_text(name, packaged_mappings()),
    )
    assert "Copy what you need" not in text
    file.write_text(text, encoding="utf-8")
    sla = load_config(file, {}).config.sla
    assert sla is not None
    assert sla.data()["policies"]
