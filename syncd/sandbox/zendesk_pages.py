"""Zendesk's two general ways of paging: by cursor (`page[size]`) and by offset (`page`, `per_page`)."""

from __future__ import annotations

import base64
import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from syncd.sandbox.zendesk_records import ZendeskRefusal

_MAX_SIZE: Final = 100
_MAX_PAGES: Final = 100


def refused_page(code: str, detail: str) -> ZendeskRefusal:
    """The 400 answer to a wrong page or sort parameter."""
    return ZendeskRefusal(400, {"errors": [{"code": code, "title": "Invalid pagination", "detail": detail}]})


def wants_cursor(args: MultiDict[str, str]) -> bool:
    """Whether the caller pages by cursor."""
    return any(name in args for name in ("page[size]", "page[after]", "page[before]"))


def encode(order: str, position: Any) -> str:
    """An opaque cursor."""
    raw = json.dumps({"o": order, "v": position}, separators=(",", ":"))
    return base64.b64encode(raw.encode()).decode()


def decode(order: str, cursor: str) -> Any:
    """The position in a cursor; 400 when it is broken or of another order."""
    try:
        found = json.loads(base64.b64decode(cursor, validate=True))
        position = found["v"]
        if found["o"] != order:
            raise refused_page("InvalidPaginationParameter", "The cursor belongs to another sort order")
    except (ValueError, KeyError, TypeError):
        raise refused_page("InvalidCursor", "page[after] or page[before] is not a valid cursor") from None
    return tuple(position) if isinstance(position, list) else position


def page_size(args: MultiDict[str, str]) -> int:
    """`page[size]`, 1 to 100; 400 otherwise."""
    try:
        size = int(args.get("page[size]", _MAX_SIZE))
    except ValueError:
        size = 0
    if not 1 <= size <= _MAX_SIZE:
        raise refused_page("InvalidPaginationParameter", "page[size] must be between 1 and 100")
    return size


def cursor_page(
    keys: Sequence[Any], args: MultiDict[str, str], order: str, url: str, *, descending: bool = False
) -> tuple[list[Any], dict[str, Any]]:
    """One page of `keys` (ascending; shown the other way round when `descending`) with its `meta` and `links`.

    A page is found by key, not by number: what moves while somebody reads is seen twice or not at all, as there.
    """
    size = page_size(args)
    count = len(keys)
    low, high = 0, count
    backwards = "page[before]" in args
    if backwards or "page[after]" in args:
        position = decode(order, args["page[before]"] if backwards else args["page[after]"])
        if backwards != descending:
            high = bisect_left(keys, position)
        else:
            low = bisect_right(keys, position)
    # The end of the range nearest to where the reading starts.
    from_top = descending != backwards
    chosen = list(keys[max(low, high - size) : high] if from_top else keys[low : min(high, low + size)])
    more = (high - low) > size
    if descending:
        chosen.reverse()
    after = encode(order, chosen[-1]) if chosen else None
    before = encode(order, chosen[0]) if chosen else None
    kept = [(key, value) for key, value in args.items(multi=True) if key not in {"page[after]", "page[before]"}]
    if "page[size]" not in args:
        kept.append(("page[size]", str(size)))

    def link(name: str, cursor: str | None) -> str | None:
        return f"{url}?{urlencode([*kept, (name, cursor)])}" if cursor else None

    return chosen, {
        "meta": {"has_more": more, "after_cursor": after, "before_cursor": before},
        "links": {"prev": link("page[before]", before), "next": link("page[after]", after)},
    }


def offset_page(rows: Sequence[Any], args: MultiDict[str, str], url: str) -> tuple[list[Any], dict[str, Any]]:
    """One numbered page with `next_page`, `previous_page` and `count`; 400 beyond page 100."""
    try:
        page, size = int(args.get("page", 1)), int(args.get("per_page", _MAX_SIZE))
    except ValueError:
        raise refused_page("InvalidPaginationParameter", "page and per_page must be numbers") from None
    size = min(max(size, 1), _MAX_SIZE)
    page = max(page, 1)
    if page > _MAX_PAGES or page * size > _MAX_PAGES * _MAX_SIZE:
        raise refused_page("InvalidPaginationDepth", "Offset pagination is limited to 100 pages and 10000 rows")
    kept = [(key, value) for key, value in args.items(multi=True) if key != "page"]

    def link(number: int) -> str:
        return f"{url}?{urlencode([*kept, ('page', str(number))])}"

    return list(rows[(page - 1) * size : page * size]), {
        "next_page": link(page + 1) if page * size < len(rows) else None,
        "previous_page": link(page - 1) if page > 1 else None,
        "count": len(rows),
    }


def any_page(
    keys: Sequence[Any], args: MultiDict[str, str], order: str, url: str, *, descending: bool = False
) -> tuple[list[Any], dict[str, Any]]:
    """A page of `keys` (ascending) in the style that the caller asked for; by offset when in none."""
    if wants_cursor(args):
        return cursor_page(keys, args, order, url, descending=descending)
    return offset_page(list(reversed(keys)) if descending else keys, args, url)
