"""The files of a comment on their way from one tracker to the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.comment_actions import CommentToBug, CommentToTicket
from syncd.core.comment_model import FileRef
from syncd.core.richtext import Block, Paragraph, Text
from syncd.sources.errors import NotFoundError, RefusedError
from syncd.store import Store, Tx

PUBLIC = ":public"
"""Ends the name under which files that customers can open are remembered: what agents have does not count there."""


@dataclass(slots=True)
class Files:
    """What became of an action's files."""

    tokens: list[str] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)  # (name, why, as the end of a sentence)
    kept: list[tuple[str, str, int]] = field(default_factory=list)  # digest, name, size

    def keep(self, tx: Tx, target: str, now: datetime) -> None:
        """Remembers what was brought there."""
        for digest, name, size in self.kept:
            tx.keep_file(target, digest, name, size, now)


def contents(
    store: Store, action: CommentToTicket | CommentToBug, target: str, files: Files, fetch: Callable[[str, int], bytes]
) -> Iterator[tuple[FileRef, bytes]]:
    """The files that fit, one at a time; what does not is said in `files.lost`."""
    if not action.files:
        return
    with store.reading() as tx:
        carried = tx.carried(target)
    total, known = carried.bytes, set(carried.digests)
    for ref in action.files:
        try:
            content = fetch(ref.url, action.file_bytes)
        except (RefusedError, NotFoundError) as error:
            files.lost.append((ref.save_as, f"was left out: {error}"))
            continue
        digest = hashlib.sha256(content).hexdigest()
        if digest in known:
            files.lost.append((ref.save_as, "is among the files that came before"))
        elif total + len(content) > action.files_bytes:
            files.lost.append((ref.save_as, "was left out: there are too many bytes of files already"))
        else:
            total += len(content)
            known.add(digest)
            files.kept.append((digest, ref.save_as, len(content)))
            yield ref, content


def sentences(*texts: str) -> tuple[Block, ...]:
    """Sentences of our own below a copy."""
    return tuple(Paragraph((Text(text, frozenset({"italic"})),)) for text in texts)
