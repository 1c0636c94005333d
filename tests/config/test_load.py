"""Loading: which files are read, what becomes of them, and what is warned of."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from syncd.config.load import load_config, packaged_mappings
from syncd.config.problems import ConfigError

EXAMPLE = Path(__file__).parents[2] / "config.yaml"
SECRETS = {"ZENDESK_CLIENT_SECRET": "canary-1", "JIRA_TOKEN": "canary-2"}

SMALL = """
zendesk:
  base_url: https://acme.zendesk.com
  auth: {oauth: {client_id: syncd, client_secret_env: ZENDESK_CLIENT_SECRET}}
jira:
  base_url: https://acme.atlassian.net
  auth: {api_token: {email: syncd@acme.example, token_env: JIRA_TOKEN}}
routes:
  - name: engineering
    project: ENG
    mirror: {bug: Jira issue}
"""
MAPPING = "stages: {queued: {bug_is: To Do}}\n"


def written(folder: Path, text: str = SMALL, **mappings: str) -> Path:
    (folder / "mappings").mkdir(exist_ok=True)
    for name, content in mappings.items():
        (folder / "mappings" / f"{name}.yaml").write_text(content, encoding="utf-8")
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_loads_without_a_warning_where_its_secrets_are_set() -> None:
    loaded = load_config(EXAMPLE, SECRETS)
    assert not loaded.warnings
    assert set(loaded.mappings) == {"default", "simple"}
    assert loaded.mapping_of("operations").name == "simple"
    config = loaded.config
    assert [route.project for route in config.routes] == ["NOVA", "OPS"]
    assert config.route_of("OPS") is config.routes[1]
    assert config.zendesk.auth.secret.reveal() == "canary-1"
    assert config.jira.auth.secret.reveal() == "canary-2"


def test_the_example_takes_its_addresses_from_the_environment() -> None:
    loaded = load_config(EXAMPLE, {**SECRETS, "ZENDESK_URL": "http://127.0.0.1:8801", "JIRA_URL": "http://[::1]:8802/"})
    assert loaded.config.zendesk.base_url == "http://127.0.0.1:8801"
    assert loaded.config.jira.site_url == "http://[::1]:8802"


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    config = load_config(written(tmp_path), SECRETS).config
    poll = config.poll
    assert (poll.fast, poll.complete) == (timedelta(seconds=15), timedelta(seconds=60))
    assert (poll.census, poll.versions) == (timedelta(hours=1), timedelta(minutes=5))
    assert config.start_from == timedelta(days=90)
    assert config.store.url == "sqlite:///syncd.db"
    assert (config.guard.max_changed_share, config.guard.accept) == (0.5, ())
    assert (config.log.format, config.log.level) == ("auto", "info")
    assert config.jira.deployment == "auto"
    assert config.jira.site_url == "https://acme.atlassian.net"
    route = config.routes[0]
    assert (route.issue_type, route.mapping, route.link_tag, route.off_tag) == ("Bug", "default", "link_", "syncd_off")
    assert route.link_field == "Jira issue"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param("", "Jira issue", id="the mirror's field for the key"),
        pytest.param("    link_field: 360001\n", "360001", id="another one, by id"),
    ],
)
def test_the_field_that_makes_links_is(tmp_path: Path, more: str, expected: str) -> None:
    assert load_config(written(tmp_path, SMALL + more), SECRETS).config.routes[0].link_field == expected


def test_a_mapping_beside_the_config_comes_before_the_one_that_is_shipped(tmp_path: Path) -> None:
    assert len(load_config(written(tmp_path), SECRETS).mappings["default"].model.stages) == 5
    assert len(load_config(written(tmp_path, default=MAPPING), SECRETS).mappings["default"].model.stages) == 1


def test_a_mapping_may_be_a_path_from_the_folder_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "m.yml").write_text(MAPPING)
    loaded = load_config(written(tmp_path, SMALL + "    mapping: other/m.yml\n"), SECRETS)
    assert list(loaded.mappings["other/m.yml"].model.stages) == ["queued"]


def test_the_shipped_mappings_are_found() -> None:
    assert {"default.yaml", "simple.yaml"} <= {file.name for file in packaged_mappings().iterdir()}


def test_a_config_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="syncd init"):
        load_config(tmp_path / "none.yaml", {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, {})


@pytest.mark.parametrize(
    ("before", "after", "warning"),
    [
        pytest.param("x", "x", "", id="nothing to say"),
        pytest.param("token_env: JIRA_TOKEN", "token_env: OTHER", "OTHER is not set", id="a secret that is not there"),
        pytest.param(
            "oauth: {client_id: syncd, client_secret_env: ZENDESK_CLIENT_SECRET}",
            "api_token: {email: a@b.example, token_env: JIRA_TOKEN}",
            "stop working on 2027-04-30",
            id="API tokens of Zendesk end",
        ),
        pytest.param(
            "https://acme.atlassian.net",
            "https://api.atlassian.com/ex/jira/1",
            "write site_url",
            id="a gateway's address is not for people",
        ),
        pytest.param(
            "mirror: {bug: Jira issue}", 'link_tag: ""', "Nothing makes a link", id="a route that finds no link"
        ),
    ],
)
def test_loading_warns(tmp_path: Path, before: str, after: str, warning: str) -> None:
    warnings = load_config(written(tmp_path, SMALL.replace(before, after)), SECRETS).warnings
    assert [w for w in warnings if warning and warning not in w.message] == []
    assert len(warnings) == bool(warning)
    assert all(w.line for w in warnings)


def test_a_secret_beside_the_config_may_be_named_by_a_short_path(tmp_path: Path) -> None:
    (tmp_path / "jira.token").write_text("canary-3\n")
    (tmp_path / "jira.token").chmod(0o600)
    loaded = load_config(written(tmp_path, SMALL.replace("token_env: JIRA_TOKEN", "token_file: ./jira.token")), SECRETS)
    assert loaded.config.jira.auth.secret.reveal() == "canary-3"
    assert not loaded.warnings


def test_the_folder_of_a_secret_may_come_from_the_environment(tmp_path: Path) -> None:
    text = SMALL.replace("token_env: JIRA_TOKEN", 'token_file: "${CREDENTIALS_DIRECTORY}/jira"')
    (tmp_path / "jira").write_text("canary-4")
    loaded = load_config(written(tmp_path, text), {**SECRETS, "CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert loaded.config.jira.auth.secret.reveal() == "canary-4"


def test_a_database_password_stays_out_of_the_address(tmp_path: Path) -> None:
    store = "store: {url: postgresql://syncd@db.example/syncd, password_env: DB_PASSWORD}\n"
    loaded = load_config(written(tmp_path, SMALL + store), {**SECRETS, "DB_PASSWORD": "canary-5"})
    password = loaded.config.store.password
    assert password is not None
    assert password.reveal() == "canary-5"


def test_no_secret_can_be_seen_in_what_was_loaded() -> None:
    loaded = load_config(EXAMPLE, SECRETS)
    shown = f"{loaded!r}{loaded.config!r}{loaded.config.model_dump()!r}{loaded.config.model_dump_json()}{loaded.digest}"
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param("\nzendesk", "\n# a comment\nzendesk", True, id="a comment does not count"),
        pytest.param(
            "name: engineering\n    project: ENG", "project: ENG\n    name: engineering", True, id="nor the order"
        ),
        pytest.param("project: ENG", "project: ENG\n    off_tag: syncd_off", True, id="nor a default that is written"),
        pytest.param("routes:", "guard: {accept: [token-1]}\nroutes:", True, id="nor an accepted token"),
        pytest.param("project: ENG", "project: OPS", False, id="another project counts"),
        pytest.param("routes:", "poll: {fast: 16s}\nroutes:", False, id="another interval counts"),
    ],
)
def test_the_digest_follows_the_meaning(tmp_path: Path, before: str, after: str, same: bool) -> None:
    first = load_config(written(tmp_path), SECRETS).digest
    second = load_config(written(tmp_path, SMALL.replace(before, after)), SECRETS).digest
    assert (first == second) is same


def test_the_digest_follows_the_mappings(tmp_path: Path) -> None:
    first = load_config(written(tmp_path, default=MAPPING), SECRETS).digest
    assert load_config(written(tmp_path, default="# why\n" + MAPPING), SECRETS).digest == first
    assert load_config(written(tmp_path, default=MAPPING.replace("To Do", "Open")), SECRETS).digest != first


def test_a_mapped_field_without_a_name_is_called_after_its_two_sides(tmp_path: Path) -> None:
    fields = "[{ticket: priority, bug: priority, owner: zendesk}, {ticket: Product, bug: components, owner: zendesk}]"
    config = load_config(written(tmp_path, f"{SMALL}    fields: {fields}\n"), SECRETS).config
    assert [field.name for field in config.routes[0].fields] == ["priority / priority", "Product / components"]
