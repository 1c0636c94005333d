"""Fields of the pretend Jira: texts and documents, custom fields, versions, and values of the wrong shape."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab


@pytest.fixture(params=DEPLOYMENTS)
def lab(request: pytest.FixtureRequest) -> JiraLab:
    return JiraLab(request.param)


@pytest.fixture
def cloud() -> JiraLab:
    return JiraLab("cloud")


def test_texts_are_rendered_on_request(lab: JiraLab) -> None:
    key = lab.make(description="a < b\nc\n\nd")
    lab.world.comment(lab.dev, key, "x & y")
    rendered = lab.get(f"/issue/{key}", expand="renderedFields,editmeta", fields="description,comment,status")
    assert rendered["renderedFields"]["description"] == "<p>a &lt; b<br/>\nc</p><p>d</p>"
    assert rendered["renderedFields"]["comment"]["comments"][0]["body"] == "<p>x &amp; y</p>"
    assert rendered["renderedFields"]["status"] is None
    assert "summary" in rendered["editmeta"]["fields"]
    comment = lab.get(f"/issue/{key}/comment", expand="renderedBody")["comments"][0]
    assert comment["renderedBody"] == "<p>x &amp; y</p>"


def test_a_document_is_flattened_to_text(cloud: JiraLab) -> None:
    def paragraph(*content: dict[str, Any]) -> dict[str, Any]:
        return {"type": "paragraph", "content": list(content)}

    def words(text: str) -> dict[str, Any]:
        return {"type": "text", "text": text}

    items = [{"type": "listItem", "content": [paragraph(words(text))]} for text in ("one", "two")]
    document = {
        "type": "doc",
        "version": 1,
        "content": [
            paragraph(words("Hi "), {"type": "mention", "attrs": {"id": "42"}}, {"type": "hardBreak"}, words("there")),
            {"type": "bulletList", "content": items},
            {"type": "codeBlock", "content": [words("x = 1")]},
            {"type": "blockCard", "attrs": {"url": "https://zd.example/7"}},
        ],
    }
    key = cloud.make()
    cloud.post(f"//rest/api/3/issue/{key}/comment", {"body": document})
    body = cloud.get(f"/issue/{key}/comment")["comments"][0]["body"]
    assert body == "Hi [~accountid:42]\nthere\n\n* one\n* two\n\n{code}\nx = 1\n{code}\n\nhttps://zd.example/7"


def test_a_comment_may_come_with_an_edit(lab: JiraLab) -> None:
    key = lab.make()
    body = {"update": {"comment": [{"add": {"body": "why"}}], "labels": [{"set": ["a"]}]}}
    assert lab.call("PUT", f"/issue/{key}", json=body).status_code == 204
    state = lab.world.issue_state(key)
    assert ([entry["body"] for entry in state["comments"]], state["fields"]["labels"]) == (["why"], ["a"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"fields": ["summary"]}, id="with a list of fields"),
        pytest.param({"update": {"labels": {"add": "x"}}}, id="with an operation outside of a list"),
        pytest.param({"fields": {"labels": [7]}}, id="with a number as a label"),
        pytest.param({"fields": {"labels": ["x" * 256]}}, id="with too long a label"),
        pytest.param({"fields": {"parent": {"key": "DEV-99"}}}, id="with an unknown parent"),
        pytest.param({"fields": {"description": 7}}, id="with a number as a text"),
        pytest.param({"fields": {"customfield_10301": 7}}, id="with a number in a text field"),
        pytest.param({"fields": {"x": 1}, "properties": [{"key": "k" * 256}]}, id="with too long a property key"),
        pytest.param({"properties": [{"key": "k", "value": "x" * 32_768}]}, id="with too long a property"),
    ],
)
def test_an_edit_of_the_wrong_shape_is_refused(lab: JiraLab, body: dict[str, Any]) -> None:
    assert lab.call("PUT", f"/issue/{lab.make()}", json=body).status_code == 400


def test_custom_fields_of_all_kinds_are_written_and_cleared(lab: JiraLab) -> None:
    site = lab.world.site
    number = site.add_custom_field("Effort", "number")
    day = site.add_custom_field("Seen on", "date")
    text = site.add_custom_field("Steps", "textarea")
    key = lab.make()
    given = {number: 2.5, day: "2026-12-24", text: "1. start", "customfield_10300": {"id": "103001"}}
    assert lab.call("PUT", f"/issue/{key}", json={"fields": given}).status_code == 204
    shown = lab.get(f"/issue/{key}")["fields"]
    assert {name: shown[name] for name in (number, day, text)} == {number: 2.5, day: "2026-12-24", text: "1. start"}
    assert shown["customfield_10300"]["value"] == "Configuration"
    assert lab.call("PUT", f"/issue/{key}", json={"fields": {number: None}}).status_code == 204
    assert lab.get(f"/issue/{key}")["fields"][number] is None
    assert lab.call("PUT", f"/issue/{key}", json={"fields": {number: "many"}}).status_code == 400


def test_version_and_option_by_name_or_id_but_never_by_both_wrong(lab: JiraLab) -> None:
    lab.world.add_version("OPS", "3.2")
    lab.world.add_version("DEV", "3.2")
    key = lab.make()
    assert lab.call("PUT", f"/issue/{key}", json={"fields": {"fixVersions": [{"name": "3.2"}]}}).status_code == 204
    assert lab.get(f"/issue/{key}")["fields"]["fixVersions"][0]["id"] == "10001"
    assert lab.call("PUT", f"/issue/{key}", json={"fields": {"fixVersions": [{"id": "10000"}]}}).status_code == 400


def test_components_and_several_options_are_changed_one_by_one_and_told_in_the_changelog(lab: JiraLab) -> None:
    for name in ("Server", "Client"):
        lab.world.add_component("DEV", name)
    areas = lab.world.site.add_custom_field("Areas", "multiselect", options=("Export", "Billing"))
    key = lab.make(components=["Server"])
    update = {
        "components": [{"add": {"name": "client"}}, {"remove": {"name": "Server"}}],
        areas: [{"add": {"value": "Billing"}}, {"add": {"value": "Export"}}],
    }
    assert lab.call("PUT", f"/issue/{key}", json={"update": update}).status_code == 204
    shown = lab.get(f"/issue/{key}", fields=f"components,{areas}", expand="changelog")
    assert [entry["name"] for entry in shown["fields"]["components"]] == ["Client"]
    assert [option["value"] for option in shown["fields"][areas]] == ["Billing", "Export"]
    items = [item for entry in shown["changelog"]["histories"] for item in entry["items"]]
    assert [(i["field"], i["fromString"], i["toString"]) for i in items if i["field"] == "Component"] == [
        ("Component", "Server", None),
        ("Component", None, "Client"),
    ]
    assert [i["toString"] for i in items if i["field"] == "Areas"] == ["Billing,Export"]
    refused = lab.call("PUT", f"/issue/{key}", json={"update": {"components": [{"add": {"name": "Nowhere"}}]}})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["components"])


def test_a_user_field_takes_and_shows_an_account(lab: JiraLab) -> None:
    field = lab.world.site.add_custom_field("Tester", "userpicker")
    key = lab.make()
    name = "accountId" if lab.cloud else "name"
    assert lab.call("PUT", f"/issue/{key}", json={"fields": {field: {name: lab.dev}}}).status_code == 204
    shown = lab.get(f"/issue/{key}", fields=field)["fields"][field]
    assert (shown[name], shown["displayName"]) == (lab.dev, "Dora Dev")
    assert lab.call("PUT", f"/issue/{key}", json={"fields": {field: {name: "nobody"}}}).status_code == 400


def test_the_screens_describe_components_options_and_people(lab: JiraLab) -> None:
    lab.world.add_component("DEV", "Server")
    boxes = lab.world.site.add_custom_field("Flags", "multicheckboxes", options=("Crash",))
    key = lab.make()
    fields = lab.get(f"/issue/{key}/editmeta")["fields"]
    assert fields["components"]["schema"] == {"type": "array", "items": "component", "system": "components"}
    assert [entry["name"] for entry in fields["components"]["allowedValues"]] == ["Server"]
    assert fields[boxes]["operations"] == ["add", "set", "remove"]
    assert [entry["value"] for entry in fields[boxes]["allowedValues"]] == ["Crash"]
