"""Design bugs on purpose: each is a change of production code that takes one protection away. The simulation must catch
every one of them within 100 histories, by an invariant that is judged on the servers' state and journal.

A row names the places by the text that is there now; tests/simulation/test_ablations.py fails when it no longer is.
"""

from __future__ import annotations

from tests.simulation.ablation import Ablation, Change
from tests.simulation.ablations_of_mail import OF_MAIL
from tests.simulation.ablations_of_writes import OF_WRITES

ABLATIONS: tuple[Ablation, ...] = (
    *OF_WRITES,
    Ablation(
        11,
        "the local clock as the cursor of the list",
        (
            Change(
                "cycle/fetch.py",
                """                tx.set_cursor_forward(FAST_TICKETS, newest, now)
""",
                """                tx.set_cursor_forward(FAST_TICKETS, int(now.timestamp()), now)
""",
            ),
            Change(
                "cycle/fetch.py",
                "max(since, newest.updated_ms if newest else 0), now)",
                "max(since, int(now.timestamp() * 1000)), now)",
            ),
        ),
    ),
    Ablation(
        12,
        "Jira's cursor without an overlap",
        (
            Change(
                "cycle/fetch.py",
                """OVERLAP_MS = {"cloud": 300_000, "data_center": 120_000}
""",
                """OVERLAP_MS = {"cloud": 0, "data_center": 0}
""",
            ),
        ),
    ),
    Ablation(
        13,
        "readings that are older than what is stored are believed",
        (
            Change("store/snapshots.py", "    if reading.updated_at < old.updated_at:\n        return None\n", ""),
            Change("store/snapshots.py", "    if reading.updated_ms < old.updated_ms:\n        return None\n", ""),
        ),
    ),
    Ablation(
        14,
        "no echo mark: what we wrote is carried back",
        (
            Change(
                "core/comment_visibility.py",
                """ == "none" or comment.marker is not None or comment.author.kind not in _SPEAKERS:
""",
                """ == "none":
""",
            ),
            Change(
                "core/comment_visibility.py",
                """    if comment.marker is not None or comment.author.kind not in _SPEAKERS:
        return None
    by_agent""",
                """    by_agent""",
            ),
        ),
    ),
    Ablation(
        15,
        'a note without "internal"',
        (
            Change(
                "sources/zendesk_write.py",
                """        values["comment"] = Comment(public=False, **text, **files)
""",
                """        values["comment"] = Comment(**text, **files)
""",
            ),
            Change(
                "sources/wire_guard.py",
                """        if comment.get("public") is not False and not""",
                """        if comment.get("public") is True and not""",
            ),
        ),
    ),
    Ablation(
        16,
        "comments for one role are carried",
        (
            Change(
                "core/comment_visibility.py",
                """    if comment.restricted and not policy.restricted:
        return None
    raising""",
                """    raising""",
            ),
        ),
    ),
    Ablation(
        17,
        "no brake on a first run",
        (
            Change(
                "core/guard.py",
                """    if accepted.meaning is None:
        yield Reason.FIRST_RUN, "nothing has been written for this route before"
    elif accepted.meaning != facts.meaning:
""",
                """    if accepted.meaning is not None and accepted.meaning != facts.meaning:
""",
            ),
        ),
    ),
    Ablation(
        18,
        "Retry-After is not kept",
        (
            Change(
                "sources/budget.py",
                """                self._paused[name] = max(self._paused.get(name, 0.0), until)
""",
                """                self._paused[name] = min(self._paused.get(name, until), 0.0)
""",
            ),
        ),
    ),
    Ablation(
        19,
        "the HTTP layer repeats writes",
        (
            Change(
                "sources/http.py",
                """            return once() if kind.write else self._again(once, kind)
""",
                """            if not kind.write:
                return self._again(once, kind)
            try:
                return once()
            except SourceError as error:
                if isinstance(error, TransientError | AuthError | RefusedError):
                    raise
                return once()
""",
            ),
        ),
    ),
    Ablation(
        20,
        "a 5xx answer to a write counts as a no",
        (
            Change(
                "sources/classify.py",
                """        if kind.write:
            return UnknownError(f"{message}; it may have been applied", status=status)
""",
                "",
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
        21,
        "a bug is moved without a fresh read",
        (
            Change(
                "executor/drain.py",
                """        return self._bugs.move(
            action,
""",
                """        with self._store.reading() as tx:
            stored = tx.issues([action.issue_id])
        return self._bugs.believing(stored).move(
            action,
""",
            ),
            Change(
                "executor/bugs.py",
                """            issue = self._jira.read([action.issue_id])[0]
            if known is None:
""",
                """            issue = self._stored.pop(action.issue_id, None) or self._jira.read([action.issue_id])[0]
            if known is None:
""",
            ),
            Change(
                "executor/bugs.py",
                """        self._jira = jira

    def move(
""",
                """        self._jira = jira
        self._stored: dict[str, IssueSnapshot] = {}

    def believing(self, stored):
        self._stored = dict(stored)
        return self

    def move(
""",
            ),
        ),
    ),
    Ablation(
        22,
        "a ticket whose customer waits is put on hold",
        (
            Change(
                "core/who.py",
                """            return change.actor.kind is not ActorKind.AGENT and (since is None or change.at > since)
""",
                """            return False
""",
            ),
        ),
    ),
    Ablation(
        23,
        "a robot that undoes our value is fought",
        (
            Change(
                "executor/tickets.py",
                """            for s in action.settles
        }
        conflicts = _bounce(action, ticket, undone_by, now) if bounced else {}
""",
                """            for s in action.settles
            if not bounced
        }
        conflicts = {}
""",
            ),
            Change(
                "core/draft.py",
                """{max((view.link.base.ticket_version for view in group if view.link.base is not None), default=0)}""",
                """{max(view.ticket.version for view in group)}""",
            ),
        ),
        note="(two protections at once, of which each is enough: a write that was undone is a conflict and not tried "
        "again, and an event is carried once, whatever became of it)",
    ),
    Ablation(
        24,
        "an answer as to nobody is believed",
        (
            Change(
                "sources/jira_wire.py",
                """            refused = self._taken_for_nobody()
            if refused is None:
                if isinstance""",
                """            refused = None
            if refused is None:
                if isinstance""",
            ),
        ),
    ),
    Ablation(
        25,
        "a write that fails three times is dropped",
        (
            Change(
                "executor/drain.py",
                """                case Later():
                    report.later += 1
""",
                """                case Later() if intent.attempts >= 2:
                    tx.settle(intent.id, IntentState.REFUSED, now, error="given up")
                case Later():
                    report.later += 1
""",
            ),
        ),
    ),
    Ablation(
        26,
        "a touched link is forgotten before its plan is stored",
        (
            Change(
                "cycle/planning.py",
                """        with self._store.transaction() as tx:
            accounts = json""",
                """        with self._store.transaction() as tx:
            tx.untouch(list(planned.subjects))
        with self._store.transaction() as tx:
            accounts = json""",
            ),
        ),
    ),
    Ablation(
        27,
        "what was agreed is not kept with the settled write",
        (
            Change(
                "executor/drain.py",
                """        base = outcome.bases.get(link_id, link.base)
""",
                """        base = link.base
""",
            ),
        ),
    ),
    Ablation(
        28,
        "no audit row",
        (
            Change(
                "executor/drain.py",
                """    tx.audit(now, intent.id, intent.kind, intent.subject, intent.action.reason, "done", detail)
""",
                "",
            ),
        ),
    ),
    Ablation(
        29,
        "no census",
        (
            Change(
                "cycle/engine.py",
                """        if not report.problems:
            self._calls.label = "census"
""",
                """        if report.problems is None:
            self._calls.label = "census"
""",
            ),
        ),
    ),
    Ablation(
        30,
        "no daily look for twins of bugs",
        (
            Change(
                "cycle/creating.py",
                """                keys = flag_twins(tx, creation.marker, twins, now) if twins else ()
""",
                """                keys = ()
""",
            ),
        ),
    ),
    Ablation(
        31,
        "files of an interrupted try are attached again",
        (
            Change(
                "executor/bug_comments.py",
                """        there = {file.name for file in self._tracker.files(action.issue_id)}
""",
                """        there: set[str] = set()
""",
            ),
        ),
    ),
    Ablation(
        32,
        "the credential is in an error text",
        (
            Change(
                "sources/http.py",
                """        failure = classify_response(response, kind, what, self._clock.now())
""",
                """        what = f"{what} ({_authorization(response)})"
        failure = classify_response(response, kind, what, self._clock.now())
""",
            ),
        ),
    ),
    *OF_MAIL,
)
