"""What people do in the demo, as short scenes that are played side by side. Each `yield` lets syncd catch up.

Everything before a scene's first `yield` was there before syncd was installed: the first run finds it. Together the
scenes use every line of mappings/default.yaml that has an effect; a test takes each line away and sees the checker
object. Within one step nobody touches a ticket or a bug twice, so that the number of writes does not depend on speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from syncd.demo.people import People

Scene = Callable[[People], Iterator[None]]

# agents
_LENA, _MARCO, _PRIYA, _TOM = "Lena Vogt", "Marco Ruiz", "Priya Nair", "Tom Becker"
# customers
_INES, _WEI, _PETER, _AMY = "Ines Duarte", "Zhang Wei", "Peter Novak", "Amy Chen"
# developers
_HANA, _YUSUF = "Hana Sato", "Yusuf Demir"

_NOT_FIXED: Final = "bug_not_fixed"


def a_fix_that_holds(p: People) -> Iterator[None]:
    """From the first mail to the closed bug; then the same trouble again, for somebody else and for the first one."""
    first = p.writes(_INES, "Export stops at 99 percent", "Every export hangs since this morning.", priority="urgent")
    p.answers(_PRIYA, first, "We see it here too and have told development.", "open")
    bug = p.reports(_HANA, "NOVA", "Export hangs when the last chunk is empty", due="2026-12-01")
    p.names(_PRIYA, first, bug)
    yield
    p.moves(_HANA, bug, "In Progress", tells=[first])
    yield
    p.moves(_HANA, bug, "In Review", tells=[first])
    yield
    p.moves(_HANA, bug, "Done", "Fixed", version="3.2", tells=[first])
    yield
    p.solves(_PRIYA, first, "3.2 mends it; please update.", tells=[bug])
    yield
    p.closes(first)
    second = p.writes(_PETER, "Export never ends", "It stops just before the end.")
    p.names(_LENA, second, bug)
    yield
    p.moves(_YUSUF, bug, "Reopened", tells=[second])
    yield
    p.replies(_INES, first, "Sadly it hangs again.", tells_follow_up=True)
    yield


def two_tickets_one_fix(p: People) -> Iterator[None]:
    """The bug is closed when the last of its tickets has been verified, and not before."""
    one = p.writes(_WEI, "Charts show the wrong month", "The dashboard is one month behind.", priority="high")
    p.answers(_PRIYA, one, "Thank you, we are looking into it.", "open")
    bug = p.reports(_YUSUF, "NOVA", "Chart axis off by one month")
    p.names(_PRIYA, one, bug)
    yield
    p.answers(_PRIYA, one, "Which time zone do you work in?", "open")
    two = p.writes(_AMY, "December is missing in my charts", "The year ends in November.")
    p.tags(_MARCO, two, f"link_{bug.lower()}", tells=[two])
    yield
    p.moves(_YUSUF, bug, "In Progress", tells=[one, two])
    yield
    p.moves(_YUSUF, bug, "Done", "Done", version="3.3", tells=[one, two])
    yield
    p.solves(_PRIYA, one, "The months are right again.")
    yield
    p.solves(_MARCO, two, "December is back.", tells=[bug])
    yield


def a_fix_that_does_not_help(p: People) -> Iterator[None]:
    """One of two agents says that the fix is no good: the bug goes back to the queue for both."""
    one = p.writes(_PETER, "Labels print twice", "Each label comes out two times.", priority="high")
    bug = p.reports(_HANA, "NOVA", "Label queue sends jobs twice")
    p.names(_TOM, one, bug)
    p.moves(_HANA, bug, "In Progress")
    yield
    two = p.writes(_AMY, "Double labels", "Two labels for each parcel.")
    p.names(_TOM, two, bug)
    yield
    p.moves(_HANA, bug, "Done", "Fixed", tells=[one, two])
    yield
    p.moves(_YUSUF, bug, "Verified", tells=[one, two])
    yield
    p.tags(_TOM, two, _NOT_FIXED, tells=[bug, one])
    yield


def not_all_have_verified(p: People) -> Iterator[None]:
    """One agent has verified, one asks the customer, one is busy: the bug stays where it is until it is closed."""
    solved = p.writes(_INES, "Session ends after a minute", "I have to log in all the time.")
    asked = p.writes(_WEI, "Logged out again and again", "Every minute.")
    parked = p.writes(_AMY, "Kicked out of the editor", "I lose my text.")
    bug = p.reports(_YUSUF, "NOVA", "Session cache is emptied too early")
    for ticket in (solved, asked, parked):
        p.names(_LENA, ticket, bug)
    yield
    p.moves(_YUSUF, bug, "Done", "Fixed", version="3.2", tells=[solved, asked, parked])
    yield
    p.solves(_LENA, solved, "The session lasts a day now.")
    p.answers(_LENA, asked, "Could you try 3.2?", "pending")
    p.sets(_LENA, parked, "hold")
    yield
    p.imports(_YUSUF, bug, "Closed", "Fixed", tells=[solved, asked, parked])
    yield


def will_not_be_done(p: People) -> Iterator[None]:
    """Declined: the agent explains it and solves; development tidies up afterwards and nobody is bothered."""
    ticket = p.writes(_AMY, "Please bring back the old colours", "The new ones hurt my eyes.", priority="low")
    bug = p.reports(_HANA, "NOVA", "Old colour scheme is gone")
    p.names(_MARCO, ticket, bug)
    yield
    p.moves(_HANA, bug, "Done", "Won't Do", tells=[ticket])
    yield
    p.solves(_MARCO, ticket, "The old colours will not come back; the dark mode may help.")
    yield
    p.moves(_HANA, bug, "Verified", tells=[ticket])
    yield
    p.moves(_HANA, bug, "Closed", tells=[ticket])
    yield


def missing_information(p: People) -> Iterator[None]:
    """Nobody could reproduce it; the agent has more to say, and the bug goes back to the queue."""
    ticket = p.writes(_PETER, "Search ignores umlauts", "'Mueller' is found, 'Müller' is not.")
    bug = p.reports(_YUSUF, "NOVA", "Search does not fold umlauts")
    p.names(_TOM, ticket, bug)
    yield
    p.answers(_TOM, ticket, "Which browser do you use?", "pending")
    yield
    p.moves(_YUSUF, bug, "Done", "Cannot Reproduce", tells=[ticket])
    yield
    p.tags(_TOM, ticket, _NOT_FIXED, tells=[bug])
    yield


def known_and_incomplete(p: People) -> Iterator[None]:
    """A new ticket for a bug that was given up for want of details."""
    bug = p.reports(_HANA, "NOVA", "Random freeze")
    p.moves(_HANA, bug, "Done", "Incomplete")
    yield
    ticket = p.writes(_WEI, "It freezes now and then", "I cannot say when.")
    p.names(_LENA, ticket, bug)
    yield


def solved_without_the_fix(p: People) -> Iterator[None]:
    """The customer is helped before anybody looks at the bug: development hears it, the ticket is left in peace."""
    ticket = p.writes(_INES, "Typo in the invoice mail", "It says 'recieve' in the second line.", priority="low")
    bug = p.reports(_YUSUF, "NOVA", "Typo in a mail template")
    p.names(_MARCO, ticket, bug)
    yield
    p.solves(_MARCO, ticket, "I have changed the template of your account.", tells=[bug])
    yield
    p.moves(_YUSUF, bug, "Done", "Duplicate", tells=[ticket])
    yield


def a_duplicate(p: People) -> Iterator[None]:
    """The bug turns out to be another one: the ticket follows that."""
    original = p.reports(_HANA, "NOVA", "Large uploads run out of memory")
    ticket = p.writes(_AMY, "API answers 500 on large uploads", "Anything above 2 GB fails.", priority="high")
    bug = p.reports(_YUSUF, "NOVA", "Upload of 3 GB fails")
    p.names(_PRIYA, ticket, bug)
    p.duplicates(_YUSUF, bug, original)
    yield
    p.moves(_YUSUF, bug, "Done", "Duplicate", tells=[ticket])
    yield
    p.moves(_HANA, original, "In Progress", tells=[ticket])
    yield


def no_resolution(p: People) -> Iterator[None]:
    """A script finished the bug and left the resolution empty; closing the bug fills it in."""
    ticket = p.writes(_WEI, "Login page is blank", "White page after the password, in two browsers.")
    bug = p.reports(_YUSUF, "NOVA", "Blank page after login with an old cookie")
    p.names(_LENA, ticket, bug)
    yield
    p.sets(_LENA, ticket, "pending")
    yield
    p.imports(_YUSUF, bug, "Done", tells=[ticket])
    yield
    p.solves(_LENA, ticket, "Please empty your cookies once; it will not come back.", tells=[bug])
    yield


def known_and_fixed(p: People) -> Iterator[None]:
    """The operator links a ticket with a bug that was closed long ago."""
    bug = p.reports(_HANA, "NOVA", "Mail relay is slow")
    p.imports(_HANA, bug, "Closed")
    yield
    ticket = p.writes(_PETER, "Password reset mail is late", "It takes twenty minutes.")
    p.answers(_LENA, ticket, "We are looking into it.", "hold")
    yield
    p.links(ticket, bug)
    yield


def it_came_back(p: People) -> Iterator[None]:
    """An agent reopens a ticket whose bug is closed."""
    ticket = p.writes(_PETER, "Report is empty on Mondays", "Only on Mondays.")
    bug = p.reports(_YUSUF, "NOVA", "Weekly report skips Mondays")
    p.imports(_YUSUF, bug, "Closed", "Fixed")
    p.solves(_TOM, ticket, "Fixed in 3.1.")
    p.names(_TOM, ticket, bug)
    yield
    p.sets(_TOM, ticket, "open", tells=[bug])
    yield


def thanks(p: People) -> Iterator[None]:
    """A customer's thanks reopens no bug; a complaint does not either, until an agent says so."""
    ticket = p.writes(_INES, "Dark mode flickers", "Only on the settings page.")
    bug = p.reports(_HANA, "NOVA", "Settings page repaints in dark mode")
    p.imports(_HANA, bug, "Closed", "Fixed")
    p.solves(_MARCO, ticket, "Fixed in 3.2.")
    p.names(_MARCO, ticket, bug)
    yield
    p.replies(_INES, ticket, "Thanks!", tells=[bug])
    yield
    p.solves(_MARCO, ticket, "You are welcome.")
    yield
    p.replies(_INES, ticket, "Now it flickers again.", tells=[bug])
    yield
    p.tags(_MARCO, ticket, _NOT_FIXED, tells=[bug])
    yield


