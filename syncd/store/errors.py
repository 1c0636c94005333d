"""What can be wrong with the store. Every message names the store and what to type next, and holds no secret."""

from __future__ import annotations


class StoreError(Exception):
    """Something is wrong with the store; the message is a sentence for the operator."""


class StoreMissing(StoreError):
    """There is no store at this address."""


class StoreLocked(StoreError):
    """Another syncd works on this store; `holder` says which one ("process 4711")."""

    def __init__(self, message: str, holder: str = "") -> None:
        super().__init__(message)
        self.holder = holder


class StoreFenced(StoreError):
    """Another syncd took the store over since claim(): nothing may be written through this one any more."""


class StoreBusy(StoreError):
    """Another process held the write lock for too long; the same call may succeed later."""


class StoreFull(StoreError):
    """No room left for writing; nothing of the transaction was kept."""


class StoreReadOnly(StoreError):
    """The store can not be written by this account."""


class StoreUnreachable(StoreError):
    """The database does not answer, or the file can not be opened."""


class StoreForeign(StoreError):
    """This is a database of something else."""


class StoreTooNew(StoreError):
    """A newer syncd wrote this store."""


class StoreNeedsUpgrade(StoreError):
    """An older syncd wrote this store."""


class StoreDamaged(StoreError):
    """The database itself is damaged."""


class RowDamaged(StoreDamaged):
    """A row is not what was written. `table` and `row_id` say which one; it is never handed out."""

    def __init__(self, table: str, row_id: str, problem: str = "it does not match its checksum") -> None:
        super().__init__(
            f"{table} {row_id} in the store is damaged: {problem}. Nothing is written for it. "
            "Run `syncd restore` with a backup, or `syncd rebuild`."
        )
        self.table = table
        self.row_id = row_id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowDamaged) and (self.table, self.row_id) == (other.table, other.row_id)

    def __hash__(self) -> int:
        return hash((self.table, self.row_id))


class NotStored(StoreError):
    """The store has no row with this id."""


class LinkExists(StoreError):
    """This ticket and this issue are linked already; `link_id` is that link."""

    def __init__(self, message: str, link_id: int) -> None:
        super().__init__(message)
        self.link_id = link_id


class LinkRetired(StoreError):
    """A retired link stays as it is; link the two anew instead."""


class CursorWentBack(StoreError):
    """A cursor that only moves forward was asked to go back."""


class IntentMoved(StoreError):
    """The intent is in another state than this step needs, so somebody else took it already."""
