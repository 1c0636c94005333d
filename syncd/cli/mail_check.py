"""The part of `syncd check` that is about mail: the templates, the mail server, and addresses that open tickets.

Support addresses: https://developer.zendesk.com/api-reference/ticketing/account-configuration/support_addresses/
"""

from __future__ import annotations

from syncd.alerts.channels.build import mail_server, renderer_of
from syncd.alerts.mail import MailProblem, Smtp
from syncd.app.build import zendesk_credential
from syncd.cli.exits import Exit
from syncd.cli.findings import Findings
from syncd.config.alert_models import opens_tickets
from syncd.config.load import Loaded
from syncd.config.secret import SecretError
from syncd.core.ports import Clock
from syncd.sources.errors import SourceError
from syncd.sources.http import Session


def check_templates(loaded: Loaded, findings: Findings) -> None:
    """What is wrong with the operator's templates. Mail goes out all the same, so each is a warning."""
    for sentence in renderer_of(loaded.config.mail).problems():
        findings.warning("mail", sentence, _place(loaded, ("mail", "templates")))


def check_mail(loaded: Loaded, findings: Findings, clock: Clock) -> None:
    """Connects to the mail server and signs in, and compares receivers with Zendesk's support addresses. No mail is
    sent."""
    mail = loaded.config.mail
    if mail is None:
        return
    try:
        findings.fine(Smtp(mail_server(mail)).probe())
    except MailProblem as problem:
        sentence = f"Mail cannot be sent: {str(problem).rstrip('.')}."
        findings.error("mail", sentence, Exit.PERSON if problem.mend else Exit.LATER, _place(loaded, ("mail",)))
    if any(receiver.to for receiver in loaded.config.receivers):
        _check_addresses(loaded, findings, clock)


def _check_addresses(loaded: Loaded, findings: Findings, clock: Clock) -> None:
    """Mail to a support address becomes a ticket, and a ticket raises alerts."""
    try:
        support = _support_addresses(loaded, clock)
    except (SourceError, SecretError):
        findings.warning(
            "mail",
            "Zendesk does not show its support addresses, so that mail in circles cannot be ruled out: "
            "list them under zendesk.support_addresses.",
            _place(loaded, ("zendesk",)),
        )
        return
    for index, receiver in enumerate(loaded.config.receivers):
        for position, address in enumerate(receiver.to):
            if opens_tickets(address, support):
                findings.error(
                    "mail",
                    f"{address} is a support address of Zendesk: mail to it opens a ticket, and a ticket raises "
                    "alerts. Write another address.",
                    Exit.CONFIG,
                    _place(loaded, ("receivers", index, "to", position)),
                )
            elif _is_customer(loaded, clock, address):
                findings.error(
                    "mail",
                    f"{address} is a customer's in Zendesk: alerts hold what only staff may read. "
                    "Write another address.",
                    Exit.CONFIG,
                    _place(loaded, ("receivers", index, "to", position)),
                )
    mail = loaded.config.mail
    if mail is not None and opens_tickets(mail.sender, support):
        findings.error(
            "mail",
            f"{mail.sender} is a support address of Zendesk: bounces open tickets. Write another address.",
            Exit.CONFIG,
            _place(loaded, ("mail", "sender")),
        )


def _support_addresses(loaded: Loaded, clock: Clock) -> tuple[str, ...]:
    """The first hundred, which is more than a desk has; raises SourceError."""
    desk = loaded.config.zendesk
    credential = zendesk_credential(desk.reader_auth or desk.auth)
    session = Session(desk.base_url, service="zendesk", clock=clock, credential=credential)
    told = session.get_json("/api/v2/recipient_addresses.json", {"page[size]": 100})
    rows = told.get("recipient_addresses") if isinstance(told, dict) else None
    found = [row.get("email") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return tuple(email for email in found if isinstance(email, str))


def _is_customer(loaded: Loaded, clock: Clock, address: str) -> bool:
    """Whether Zendesk knows the address as an end user's, by an exact match. What it does not tell is believed to be
    well: https://developer.zendesk.com/api-reference/ticketing/users/users/#search-users"""
    desk = loaded.config.zendesk
    session = Session(desk.base_url, service="zendesk", clock=clock, credential=zendesk_credential(desk.auth))
    try:
        told = session.get_json("/api/v2/users/search.json", {"query": f'email:"{address}"'})
    except (SourceError, SecretError):
        return False
    rows = told.get("users") if isinstance(told, dict) else None
    return any(
        isinstance(row, dict)
        and row.get("role") == "end-user"
        and str(row.get("email") or "").casefold() == address.casefold()
        for row in (rows if isinstance(rows, list) else ())
    )


def _place(loaded: Loaded, path: tuple[str | int, ...]) -> str:
    return str(loaded.document.problem(path, "")).rstrip(": ")
