"""What is configured in one history: each seed draws the deployment, the mapping, what comments and fields are carried,
and whether tickets get bugs."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from syncd.sandbox.seed import JIRA_EMAIL
from tests.simulation.clocks_and_rules import Clocks
from tests.simulation.letters import MAIL_KINDS, MORE_MAIL_FAULTS

ZENDESK_URL = "http://127.0.0.1:1"
JIRA_URL = "http://127.0.0.1:2"
MAPPINGS = Path(__file__).resolve().parents[2] / "mappings"
ACT_TAG = "to_engineering"
AREA = "area_"
PRIORITIES = {"urgent": "Highest", "high": "High", "normal": "Medium", "low": "Low"}

_MIRROR = (
    "{bug: Engineering bug, status: Engineering status, assignee: Engineering assignee, "
    "fix_version: Engineering fix version, due_date: Engineering due date, sync_state: Sync state}"
)
_CONFIG = """
zendesk:
  base_url: {zendesk}
  auth: {{oauth: {{client_id: syncd, client_secret_env: ZENDESK_SECRET}}}}
jira:
  base_url: {jira}
  site_url: https://jira.example
  auth: {auth}
store: {{url: "sqlite:///syncd.db"}}
poll: {{census: {census}}}
routes:
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {mirror}
    comments: {comments}
{more}  - name: operations
    project: OPS
    mapping: simple
    mirror: {mirror}
    comments: {comments}
"""
_FIELDS = f"""\
    fields:
      - {{name: priority, ticket: priority, bug: priority, owner: both, winner: jira,
         map: {{{", ".join(f"{ours}: {theirs}" for ours, theirs in PRIORITIES.items())}}}}}
      - {{name: areas, ticket: tags, bug: labels, owner: both, winner: jira, only: [{AREA}]}}
"""
_CREATE = f"""\
    create:
      act_tag: {ACT_TAG}
      labels: [from_support]
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """One configuration."""

    deployment: Literal["cloud", "data_center"]
    to_bug: str = "tagged"
    to_ticket: str = "internal"
    restricted: bool = False
    history: str = "none"
    fields: bool = False
    creates: bool = False
    on_conflict: str = "bug_wins"
    customer_reopens: bool = False
    lazy: bool = False  # hardly any census: changes are seen by the lists and the search alone, and nothing vanishes
    clocks: Clocks | None = None

    @property
    def never(self) -> tuple[str, ...]:
        """Kinds of faults that cannot happen here."""
        of_mail = (*MAIL_KINDS, *MORE_MAIL_FAULTS) if self.clocks is None else ()
        return (*(("project_hidden",) if self.lazy else ()), *of_mail)

    @property
    def mapping(self) -> str:
        """NOVA's mapping file."""
        text = (MAPPINGS / "default.yaml").read_text(encoding="utf-8")
        for name, default, value in (
            ("on_conflict", "bug_wins", self.on_conflict),
            ("customer_reopens_bug", "false", str(self.customer_reopens).lower()),
        ):
            line = f"\n{name}: {default} "
            if text.count(line) != 1:
                raise ValueError(f"mappings/default.yaml no longer says {line.strip()!r}")
            text = text.replace(line, f"\n{name}: {value} ")
        return text

    @property
    def config(self) -> str:
        """config.yaml."""
        cloud = f"{{api_token: {{email: {JIRA_EMAIL}, token_env: JIRA_TOKEN}}}}"
        return _CONFIG.format(
            zendesk=ZENDESK_URL,
            jira=JIRA_URL,
            auth=cloud if self.deployment == "cloud" else "{pat: {token_env: JIRA_TOKEN}}",
            mirror=_MIRROR,
            census="24h" if self.lazy else "60s",  # every link in every complete pass: a history is short
            comments=(
                f"{{to_bug: {self.to_bug}, to_ticket: {self.to_ticket}, restricted: {str(self.restricted).lower()}, "
                f"history: {self.history}}}"
            ),
            more=(_FIELDS if self.fields else "") + (_CREATE if self.creates else ""),
        ) + (self.clocks.config if self.clocks is not None else "")


def draw(rng: random.Random, deployment: Literal["cloud", "data_center"], clocks: Clocks | None) -> Variant:
    """A configuration; the usual ones more often."""
    return Variant(
        deployment,
        to_bug=rng.choice(("tagged", "tagged", "all", "internal", "none")),
        to_ticket=rng.choice(("internal", "internal", "internal", "none")),
        restricted=rng.random() < 0.25,
        history=rng.choice(("none", "none", "all")),
        fields=rng.random() < 0.5,
        creates=rng.random() < 0.6,
        on_conflict=rng.choice(("bug_wins", "bug_wins", "bug_wins", "ticket_wins", "flag")),
        customer_reopens=rng.random() < 0.2,
        lazy=rng.random() < 0.25,
        clocks=clocks,
    )
