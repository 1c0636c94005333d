"""Spans of time as people write them: `15s`, `30m`, `4h`, `90d`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator

from syncd.config.sentences import refusal

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART: Final = re.compile(r"(\d{1,9})\s*([smhdw])\s*", re.ASCII)
LONGEST: Final = timedelta(days=3660)


def parse_duration(text: str) -> timedelta:
    """The span that the text says, at most ten years; raises ValueError with a sentence otherwise."""
    compact = text.strip().lower()
    parts = list(_PART.finditer(compact))
    if not parts or "".join(part.group(0) for part in parts) != compact:
        if re.fullmatch(r"\d+(\.\d+)?", compact):
            message = f"Say the unit too: {compact}s for seconds, {compact}m for minutes, {compact}h for hours."
            raise ValueError(message)
        raise ValueError("Write a span of time such as 15s, 30m, 4h, 90d or 1h30m.")
    units = [part.group(2) for part in parts]
    if len(set(units)) != len(units):
        raise ValueError("Each unit may stand once in a span of time, as in 1h30m.")
    seconds = sum(int(part.group(1)) * _SECONDS[part.group(2)] for part in parts)
    if seconds > LONGEST.total_seconds():
        raise ValueError("That is more than ten years; write a shorter span, such as 90d.")
    return timedelta(seconds=seconds)


def format_duration(span: timedelta) -> str:
    """The shortest text that parse_duration reads back as this span (whole seconds)."""
    left = int(span.total_seconds())
    text = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            text += f"{count}{unit}"
    return text or "0s"


def _from_file(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refusal("Write a span of time such as 15s, 30m, 4h, 90d or 1h30m.")
    try:
        return parse_duration(str(value))
    except ValueError as error:
        raise refusal(str(error)) from None


def between(low: timedelta, high: timedelta) -> AfterValidator:
    """For an annotation: the span is one of these, or between them."""

    def check(span: timedelta) -> timedelta:
        if not low <= span <= high:
            raise refusal(f"Write a span between {format_duration(low)} and {format_duration(high)}.")
        return span

    return AfterValidator(check)


Duration = Annotated[timedelta, BeforeValidator(_from_file)]
"""A field of a model that is written as a span of time."""
