"""On the path of a process, this shifts the wall clock that it sees by the seconds in the file $SKEW_FILE; the
monotonic clock and everybody else's time stay as they are."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any, Self

_FILE = Path(os.environ["SKEW_FILE"])
_true_time = time.time
_True = dt.datetime


def _skew() -> float:
    try:
        return float(_FILE.read_text(encoding="ascii") or 0)
    except (OSError, ValueError):
        return 0.0


class _Like(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _True)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, _True)


class _Skewed(_True, metaclass=_Like):
    """What everybody else calls datetime."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        return _True(*args, **kwargs)  # type: ignore[return-value]  # a plain one: only now() is ours

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        return _True.fromtimestamp(_true_time() + _skew(), tz)  # type: ignore[return-value]  # as above


dt.datetime = _Skewed  # type: ignore[misc]  # that is what it is for
time.time = lambda: _true_time() + _skew()
