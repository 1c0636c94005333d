"""What may happen between two cycles of a history, or within one, and how it is made good again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from syncd.sandbox.faults import Fault
from syncd.sandbox.seed import CLIENT_ID
from tests.simulation.faults import WRITES
from tests.simulation.people import Act
from tests.simulation.wire import Call

if TYPE_CHECKING:
    from tests.simulation.history import History

SHUT_FOR_WRITES = {"zendesk": "zendesk_read_only", "jira": "jira_read_only"}
CYCLES_OF_A_LULL = 3


def _jump(history: History, rng: random.Random, _number: int) -> None:
    history.clock.skew = rng.choice((0.0, 5.0, -5.0, 3600.0, -3600.0, 86400.0, -86400.0))


def _suspend(history: History, rng: random.Random, _number: int) -> None:
    seconds = rng.uniform(60.0, 43200.0)
    history.sandbox.advance(seconds)
    history.clock.asleep += seconds


def _expire(history: History, _rng: random.Random, _number: int) -> None:
    history.sandbox.zendesk.expire_tokens()


def _revoke_zendesk(history: History, rng: random.Random, number: int) -> None:
    history.sandbox.zendesk.revoke_credential(client_id=CLIENT_ID)
    history.wounds["zendesk_revoked"] = number + rng.randint(1, 3)


def _revoke_jira(history: History, rng: random.Random, number: int) -> None:
    history.sandbox.jira.revoke(history.seeded.jira_bot)
    history.wounds["jira_revoked"] = number + rng.randint(1, 3)


def _hide(history: History, rng: random.Random, number: int) -> None:
    history.sandbox.jira.set_members("NOVA", history.people.developers)
    history.wounds["project_hidden"] = number + rng.randint(1, 3)


def _restart(history: History, _rng: random.Random, _number: int) -> None:
    history.process.kill()


def _back_up(history: History, _rng: random.Random, _number: int) -> None:
    """The first time a backup is made, the next time it is put back."""
    if history.backup is None:
        history.backup = history.process.back_up()
    else:
        history.process.put_back(history.backup)
        history.wire.forgotten_at.append(history.sandbox.clock.now())
        history.cursors = {}
        history.known = {}  # a link that was made since is made anew, and begins then
        history.outcome.marks["an old backup was put back"] += 1


def _mail_down(history: History, rng: random.Random, number: int) -> None:
    history.promises.office.is_down = True
    history.wounds["mail_down"] = number + rng.randint(1, 4)


def _shut_for_writes(history: History, rng: random.Random, number: int) -> None:
    """One server is maintained: it can be read, and takes no writes."""
    history.wounds[rng.choice(list(SHUT_FOR_WRITES.values()))] = number + rng.randint(1, 4)


def _lull(history: History, rng: random.Random, _number: int) -> None:
    """Nobody does anything for some minutes, and the daemon goes on; not all that goes wrong stops with the people."""
    for _ in range(CYCLES_OF_A_LULL):
        history.sandbox.advance(rng.uniform(20.0, 150.0))
        history.cycle()


def _rush(history: History, rng: random.Random, number: int) -> None:
    """Customers write of the same trouble at the same moment, and the agents ask for bugs at once."""
    most = rng.randrange(0, 9_999, 3) + 2
    history.people.act(Act(number, None, "asks_anew", 0, 0, most))


def _bulk_change(history: History, rng: random.Random, number: int) -> None:
    """A developer changes all bugs in one go, as at a release; the index takes them in one by one."""
    places = list(range(len(history.people.bugs)))
    rng.shuffle(places)
    for place in places:
        verb = rng.choice(("developer_forces", "developer_edits", "developer_edits", "developer_ranks"))
        history.sandbox.advance(rng.uniform(0.1, 0.6))
        history.people.act(Act(number, None, verb, 0, place, rng.randrange(10_000)))


def _race(history: History, rng: random.Random, call: Call) -> None:
    """Somebody has a hand on what is about to be written."""
    if call.subject:
        # Zendesk's stamps have whole seconds: what happens in one second is one moment to a compare-and-swap.
        history.sandbox.advance(1.0 - history.sandbox.clock.now() % 1.0)
        done = history.people.meddle(call.subject, rng)
        history.note(f"at the same time: {done}")


def _shut_out(history: History, rng: random.Random, _call: Call) -> None:
    """Our account ends while a cycle runs."""
    kind = rng.choice(("jira_revoked", "jira_revoked", "zendesk_revoked"))
    if kind not in history.wounds:
        EVENTS[kind](history, rng, history.round)
        history.wounds[kind] = history.round + rng.randint(1, 3)


def inside(history: History, call: Call) -> None:
    """What happens right before a call."""
    for kind, happens in INSIDE.items():
        if (call.write or kind not in BEFORE_WRITES) and history.swarm.strikes(
            kind, times=WRITES if call.write else 1.0
        ):
            history.outcome.faults[kind] += 1
            happens(history, history.swarm.stream(kind), call)


def refusal(history: History, call: Call) -> tuple[str, Fault] | None:
    """What a server that is maintained answers to a write."""
    if not call.write or SHUT_FOR_WRITES[call.service] not in history.wounds:
        return None
    busy = {"status": 503, "body": "We are down for maintenance", "headers": {"Retry-After": "5"}}
    return "read_only", Fault("status", call.service, args=busy)


def mend(history: History, wound: str) -> None:
    """What was revoked, hidden or shut is given back."""
    del history.wounds[wound]
    history.note(f"mended: {wound}")
    if wound in SHUT_FOR_WRITES.values():
        return
    if wound == "mail_down":
        history.promises.office.is_down = False
    elif wound == "zendesk_revoked":
        history.sandbox.zendesk.restore_credential(client_id=CLIENT_ID)
    elif wound == "jira_revoked":
        history.sandbox.jira.restore(history.seeded.jira_bot)
    else:
        history.sandbox.jira.set_members("NOVA", None)


EVENTS = {
    "clock_jump": _jump,
    "suspend": _suspend,
    "token_expired": _expire,
    "zendesk_revoked": _revoke_zendesk,
    "jira_revoked": _revoke_jira,
    "project_hidden": _hide,
    "restart": _restart,
    "old_backup": _back_up,
    "read_only": _shut_for_writes,
    "rush": _rush,
    "bulk_change": _bulk_change,
    "lull": _lull,
    "mail_down": _mail_down,
}
INSIDE = {"race": _race, "shut_out": _shut_out}
BEFORE_WRITES = frozenset({"race"})
