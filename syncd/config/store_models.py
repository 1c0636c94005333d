"""The block `store.backup`: copies that the daemon makes by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from syncd.config.durations import Duration, between
from syncd.config.fields import Text
from syncd.config.sentences import Model


class Backup(Model):
    """Verified copies of a SQLite store, the oldest of which go. PostgreSQL is backed up by its own tools."""

    every: Annotated[Duration, between(timedelta(minutes=1), timedelta(days=31))] = Field(
        default=timedelta(hours=6), examples=["6h"]
    )
    keep: int = Field(default=8, ge=0, le=1000, examples=[8])  # 0: none are made
    folder: Text | None = Field(default=None, examples=["/var/backups/syncd"])  # default: beside the store
