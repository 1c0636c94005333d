"""Mails as a real layout engine shows them: on a phone and a desk, by day and by night, in both languages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from syncd.alerts.message import BugLine, Share, Step
from syncd.alerts.render import Renderer
from syncd.sla.holder import Holder, Party
from tests.alerts.browser import BROWSER, measure
from tests.alerts.mail_kit import ALERT, CHINESE, LENA, MEI, NOON, WAYS, one_of_each, told

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium here: apt-get install chromium")

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
PARTIES = tuple(Share(Holder(party, LONG), 3600 + position) for position, party in enumerate(Party))
LONGEST = replace(
    ALERT,
    subject=f"{LONG} https://desk.example/{'a' * 120}",
    customer=LONG,
    tier=LONG,
    holder=Holder(Party.DEVELOPMENT, LONG),
    bugs=(BugLine("NOVA-1234567", "https://jira.example/browse/NOVA-1234567", LONG, LONG, LONG, "2026-12-01"),),
    split=PARTIES,
    last_public=Step(LONG, NOON, LONG * 3),
    remark=LONG * 2,
)


def pages() -> dict[str, str]:
    """Every kind in both languages, and one with names that are far too long."""
    renderer, found = Renderer(), {}
    for reader in (LENA, MEI):
        for kind, notification in one_of_each().items():
            found[f"{kind}, {reader.language}"] = renderer.render(notification, reader).html
        found[f"long names, {reader.language}"] = renderer.render(told(LONGEST, acknowledge=WAYS), reader).html
        many = tuple(replace(each, ticket=n) for n, each in enumerate([LONGEST, CHINESE] * 3))
        found[f"long names in a table, {reader.language}"] = renderer.render(told(*many), reader).html
    return found


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(238, 241, 245)"), ("dark", "rgb(15, 18, 22)")])
def test_no_mail_scrolls_sideways_and_every_text_can_be_read(tmp_path: Path, scheme: str, background: str) -> None:
    written = pages()
    found = measure(written, tmp_path, scheme=scheme, widths=(360, 800))
    assert len(found) == 2 * len(written)
    for name, measured in found.items():
        assert measured["texts"] > 3, name
        assert measured["back"] == background, name
        assert measured["scroll"] <= measured["width"], name
        assert measured["beyond"] == 0, name
        assert measured["unknown"] == 0, name
        assert measured["contrast"] >= 4.5, f"{name}: {measured['contrast']:.2f} at {measured['where']!r}"
