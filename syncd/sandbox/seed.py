"""A support desk to begin with: teams, customers, fields and statuses, two Jira projects, a dozen cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from syncd.sandbox.server import Sandbox

# Invented secrets of an invented service.
CLIENT_ID: Final = "syncd"
CLIENT_SECRET: Final = "sandbox-client-secret"  # noqa: S105 - as said above
READER_CLIENT_ID: Final = "syncd-reader"
READER_CLIENT_SECRET: Final = "sandbox-reader-secret"  # noqa: S105 - as said above
WRITER_EMAIL: Final = "notes-bot@helpdesk.example"
WRITER_API_TOKEN: Final = "sandbox-api-token"  # noqa: S105 - as said above
JIRA_TOKEN: Final = "sandbox-jira-token"  # noqa: S105 - as said above
JIRA_EMAIL: Final = "syncd-bot@dev.example"

BUG_FIELD: Final = "Engineering bug"
#: Not for customers' eyes: what the mirror writes.
MIRROR_FIELDS: Final = (
    ("Engineering status", "text"),
    (BUG_FIELD, "text"),
    ("Engineering fix version", "text"),
    ("Engineering assignee", "text"),
    ("Engineering due date", "date"),
    ("Sync state", "text"),
)
#: Customers see and may change this one, so a mirror must refuse it.
PORTAL_FIELD: Final = "Affected product"

_GROUPS: Final = ("L1", "L2", "Development", "Operations")
_AGENTS: Final = (
    ("Lena Vogt", "lena.vogt@helpdesk.example", "L1", "Europe/Berlin"),
    ("Marco Ruiz", "marco.ruiz@helpdesk.example", "L1", "Europe/Madrid"),
    ("Xu Ling", "xu.ling@helpdesk.example", "L1", "Asia/Shanghai"),
    ("Priya Nair", "priya.nair@helpdesk.example", "L2", "Asia/Kolkata"),
    ("Tom Becker", "tom.becker@helpdesk.example", "L2", "Europe/Berlin"),
    ("Dana Kim", "dana.kim@helpdesk.example", "Development", "Asia/Seoul"),
    ("Olu Adeyemi", "olu.adeyemi@helpdesk.example", "Operations", "Africa/Lagos"),
)
_SUPERVISOR: Final = ("Grace Hall", "grace.hall@helpdesk.example", "L2", "Europe/London")
_ORGANIZATIONS: Final = (
    ("Aurora Labs", "gold", True),
    ("Brightwater Logistics", "silver", False),
    ("Cobalt Studio", "standard", False),
)
_CUSTOMERS: Final = (
    ("Ines Duarte", "ines@aurora.example", "Aurora Labs", "America/Sao_Paulo"),
    ("Zhang Wei", "zhang.wei@aurora.example", "Aurora Labs", "Asia/Shanghai"),
    ("Peter Novak", "peter@brightwater.example", "Brightwater Logistics", "Europe/Prague"),
    ("Amy Chen", "amy@cobalt.example", "Cobalt Studio", "America/Los_Angeles"),
)
_DEVELOPERS: Final = (
    ("Hana Sato", "hana.sato@dev.example", "Asia/Tokyo"),
    ("Yusuf Demir", "yusuf.demir@dev.example", "Europe/Istanbul"),
)
#: customer, priority, status, group, subject, first message
_TICKETS: Final = (
    (0, "urgent", "open", "L2", "Export stops at 99 percent", "Every export hangs since this morning."),
    (1, "high", "hold", "L2", "Charts show the wrong month", "The dashboard is one month behind."),
    (2, "normal", "open", "L1", "Login page is blank", "White page after the password, in two browsers."),
    (3, "low", "pending", "L1", "Typo in the invoice mail", "It says 'recieve' in the second line."),
    (0, "high", "open", "L2", "API answers 500 on large uploads", "Anything above 2 GB fails."),
    (1, "normal", "new", None, "How do I add a second admin?", "I cannot find the menu."),
    (2, "urgent", "open", "Operations", "Nightly job did not run", "No report this morning, nor a mail."),
    (3, "normal", "open", "L2", "Search ignores umlauts", "'Mueller' is found, 'Müller' is not."),
    (0, None, "new", None, "Question about our contract", "When does the yearly term end?"),
    (1, "normal", "solved", "L1", "Password reset mail is late", "It takes twenty minutes."),
    (2, "high", "open", "L2", "Labels print twice", "Each label comes out two times."),
    (3, "low", "hold", "L2", "Dark mode flickers", "Only on the settings page."),
)
#: project, summary, status to be brought to, fix version
_BUGS: Final = (
    ("NOVA", "Export hangs when the last chunk is empty", "In Progress", None),
    ("NOVA", "Chart axis off by one month", "To Do", None),
    ("NOVA", "Blank page after login with an old cookie", "In Review", "3.2"),
    ("NOVA", "Large uploads run out of memory", "To Do", None),
    ("NOVA", "Search does not fold umlauts", "Done", "3.2"),
    ("NOVA", "Label queue sends jobs twice", "To Do", None),
    ("NOVA", "Settings page repaints in dark mode", "To Do", "3.3"),
    ("NOVA", "Session cache is never emptied", "To Do", None),
    ("OPS", "Scheduler skips jobs after a clock change", "In Progress", None),
    ("OPS", "Mail relay is slow", "To Do", None),
    ("OPS", "Rotate the storage keys", "To Do", None),
    ("OPS", "Renew certificates of the staging hosts", "Done", None),
)
#: Which ticket has which bug in its "Engineering bug" field, by position in the lists above.
_PAIRS: Final = ((0, 0), (1, 1), (2, 2), (4, 3), (6, 8), (7, 4))


@dataclass(frozen=True)
class Seeded:
    """What the seed made. Names lead to ids; `tickets` and `issues` are in the order of their making.

    The addresses are those at the time of seeding: start the sandbox first when sockets are wanted.
    """

    deployment: str
    zendesk_url: str
    jira_url: str
    control_url: str
    groups: dict[str, int]
    agents: dict[str, int]
    supervisor: int
    bot: int
    writer: int
    reader: int
    organizations: dict[str, int]
    customers: dict[str, int]
    fields: dict[str, int]
    statuses: dict[str, int]
    tickets: tuple[int, ...]
    developers: dict[str, str]
    jira_bot: str
    issues: tuple[str, ...]
    versions: dict[str, str]
    #: ticket id → issue key, where the ticket's "Engineering bug" names a bug.
    pairs: dict[int, str]
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    reader_client_id: str = READER_CLIENT_ID
    reader_client_secret: str = READER_CLIENT_SECRET
    writer_email: str = WRITER_EMAIL
    writer_api_token: str = WRITER_API_TOKEN
    jira_email: str = JIRA_EMAIL
    jira_token: str = JIRA_TOKEN
    bug_field: str = BUG_FIELD
    portal_field: str = PORTAL_FIELD


def seed(sandbox: Sandbox, *, history_seconds: float = 3 * 3600.0, cases: bool = True) -> Seeded:
    """Fills an empty sandbox. The cases are spread over the last `history_seconds`, and the clock ends where it
    stood; without `cases` there are people and settings only."""
    end = sandbox.clock.now()
    sandbox.clock.set(end - history_seconds)
    desk = _set_up_desk(sandbox)
    house = _set_up_jira(sandbox)
    step = history_seconds / (len(_TICKETS) + len(_BUGS) + 1)
    tickets, issues, pairs = _cases(sandbox, desk, house, step) if cases else ((), (), {})
    sandbox.clock.set(end)
    sandbox.tick()
    return Seeded(
        deployment=sandbox.deployment,
        zendesk_url=sandbox.zendesk_url,
        jira_url=sandbox.jira_url,
        control_url=sandbox.control_url,
        groups=desk.groups,
        agents=desk.agents,
        supervisor=desk.supervisor,
        bot=desk.bot,
        writer=desk.writer,
        reader=desk.reader,
        organizations=desk.organizations,
        customers=desk.customers,
        fields=desk.fields,
        statuses=desk.statuses,
        tickets=tickets,
        developers=house.developers,
        jira_bot=house.bot,
        issues=issues,
        versions=house.versions,
        pairs=pairs,
    )


@dataclass(frozen=True)
class _Desk:
    groups: dict[str, int]
    agents: dict[str, int]
    supervisor: int
    bot: int
    writer: int
    reader: int
    organizations: dict[str, int]
    customers: dict[str, int]
    fields: dict[str, int]
    statuses: dict[str, int]


@dataclass(frozen=True)
class _House:
    developers: dict[str, str]
    bot: str
    versions: dict[str, str]


def _set_up_desk(sandbox: Sandbox) -> _Desk:
    world = sandbox.zendesk
    groups = {name: world.add_group(name=name) for name in _GROUPS}
    agents = {
        name: world.add_user(name=name, email=email, role="agent", groups=[groups[group]], time_zone=zone)
        for name, email, group, zone in _AGENTS
    }
    name, email, group, zone = _SUPERVISOR
    supervisor = world.add_user(
        name=name, email=email, role="admin", groups=[groups[group], groups["L1"]], time_zone=zone
    )
    bot = world.add_user(name="syncd", email="syncd-bot@helpdesk.example", role="admin")
    writer = world.add_user(name="syncd notes", email=WRITER_EMAIL, role="agent", only_private_comments=True)
    reader = world.add_user(name="syncd reader", email="reader-bot@helpdesk.example", role="admin")
    world.add_oauth_client(client_id=CLIENT_ID, secret=CLIENT_SECRET, user=bot)
    world.add_oauth_client(client_id=READER_CLIENT_ID, secret=READER_CLIENT_SECRET, user=reader, scopes=("read",))
    world.add_api_token(token=WRITER_API_TOKEN)
    organizations = {
        company: world.add_organization(name=company, tier=tier, vip=vip) for company, tier, vip in _ORGANIZATIONS
    }
    customers = {
        person: world.add_user(name=person, email=address, organization=organizations[company], time_zone=zone)
        for person, address, company, zone in _CUSTOMERS
    }
    fields = {title: world.add_ticket_field(title=title, type=kind) for title, kind in MIRROR_FIELDS}
    fields[PORTAL_FIELD] = world.add_ticket_field(title=PORTAL_FIELD, visible_in_portal=True, editable_in_portal=True)
    statuses = {
        label: world.add_custom_status(category="open", agent_label=label) for label in ("Escalated", "Fix ready")
    }
    return _Desk(groups, agents, supervisor, bot, writer, reader, organizations, customers, fields, statuses)


def _set_up_jira(sandbox: Sandbox) -> _House:
    world = sandbox.jira
    bot = world.add_user("syncd", JIRA_EMAIL)
    if sandbox.deployment == "cloud":
        world.add_api_token(bot, JIRA_TOKEN)
    else:
        world.add_pat(bot, JIRA_TOKEN)
    developers = {name: world.add_user(name, email, time_zone=zone) for name, email, zone in _DEVELOPERS}
    world.add_project("NOVA", "NovaBrain", "multistep")
    world.add_project("OPS", "Operations", "simple")
    versions = {name: world.add_version("NOVA", name) for name in ("3.2", "3.3")}
    return _House(developers, bot, versions)


def _cases(
    sandbox: Sandbox, desk: _Desk, house: _House, step: float
) -> tuple[tuple[int, ...], tuple[str, ...], dict[int, str]]:
    developer = house.developers[_DEVELOPERS[0][0]]
    issues = []
    for project, summary, status, version in _BUGS:
        fields: dict[str, Any] = {"fix_versions": [version]} if version else {}
        key = sandbox.jira.create_issue(developer, project, summary, **fields)
        if status != "To Do":
            sandbox.jira.force_status(developer, key, status, "Done" if status == "Done" else None)
        issues.append(key)
        sandbox.clock.advance(step)
    tickets = [_ticket(sandbox, desk, step, *row) for row in _TICKETS]
    pairs = {tickets[ticket]: issues[bug] for ticket, bug in _PAIRS}
    for ticket, key in pairs.items():
        sandbox.zendesk.set_field(ticket=ticket, actor=desk.supervisor, field=BUG_FIELD, value=key)
    return tuple(tickets), tuple(issues), pairs


def _ticket(
    sandbox: Sandbox,
    desk: _Desk,
    step: float,
    customer: int,
    priority: str | None,
    status: str,
    group: str | None,
    subject: str,
    body: str,
) -> int:
    requester = desk.customers[_CUSTOMERS[customer][0]]
    ticket = sandbox.zendesk.create_ticket(actor=requester, subject=subject, body=body)
    sandbox.clock.advance(step)
    if group is None:
        return ticket
    holder = next(desk.agents[name] for name, _, team, _ in _AGENTS if team == group)
    sandbox.zendesk.agent_replies(
        ticket=ticket,
        actor=holder,
        body="Thank you for writing. We are looking into it.",
        priority=priority,
        assignee_id=holder,
        status=status,
    )
    return ticket
