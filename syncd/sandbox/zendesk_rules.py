"""Zendesk's own doing: what follows from an update without anybody asking for it."""

from __future__ import annotations

from syncd.sandbox.zendesk_draft import Draft, Who
from syncd.sandbox.zendesk_records import SYSTEM_USER_ID, Ticket, Trigger, rule_via
from syncd.sandbox.zendesk_store import ZendeskStore


def reopen_for_customer(draft: Draft, who: Who) -> None:
    """A customer's reply takes a pending, held or solved ticket back to open."""
    if who.user is None or who.user.is_agent or draft.comment is None:
        return
    if draft.get("status") in {"pending", "hold", "solved"}:
        draft.set_status(draft.store.default_status("open"))


def fire_triggers(draft: Draft, who: Who) -> None:
    """Runs the triggers on an update that changes the status, each at most once.

    A trigger acts inside the same audit: its events carry their own `via`. One that is set to act `later` makes an
    audit of its own afterwards, as an automation does.
    """
    fired: set[int] = set()
    again = True
    while again:
        again = False
        for trigger in draft.store.triggers:
            if trigger.id in fired or trigger.times == 0 or not _meets(draft, trigger, who):
                continue
            fired.add(trigger.id)
            if trigger.times > 0:
                trigger.times -= 1
            if trigger.later:
                _schedule(draft.store, draft.ticket, trigger)
            else:
                status = draft.store.find_status(_by_name(trigger.set_status))
                draft.set_status(status, rule_via(trigger.id, trigger.name, "trigger"))
                again = True


def _by_name(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def is_status(store: ZendeskStore, name: str, category: str, custom_status_id: int) -> bool:
    """Whether a ticket has the status `name`: a category, or a custom status by label or id."""
    if name == category:
        return True
    if name in {"new", "open", "pending", "hold", "solved", "closed"}:
        return False
    return store.find_status(_by_name(name)).id == custom_status_id


def _meets(draft: Draft, trigger: Trigger, who: Who) -> bool:
    if not draft.status_changed():
        return False
    if trigger.only_actor is not None and trigger.only_actor != who.user_id:
        return False
    return is_status(draft.store, trigger.on_status, draft.get("status"), draft.get("custom_status_id"))


def _schedule(store: ZendeskStore, ticket: Ticket, trigger: Trigger) -> None:
    def act() -> None:
        if ticket.deleted or ticket.status == "closed":
            return
        if not is_status(store, trigger.on_status, ticket.status, ticket.custom_status_id):
            return
        draft = Draft(store, ticket)
        draft.set_status(store.find_status(_by_name(trigger.set_status)))
        via = rule_via(trigger.id, trigger.name, "automation")
        draft.commit(Who(SYSTEM_USER_ID, via, "Zendesk"))

    store.later(trigger.delay_seconds, act)