def a_customer_who_asks(p: People) -> Iterator[None]:
    """No reply of a customer is buried under hold; agents do with the ticket what they need meanwhile."""
    ticket = p.writes(_WEI, "How long will the import take?", "It has been running since Friday.", priority="high")
    bug = p.reports(_HANA, "NOVA", "Import of large files is slow")
    p.names(_PRIYA, ticket, bug)
    yield
    p.replies(_WEI, ticket, "Any news?")
    yield
    p.moves(_HANA, bug, "In Progress", tells=[ticket])
    yield
    p.answers(_PRIYA, ticket, "A developer is on it. Could you send us the file?", "pending")
    yield
    p.replies(_WEI, ticket, "Here it is.")
    yield


def a_workaround(p: People) -> Iterator[None]:
    """Solved while somebody works on it, then closed; the customer's follow-up takes the link over."""
    ticket = p.writes(_AMY, "Printing cuts off the margin", "One centimetre on the left.")
    bug = p.reports(_YUSUF, "NOVA", "Print margin is ignored")
    p.names(_TOM, ticket, bug)
    p.moves(_YUSUF, bug, "In Progress")
    yield
    p.solves(_TOM, ticket, "Printing through PDF works.", tells=[bug])
    yield
    p.closes(ticket)
    yield
    again = p.replies(_AMY, ticket, "PDF is no option for us.")
    yield
    p.moves(_YUSUF, bug, "Done", "Fixed", version="3.3", tells=[again])
    yield


