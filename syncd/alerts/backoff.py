"""When a letter is tried again, and when it is given up. Pure: the jitter comes from the Message-ID."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

from syncd.alerts.ports import Fate, Outcome
from syncd.core.alert_model import Letter, Post

FIRST_PAUSE: Final = 30
LONGEST_PAUSE: Final = 900
GIVE_UP: Final = 48 * 3600
"""After so many seconds of trying a letter is dead, and somebody else is told."""
RESENDS: Final = 1
"""How often a letter is sent again when nobody knows whether it was taken."""


INTERRUPTIONS: Final = 4
"""As RESENDS, when it was the sender that went away: perhaps before the letter ever left. The two are counted apart."""


def settled(letter: Letter, outcome: Outcome, now: int, *, resends: int = RESENDS) -> Letter:
    """The letter after one try. `letter.tries` counts that try."""
    text = outcome.text
    match outcome.fate:
        case Fate.SENT:
            return replace(letter, state=Post.SENT, last_error="", done_at=now)
        case Fate.DEAD:
            return replace(letter, state=Post.DEAD, last_error=text or "refused", done_at=now)
        case Fate.UNKNOWN:
            doubts = letter.doubts + 1
            if doubts > resends:
                why = f"nobody knows whether it arrived, and it was sent again: {text}"
                return replace(letter, state=Post.DEAD, doubts=doubts, last_error=why, done_at=now)
            at = now + pause(letter.message_id, letter.tries, outcome.after)
            return replace(letter, state=Post.UNKNOWN, doubts=doubts, last_error=text, not_before=at)
        case _ if is_server(outcome) and now - letter.created <= GIVE_UP:
            # The channel rests as a whole, so that everything goes out as soon as the server is back.
            state = Post.UNKNOWN if letter.doubts else Post.NEW
            return replace(letter, state=state, last_error=text, not_before=max(now + int(outcome.after or 0), now))
        case _:
            if now - letter.created > GIVE_UP:
                why = f"not taken in {GIVE_UP // 3600} hours: {text}"
                return replace(letter, state=Post.DEAD, last_error=why, done_at=now)
            at = now + pause(letter.message_id, letter.tries, outcome.after)
            state = Post.UNKNOWN if letter.doubts else Post.NEW
            return replace(letter, state=state, last_error=text, not_before=at)


def is_server(outcome: Outcome) -> bool:
    """Whether it is the server that cannot be used now, and not this letter: no answer at all, or 421 (RFC 5321)."""
    return outcome.fate is Fate.RETRY and (outcome.code is None or outcome.code == 421)


def pause(message_id: str, tries: int, asked: float | None = None) -> int:
    """Seconds until the next try: doubling, with up to a quarter more by the Message-ID, and never less than the server
    asked for."""
    base = min(FIRST_PAUSE << min(max(tries - 1, 0), 10), LONGEST_PAUSE)
    digest = hashlib.blake2b(f"{message_id}/{tries}".encode(), digest_size=2).digest()
    jitter = base * int.from_bytes(digest, "big") // (4 * 65535)
    return max(base + jitter, int(asked or 0))
