"""The ways that one of the servers has throughout a history: some are faults, others a healthy server may have."""

from __future__ import annotations

import random
from typing import Any


def _lag(rng: random.Random, jira: dict[str, Any], _zendesk: dict[str, Any]) -> None:
    jira["search_lag_seconds"] = rng.choice((2.0, 20.0, 90.0, 400.0, 400.0))
    jira["search_lag_jitter_seconds"] = rng.choice((0.0, 30.0, 90.0))


def _far_behind(rng: random.Random, jira: dict[str, Any], _zendesk: dict[str, Any]) -> None:
    jira["search_lag_seconds"] = rng.choice((400.0, 600.0, 900.0))
    jira["search_lag_jitter_seconds"] = rng.choice((0.0, 90.0))


def _out_of_order(rng: random.Random, jira: dict[str, Any], _zendesk: dict[str, Any]) -> None:
    """What was written last may show first: each write takes a time of its own."""
    jira["search_lag_seconds"] = rng.choice((0.0, 2.0, 20.0))
    jira["search_lag_jitter_seconds"] = 90.0


def _set(side: str, name: str, *values: object) -> Any:
    def change(rng: random.Random, jira: dict[str, Any], zendesk: dict[str, Any]) -> None:
        (jira if side == "jira" else zendesk)[name] = rng.choice(values)

    return change


SETTINGS = {
    "index_lag": _lag,
    "search_values_live": _set("jira", "search_values", "live"),
    "short_pages": _set("jira", "short_pages", True),
    "empty_pages": _set("jira", "empty_pages", True),
    "repeat_token": _set("jira", "repeat_token", True),
    "small_export_pages": _set("zendesk", "export_page_limit", 6, 9),
    "null_export_cursor_off": _set("zendesk", "export_null_cursor", False),
    "metadata_flat": _set("zendesk", "ticket_events_metadata", "flat", "absent"),
    "no_comment_properties": _set("jira", "comment_expand_properties", False),
    "changelog_seconds": _set("jira", "changelog_bulk_seconds", True),
    "old_headers": _set("zendesk", "header_dialect", "2023"),
    "index_far_behind": _far_behind,
    "index_out_of_order": _out_of_order,
}
LAGS = ("index_lag", "index_far_behind", "index_out_of_order")
"""Those that are healed, and come back for the last move."""
HEALTHY = {"search_lag_seconds": 0.0, "search_lag_jitter_seconds": 0.0, "repeat_token": False}
"""Switches that go back when everything is healed; the others are ways that a healthy server may have."""