def merged(p: People) -> Iterator[None]:
    """Tickets are merged into new ones that nobody has taken yet: the link moves over, the status stays."""
    cases = (
        ("Map does not load", "Map tiles time out", _HANA, "To Do", "Map is still grey"),
        ("Ruler shows miles", "Ruler ignores the unit setting", _YUSUF, "In Progress", "Still miles"),
        ("Legend is cut off", "Legend overflows", _HANA, "Done", "Half a legend"),
    )
    tickets = []
    for subject, summary, developer, status, _ in cases:
        ticket = p.writes(_INES, subject, "Please see the picture.")
        bug = p.reports(developer, "NOVA", summary)
        p.names(_LENA, ticket, bug)
        if status == "Done":
            p.moves(developer, bug, status, "Fixed", version="3.2")
        elif status != "To Do":
            p.moves(developer, bug, status)
        tickets.append(ticket)
    yield
    others = [p.takes_down(_LENA, _INES, case[4], "She rang up about it.") for case in cases]
    yield
    for ticket, other in zip(tickets, others, strict=True):
        p.merges(_LENA, ticket, other)
    yield


def two_bugs(p: People) -> Iterator[None]:
    """One ticket with two bugs waits for both."""
    ticket = p.writes(_PETER, "Backup fails and sends no mail", "Two things at once.", priority="urgent")
    backup = p.reports(_HANA, "NOVA", "Backup stops on a full disk")
    mail = p.reports(_YUSUF, "NOVA", "No mail when a backup fails")
    p.names(_PRIYA, ticket, backup, mail)
    yield
    p.moves(_HANA, backup, "Done", "Fixed", version="3.2", tells=[ticket])
    yield
    p.moves(_YUSUF, mail, "Done", "Fixed", version="3.3", tells=[ticket])
    yield


