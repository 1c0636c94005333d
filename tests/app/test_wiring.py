"""What config.yaml says of the connections reaches them: certificates, lifetimes of tokens, the cap on updates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from syncd.app.build import App
from syncd.config.load import load_config
from syncd.config.problems import ConfigError
from syncd.sandbox.seed import CLIENT_SECRET, JIRA_TOKEN
from syncd.sources.errors import TransientError
from syncd.store import Store
from tests.scenarios.lab import Deployment, Lab


@pytest.fixture(params=["cloud", "data_center"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    return cast("Deployment", request.param)


class Watching(BaseAdapter):
    """Passes requests on and remembers what they were sent with."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner
        self.verified: set[object] = set()
        self.tokens: list[dict[str, Any]] = []

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        self.verified.add(kwargs.get("verify"))
        if request.path_url.startswith("/oauth/tokens"):
            self.tokens.append(json.loads(request.body or "{}"))
        return self._inner.send(request, *args, **kwargs)

    def close(self) -> None:
        self._inner.close()


class Configured(Lab):
    """A lab whose connections are configured further."""

    zendesk = ""
    jira = ""
    oauth = ""

    def prepare(self) -> None:
        """Before the daemon starts."""
        file = self.folder / "config.yaml"
        text = file.read_text(encoding="utf-8")
        text = text.replace("base_url: http://127.0.0.1:1\n", f"base_url: http://127.0.0.1:1\n{self.zendesk}")
        text = text.replace("base_url: http://127.0.0.1:2\n", f"base_url: http://127.0.0.1:2\n{self.jira}")
        file.write_text(text.replace("client_secret_env: ", f"{self.oauth}client_secret_env: "), encoding="utf-8")


def test_certificates_and_the_lifetime_of_tokens_are_used(tmp_path: Path, deployment: Deployment) -> None:
    (tmp_path / "zendesk.pem").touch()
    (tmp_path / "jira.pem").touch()

    class Own(Configured):
        zendesk = "  ca: zendesk.pem\n"
        jira = "  ca: jira.pem\n"
        oauth = "token_lifetime: 10m, "

    lab = Own(tmp_path, deployment)
    desk = Watching(lab.app.zendesk._writer.session.get_adapter("http://127.0.0.1"))
    bugs = Watching(lab.app.jira._wire.session.get_adapter("http://127.0.0.1"))
    loaded = load_config(tmp_path / "config.yaml", {"ZENDESK_SECRET": CLIENT_SECRET, "JIRA_TOKEN": JIRA_TOKEN})
    with Store.open(f"sqlite:///{tmp_path / 'other.db'}") as store:
        app = App(loaded, store, lab.clock, zendesk_adapter=desk, jira_adapter=bugs)
        app.zendesk.identity()
        app.jira.identity()
    assert desk.verified == {str(tmp_path / "zendesk.pem")}
    assert bugs.verified == {str(tmp_path / "jira.pem")}
    assert [token["expires_in"] for token in desk.tokens] == [600]


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("zendesk", "zendesk.ca: There is no file or folder"),
        ("oauth", "zendesk.auth.oauth.token_lifetime: Write a span between 5m and 2d."),
    ],
    ids=["certificates that are not there", "a lifetime that Zendesk does not grant"],
)
def test_what_cannot_be_used_is_refused_with_its_line(tmp_path: Path, extra: str, said: str) -> None:
    class Wrong(Configured):
        zendesk = "  ca: nowhere.pem\n" if extra == "zendesk" else ""
        oauth = "token_lifetime: 4d, " if extra == "oauth" else ""

    with pytest.raises(ConfigError) as found:
        Wrong(tmp_path)
    assert said in str(found.value)


def test_no_more_updates_a_minute_than_the_operator_allows(tmp_path: Path, deployment: Deployment) -> None:
    class Slow(Configured):
        zendesk = "  update_budget: 6\n"

    lab = Slow(tmp_path, deployment)
    key = lab.bug()
    tickets = [lab.ticket() for _ in range(15)]
    for ticket in tickets:
        lab.link(ticket, key)
    lab.settle()
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert {lab.status(ticket) for ticket in tickets} == {"open"}
    times = [e["at"] for e in lab.writes() if e["service"] == "zendesk"]
    assert len(times) >= 30
    assert max(sum(start <= at < start + 60 for at in times) for start in times) == 6


def test_a_write_beyond_the_cap_is_not_sent_at_all(tmp_path: Path) -> None:
    class Slow(Configured):
        zendesk = "  update_budget: 1\n"

    lab = Slow(tmp_path)
    ticket = lab.app.zendesk.read([lab.ticket()])[0]
    lab.app.zendesk.add_tags(ticket.id, ["one"], stamp=ticket.updated_at)
    assert lab.app.zendesk.wait_for("update") == pytest.approx(60, abs=1)
    fresh = lab.app.zendesk.read([ticket.id])[0]
    with pytest.raises(TransientError) as found:
        lab.app.zendesk.add_tags(ticket.id, ["two"], stamp=fresh.updated_at)
    assert found.value.retry_after == pytest.approx(60, abs=1)
    lab.sandbox.advance(61)
    lab.app.zendesk.add_tags(ticket.id, ["two"], stamp=fresh.updated_at)


def test_no_server_is_called_inside_a_transaction_of_the_store(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment)
    calls = len(lab.sandbox.ctx.journal.entries(0))
    with lab.app.store.transaction():
        for call in (lab.app.jira.identity, lab.app.zendesk.identity):
            with pytest.raises(RuntimeError, match="inside a transaction"):
                call()
    assert len(lab.sandbox.ctx.journal.entries(0)) == calls
