"""How it is judged that a mail promises news that its reader has already is judged itself, by hand."""

from __future__ import annotations

import pytest

from tests.simulation.invariants_mail import repeated_news
from tests.simulation.letters import Mail

FACT = "3.resolution.1.breach"
LENA, MIA = "lena@acme.example", "mia@acme.example"


def mail(message: str, reason: str, *, to: str = LENA) -> Mail:
    """What the server was shown of a message."""
    return Mail(at=0.0, recipient=to, message_id=message, reason=reason, facts=(FACT,), text="", raw=b"")


BREACH, DIGEST = mail("<1@acme>", "breach"), mail("<digest@acme>", "digest")
AGAIN = mail("<2@acme>", "breach")
CORRECTION = mail("<3@acme>", "correction")
OTHERS = mail("<4@acme>", "breach", to=MIA)


@pytest.mark.parametrize(
    ("offered", "taken", "times_back", "repeats"),
    [
        pytest.param([BREACH], [BREACH], 0, [], id="a breach is told"),
        pytest.param([BREACH, BREACH], [BREACH, BREACH], 0, [], id="the same message twice, as its answer was lost"),
        pytest.param([BREACH, AGAIN], [BREACH, AGAIN], 0, [AGAIN], id="a breach is told under two ids"),
        pytest.param([DIGEST, BREACH], [DIGEST, BREACH], 0, [BREACH], id="a breach that a digest told of before"),
        pytest.param(
            [BREACH, DIGEST, BREACH],
            [DIGEST, BREACH],
            0,
            [],
            id="a breach that the server put off, and a digest came in between",
        ),
        pytest.param(
            [BREACH, AGAIN, BREACH],
            [AGAIN, BREACH],
            0,
            [AGAIN],
            id="of two breaches, one was put off: still one too many",
        ),
        pytest.param([BREACH, AGAIN], [BREACH, AGAIN], 1, [], id="a breach of a ticket that was opened again"),
        pytest.param(
            [BREACH, CORRECTION, AGAIN], [BREACH, CORRECTION, AGAIN], 0, [], id="a breach that came true after all"
        ),
        pytest.param([BREACH, OTHERS], [BREACH, OTHERS], 0, [], id="another reader is another reader"),
    ],
)
def test_news_is_told_once_to_a_reader(
    offered: list[Mail], taken: list[Mail], times_back: int, repeats: list[Mail]
) -> None:
    assert repeated_news(taken, offered, lambda _: times_back) == repeats
