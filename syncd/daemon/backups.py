"""Copies of the store that nobody has to think of: made when due, verified, and the oldest of them removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from syncd.config.store_models import Backup
from syncd.core.model import Json
from syncd.ops.facts import BACKUP
from syncd.store import Store, StoreError

log = structlog.get_logger(__name__)

TRIED = "last.backup"
"""Fact: when a copy was last made, Unix seconds; after a failure earlier, so that it is due again soon."""

TRY_AGAIN = timedelta(minutes=10)


def back_up_when_due(store: Store, wanted: Backup, now: datetime) -> None:
    """A copy when the last one is older than `wanted.every`; one that fails is told once and tried again some minutes
    later, and copies are removed only after a newer one was verified. Raises StoreError when the store itself fails."""
    if store.path is None or wanted.keep == 0:
        return
    with store.reading() as tx:
        last, said = tx.get_fact(TRIED), tx.get_fact(BACKUP)
    if isinstance(last, int | float) and 0 <= now.timestamp() - last < wanted.every.total_seconds():
        return
    known = said if isinstance(said, dict) else {}
    folder = Path(wanted.folder) if wanted.folder else store.path.with_name(f"{store.path.name}.backups")
    try:
        made = _made(store, folder, now)
    except (StoreError, OSError) as error:
        if known.get("problem") != str(error):
            log.error("backup_failed", problem=str(error), news=True)  # noqa: TRY400 - a sentence, no traceback
        _remember(store, {**known, "problem": str(error)}, now, tried=now - wanted.every + TRY_AGAIN)
        return
    gone = _rotate(folder, store.path.name, wanted.keep)
    _remember(store, {"at": now.isoformat(), "path": str(made), "problem": None}, now, tried=now)
    log.info("backup", path=str(made), bytes=made.stat().st_size, removed=gone)


def _made(store: Store, folder: Path, now: datetime) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = store.path.name if store.path is not None else ""
    target = folder / f"{name}.{stamp}.backup"
    return target if target.exists() else store.backup(target)


def _rotate(folder: Path, name: str, keep: int) -> int:
    """Removes all but the newest; how many. Their names sort by time."""
    old = sorted(folder.glob(f"{name}.*Z.backup"))[:-keep]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _remember(store: Store, fact: dict[str, Json], now: datetime, *, tried: datetime) -> None:
    with store.transaction() as tx:
        tx.set_fact(TRIED, tried.timestamp(), now)
        tx.set_fact(BACKUP, fact, now)
