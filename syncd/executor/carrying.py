"""The files of a comment on their way from one tracker to the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.core.comment_actions import CommentToBug, CommentToTicket
from syncd.core.comment_model import FileCopy, FileRef
from syncd.core.comment_sentences import LOOSE
from syncd.core.richtext import Block, Paragraph, Text
from syncd.sources.errors import AuthError, NotFoundError, RefusedError, TransientError
from syncd.store import Store, Tx

CLOCKS_APART = timedelta(days=1)
"""By how much the trackers' clocks, and ours, may differ when what one wrote is looked for on the other."""

BY_NAME = "name:"
"""Begins what stands in the place of a digest that is not known."""

PUBLIC = ":public"
"""Ends the name under which files that customers can open are remembered: what agents have does not count there."""


@dataclass(slots=True)
class Files:
    """What became of an action's files."""

    tokens: list[str] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)  # (name, why, as the end of a sentence)
    kept: list[tuple[str, str, int, str]] = field(default_factory=list)  # digest, name, size, id of the source

    def found(self, refs: Iterable[FileRef]) -> None:
        """Files that an earlier try brought, as far as their names tell."""
        self.kept += [(f"{BY_NAME}{ref.save_as}", ref.save_as, 0, ref.id) for ref in refs]

    def keep(self, tx: Tx, action: CommentToTicket | CommentToBug, target: str, now: datetime) -> None:
        """Remembers what was brought there, and from where."""
        if isinstance(action, CommentToTicket):
            origin, comment = f"issue:{action.issue_id}", ""
        else:
            origin, comment = f"ticket:{action.ticket_id}", action.comment_id.removeprefix(LOOSE)
        for digest, name, size, file_id in self.kept:
            tx.keep_file(FileCopy(target, origin, comment, file_id, name, digest, now), size)


def contents(
    store: Store, action: CommentToTicket | CommentToBug, target: str, files: Files, fetch: Callable[[str, int], bytes]
) -> Iterator[tuple[FileRef, bytes]]:
    """The files that fit, one at a time; what does not is said in `files.lost`. Where they come from is not where they
    go: a source that cannot be read now, whatever it says, lets nothing wait but this action's subject."""
    if not action.files:
        return
    with store.reading() as tx:
        carried = tx.carried(target)
    total, known = carried.bytes, dict(carried.names)
    for ref in action.files:
        try:
            content = fetch(ref.url, action.file_bytes)
        except (RefusedError, NotFoundError) as error:
            files.lost.append((ref.save_as, f"was left out: {error}"))
            continue
        except TransientError as error:
            raise TransientError(str(error), retry_after=error.retry_after, bucket=action.subject) from None
        except AuthError as error:
            raise TransientError(str(error), bucket=action.subject) from None
        digest = hashlib.sha256(content).hexdigest()
        if digest in known:
            files.lost.append((ref.save_as, "is among the files that came before"))
            files.kept.append((digest, known[digest], len(content), ref.id))
        elif total + len(content) > action.files_bytes:
            files.lost.append((ref.save_as, "was left out: there are too many bytes of files already"))
        else:
            total += len(content)
            known[digest] = ref.save_as
            files.kept.append((digest, ref.save_as, len(content), ref.id))
            yield ref, content


def sentences(*texts: str) -> tuple[Block, ...]:
    """Sentences of our own below a copy."""
    return tuple(Paragraph((Text(text, frozenset({"italic"})),)) for text in texts)