def unlinked(p: People) -> Iterator[None]:
    """An agent takes the key out: the ticket hears no more of the bug."""
    ticket = p.writes(_AMY, "Question about the licence", "May I use it on two machines?")
    bug = p.reports(_YUSUF, "NOVA", "Licence check fails offline")
    p.names(_MARCO, ticket, bug)
    yield
    p.forgets(_MARCO, ticket)
    yield
    p.moves(_YUSUF, bug, "In Progress")
    yield


def a_new_status(p: People) -> Iterator[None]:
    """Jira's admin adds a status that no stage names: its category decides."""
    ticket = p.writes(_WEI, "Signature is not accepted", "The certificate is said to be unknown.")
    bug = p.reports(_HANA, "NOVA", "Root certificate is missing")
    p.names(_TOM, ticket, bug)
    yield
    p.adds_status("NOVA", "Waiting for vendor", "indeterminate")
    yield
    p.moves(_HANA, bug, "Waiting for vendor", tells=[ticket])
    yield


def a_resolution_without_a_stage(p: People) -> Iterator[None]:
    """A resolution that no stage names: nothing is guessed, a person is asked."""
    ticket = p.writes(_PETER, "Clock is five minutes late", "On every page.")
    bug = p.reports(_YUSUF, "NOVA", "Server clock drifts")
    p.names(_TOM, ticket, bug)
    yield
    p.moves(_YUSUF, bug, "Done", "Known Error", tells=[ticket])
    yield


def operations(p: People) -> Iterator[None]:
    """Another project with a simpler workflow and a mapping of its own."""
    ticket = p.writes(_PETER, "Nightly job did not run", "No report this morning, nor a mail.", priority="urgent")
    bug = p.reports(_YUSUF, "OPS", "Scheduler skips jobs after a clock change")
    p.names(_LENA, ticket, bug)
    yield
    p.moves(_YUSUF, bug, "In Progress", tells=[ticket])
    yield
    p.moves(_YUSUF, bug, "Done", tells=[ticket])
    yield
    p.solves(_LENA, ticket, "It runs again.")
    yield


SCENES: Final[tuple[Scene, ...]] = (
    a_fix_that_holds,
    two_tickets_one_fix,
    a_fix_that_does_not_help,
    not_all_have_verified,
    will_not_be_done,
    missing_information,
    known_and_incomplete,
    solved_without_the_fix,
    a_duplicate,
    no_resolution,
    known_and_fixed,
    it_came_back,
    thanks,
    a_customer_who_asks,
    a_workaround,
    merged,
    two_bugs,
    unlinked,
    a_new_status,
    a_resolution_without_a_stage,
    operations,
)


def nobody_answers(p: People) -> Iterator[None]:
    """An emergency that nobody answers: the leads are warned, then told of the breach, then that it is over."""
    yield
    ticket = p.writes(_AMY, "Everything is down", "Our whole studio stands still.", priority="urgent")
    yield
    yield
    p.waits_for_mail(ticket, "first")
    yield
    p.waits_for_mail(ticket, "breach")
    yield
    p.answers(_TOM, ticket, "I am on it; more in ten minutes.", "open")
    yield
    p.waits_for_mail(ticket, "resolved")
    yield


SCENES_WITH_MAIL: Final[tuple[Scene, ...]] = (*SCENES, nobody_answers)
"""With those that need clocks and a mail server."""


def rounds(people: People, scenes: Iterable[Scene] = SCENES) -> Iterator[int]:
    """Plays the scenes side by side, a step of each at a time; gives the number of steps played after each, from 1.

    Step 1 is what was there before syncd. The caller lets syncd catch up between steps.
    """
    running = [scene(people) for scene in scenes]
    step = 0
    while running := [scene for scene in running if _goes_on(scene)]:
        step += 1
        yield step


def _goes_on(scene: Iterator[None]) -> bool:
    return any(True for _ in scene)
