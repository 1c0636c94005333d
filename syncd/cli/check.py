"""`syncd check`: everything that is wrong with the configuration and with the rights of both accounts, at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from syncd.app.clocks import SystemClock
from syncd.app.routing import offline_mapping
from syncd.app.rule_tests import RuleTester
from syncd.cli.exits import Exit
from syncd.cli.findings import Findings
from syncd.cli.live_check import LiveCheck, lint_findings
from syncd.cli.mail_check import check_mail, check_templates
from syncd.cli.main import Verb
from syncd.cli.output import count, print_json, say, tell
from syncd.cli.work import clock_for, load, open_store
from syncd.config.linter import lint_mapping
from syncd.config.load import Loaded
from syncd.config.models import Route
from syncd.config.problems import ConfigError
from syncd.config.public_holidays import public_holidays
from syncd.config.rule_test_models import load_rule_tests
from syncd.config.sla_rules import book_of, rule_problems
from syncd.sla.lint import notices
from syncd.store import Store, StoreError, StoreMissing


@click.command(cls=Verb)
@click.option("--offline", is_flag=True, help="The files only; ask neither Zendesk nor Jira.")
@click.option("--rules", "tests", type=click.Path(path_type=Path), metavar="FILE", help="Plays your tests of rules.")
@click.option("--clock", metavar="URL", help="A sandbox's clock, for rehearsals.")
@click.option("--json", "as_json", is_flag=True, help="The findings for machines.")
def check(*, offline: bool, tests: Path | None, clock: str | None, as_json: bool) -> int:
    """Says everything that is wrong: the files, the mappings, both accounts and their rights, names and fields.

    Exit codes: 0 all is well (there may be warnings), 1 a right or an account must be mended, 75 a server cannot be
    reached now, 78 the configuration must be mended.
    """
    findings = Findings()
    try:
        loaded = load()
    except ConfigError as error:
        findings.problems("config", error.problems, Exit.CONFIG)
        return _tell(findings, as_json=as_json)
    findings.fine(f"{loaded.document.file}: {count(len(loaded.config.routes), 'route')}")
    findings.problems("config", loaded.warnings, Exit.FINE)
    _clocks(loaded, findings)
    check_templates(loaded, findings)
    if tests is not None:
        _rule_tests(loaded, findings, tests)
    seen = set() if offline else _live(loaded, findings, clock)
    _mappings(loaded, findings, [route for route in loaded.config.routes if route.project not in seen])
    return _tell(findings, as_json=as_json)


def _clocks(loaded: Loaded, findings: Findings) -> None:
    """The rules of the clocks as of today, with the holidays of the countries that they name."""
    sla = loaded.config.sla
    if sla is None:
        return
    now = int(SystemClock().now().timestamp())
    problems = [loaded.problem(path, sentence) for path, sentence in rule_problems(sla, public_holidays, now)]
    findings.problems("sla", problems, Exit.CONFIG)
    if problems:
        return
    said = notices(book_of(sla, public_holidays), now)
    findings.problems("sla", [loaded.problem(("sla", "calendars"), sentence) for sentence in said], Exit.FINE)
    findings.fine(f"Clocks: {count(len(sla.policies), 'policy', 'policies')}, {count(len(sla.metrics), 'metric')}")


def _rule_tests(loaded: Loaded, findings: Findings, file: Path) -> None:
    """Each test of the file, played against the rules as they are written."""
    try:
        written, document = load_rule_tests(file)
        tester = RuleTester(loaded)
    except ConfigError as error:
        findings.problems("rules", error.problems, Exit.CONFIG)
        return
    except ValueError as error:
        findings.error("rules", str(error), Exit.CONFIG)
        return
    held = 0
    for number, test in enumerate(written.tests):
        verdict = tester.play(test)
        held += not verdict.problems
        wrong = [document.problem(("tests", number), f"{test.name}: {said}") for said in verdict.problems]
        findings.problems("rules", wrong, Exit.CONFIG)
    findings.fine(f"{document.file}: {held} of {count(len(written.tests), 'test')} of rules hold")


def _live(loaded: Loaded, findings: Findings, clock: str | None) -> set[str]:
    """Asks both servers; returns the projects whose mappings were compared with the real statuses."""
    ticking = clock_for(loaded, clock)
    store = _store(loaded, findings)
    check_mail(loaded, findings, ticking)
    try:
        return LiveCheck(loaded, ticking, findings, store).run()
    finally:
        if store is not None:
            store.close()


def _mappings(loaded: Loaded, findings: Findings, routes: Sequence[Route]) -> None:
    """Without the servers: the laws of mappings, and the proof that their writes settle."""
    compiled = {route.name: offline_mapping(loaded, route) for route in routes}
    for _, errors, warnings in compiled.values():
        findings.problems("mapping", errors, Exit.CONFIG)
        findings.problems("mapping", warnings, Exit.FINE)
    sound = {name: mapping for name, (mapping, errors, _) in compiled.items() if not errors}
    mappings = list(sound.values())
    for position, (name, mapping) in enumerate(sound.items(), 1):
        # Each pair of mappings is walked once, whichever of the two comes first.
        lint_findings(findings, name, mapping.name, lint_mapping(mapping, beside=mappings[position:]))


def _store(loaded: Loaded, findings: Findings) -> Store | None:
    """The store, when there is one already."""
    try:
        return open_store(loaded)
    except StoreMissing:
        return None
    except StoreError as error:
        findings.error("store", str(error), Exit.CONFIG)
        return None


def _tell(findings: Findings, *, as_json: bool) -> int:
    errors = [finding for finding in findings.found if finding.is_error]
    warnings = [finding for finding in findings.found if not finding.is_error]
    if as_json:
        print_json(
            {
                "ok": not errors,
                "exit": int(findings.code),
                "findings": [finding.as_json() for finding in findings.found],
                "well": findings.well,
            }
        )
        return findings.code
    for sentence in findings.well:
        say(f"ok       {sentence}")
    for finding in warnings:
        say(f"warning  {finding}")
    for finding in errors:
        tell(f"error    {finding}")
    if errors:
        tell(f"{count(len(errors), 'error')}, {count(len(warnings), 'warning')}.")
    else:
        say(f"All is well, with {count(len(warnings), 'warning')}." if warnings else "All is well.")
    return findings.code
