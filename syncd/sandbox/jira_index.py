"""The search index of the pretend Jira: what search sees, which may be older than what the issue itself says."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterator

from syncd.sandbox.jira_model import Issue


class SearchIndex:
    """Documents sorted by (updated, id).

    Without lag a document is the living issue. With lag the old document stays until the new one is due;
    documents of one issue never go back to an older version, also when they fall due out of order.
    """

    def __init__(self) -> None:
        self.docs: dict[int, Issue] = {}
        self.by_label: dict[str, set[int]] = {}
        self._order: list[tuple[int, int]] = []
        self._placed: dict[int, tuple[int, tuple[str, ...]]] = {}
        self._versions: dict[int, int] = {}
        self._pending: list[tuple[int, int, int, Issue | None]] = []
        self._count = 0

    def hold(self, issue: Issue) -> None:
        """Called before an issue is changed while the index lags: the index keeps what it shows now."""
        if self.docs.get(issue.id) is issue:
            self.docs[issue.id] = issue.frozen_copy()

    def note(self, issue: Issue, due_ms: int | None) -> None:
        """An issue was written. It shows at once (`due_ms` None) or from `due_ms` on."""
        self._count += 1
        if due_ms is None:
            self._place(issue.id, self._count, issue)
        else:
            heapq.heappush(self._pending, (due_ms, self._count, issue.id, issue.frozen_copy()))

    def forget(self, issue_id: int, due_ms: int | None) -> None:
        """An issue was deleted."""
        self._count += 1
        if due_ms is None:
            self._place(issue_id, self._count, None)
        else:
            heapq.heappush(self._pending, (due_ms, self._count, issue_id, None))

    def flush(self, now_ms: int) -> None:
        """Takes in what fell due."""
        while self._pending and self._pending[0][0] <= now_ms:
            _, version, issue_id, doc = heapq.heappop(self._pending)
            self._place(issue_id, version, doc)

    def waiting(self) -> int:
        """How many writes search does not show yet."""
        return len(self._pending)

    def since(self, lower_ms: int) -> Iterator[Issue]:
        """Documents with `updated >= lower_ms`, in order of (updated, id)."""
        for position in range(bisect_left(self._order, (lower_ms, 0)), len(self._order)):
            yield self.docs[self._order[position][1]]

    def _place(self, issue_id: int, version: int, doc: Issue | None) -> None:
        if version < self._versions.get(issue_id, 0):
            return
        self._versions[issue_id] = version
        placed = self._placed.pop(issue_id, None)
        if placed is not None:
            updated, labels = placed
            del self._order[bisect_left(self._order, (updated, issue_id))]
            for label in labels:
                self.by_label[label].discard(issue_id)
        if doc is None:
            self.docs.pop(issue_id, None)
            return
        self.docs[issue_id] = doc
        insort(self._order, (doc.updated, issue_id))
        self._placed[issue_id] = (doc.updated, tuple(doc.labels))
        for label in doc.labels:
            self.by_label.setdefault(label, set()).add(issue_id)
