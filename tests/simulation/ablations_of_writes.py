"""Design bugs of writing and of marks; see ablations.py."""

from __future__ import annotations

from tests.simulation.ablation import Ablation, Change

OF_WRITES: tuple[Ablation, ...] = (
    Ablation(
        1,
        "a Zendesk write without compare-and-swap",
        (
            Change(
                "sources/zendesk_write.py",
                """        raise RefusedError(f"an update of ticket #{ticket_id} that changes nothing was not sent")
    body = Ticket(id=ticket_id, safe_update=True, updated_stamp=stamp_of(stamp), metadata={MARKER: marker})
""",
                """        raise RefusedError(f"an update of ticket #{ticket_id} that changes nothing was not sent")
    body = Ticket(id=ticket_id, metadata={MARKER: marker})
""",
            ),
            Change(
                "sources/wire_guard.py",
                """    if ticket.get("safe_update") not in (True, "true") or not ticket.get("updated_stamp"):
""",
                """    if ticket.get("safe_update") not in (None, True, "true"):
""",
            ),
        ),
    ),
    Ablation(
        2,
        "an intent that is committed after the call",
        (
            Change(
                "executor/drain.py",
                """            if not committed:
                with self._store.transaction() as tx:
""",
                """            if committed:
                with self._store.transaction() as tx:
""",
            ),
        ),
    ),
    Ablation(
        3,
        "an unknown answer is repeated blindly",
        (
            Change(
                "executor/drain.py",
                """            case UnknownError() | InvalidResponseError():
                return InDoubt(LOOK_AFTER, str(error))
""",
                """            case UnknownError() | InvalidResponseError():
                return Later(LOOK_AFTER, str(error))
""",
            ),
            Change(
                "executor/bugs.py",
                """        found = self.verify_comment(action, marker)
""",
                """        found: Outcome = Later(0.0, "")
""",
            ),
        ),
    ),
    Ablation(
        4,
        "no look for our mark before the first try of a status",
        (
            Change(
                "executor/tickets.py",
                """        looks = attempts > 0 or action.status is not None or action.note is not None
""",
                """        looks = attempts > 0
""",
            ),
        ),
    ),
    Ablation(
        5,
        "no look for our mark before the first try of a comment",
        (
            Change(
                "executor/bug_comments.py",
                """        found = self.find(action, marker, now)
        if not isinstance(found, Later):
""",
                """        found: Outcome = Later(0.0, "")
        if not isinstance(found, Later):
""",
            ),
        ),
    ),
    Ablation(
        6,
        "absence of a comment counts at once, without a waiting window",
        (Change("executor/outcome.py", "VERIFY_AFTER = 60.0\n", "VERIFY_AFTER = 0.0\n"),),
    ),
    Ablation(
        7,
        "absence of a bug that was made counts at once",
        (
            Change("executor/creating.py", "WINDOW = 180.0\n", "WINDOW = 0.0\n"),
            Change("executor/creating.py", "WINDOW_BY_SEARCH = 600.0\n", "WINDOW_BY_SEARCH = 0.0\n"),
        ),
    ),
    Ablation(
        8,
        "a lost creation is looked for by search alone",
        (
            Change(
                "executor/creating.py",
                "        if not found and after is not None",
                "        if found and not found and after is not None",
            ),
            Change("executor/creating.py", "WINDOW_BY_SEARCH = 600.0\n", "WINDOW_BY_SEARCH = 60.0\n"),
            Change("executor/creating.py", "WINDOW = 180.0\n", "WINDOW = 60.0\n"),
        ),
    ),
    Ablation(
        9,
        "keys are read from a floor taken at the look instead of at the sending",
        (
            Change(
                "executor/creating.py",
                """        floor = self._floor(action) if intent.floor is None else int(intent.floor)
""",
                """        floor = self._floor(action)
""",
            ),
        ),
    ),
    Ablation(
        10,
        "the mark of a bug depends on what the ticket looks like",
        (
            Change(
                "core/actions.py",
                """        return f"{self.account}:{self.occurrence}"
""",
                """        return f"{self.account}:{self.occurrence}:{sorted(self.fields.items(), key=str)}"
""",
            ),
        ),
    ),
)
