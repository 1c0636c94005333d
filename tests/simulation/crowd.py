"""Who acts in a history, and on what."""

from __future__ import annotations

from syncd.sandbox.seed import Seeded
from syncd.sandbox.server import Sandbox


class Crowd:
    """Agents, customers and developers, with the tickets and bugs that they have made."""

    def __init__(self, sandbox: Sandbox, seeded: Seeded) -> None:
        self._zendesk = sandbox.zendesk
        self._jira = sandbox.jira
        self._clock = sandbox.clock
        self._seeded = seeded
        self.agents = list(seeded.agents.values())
        self.customers = list(seeded.customers.values())
        self.developers = list(seeded.developers.values())
        self.tickets: list[int] = []
        self.bugs: list[str] = []  # ids, which outlive a move

    def _agent(self, choice: int) -> int:
        return self.agents[choice % len(self.agents)]

    def _developer(self, choice: int) -> str:
        return self.developers[choice % len(self.developers)]

    def _key(self, bug: str) -> str:
        return str(self._jira.issue_state(bug)["key"])
