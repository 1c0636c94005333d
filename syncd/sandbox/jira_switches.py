"""Behaviour of the pretend Jira that can be switched while it runs."""

from __future__ import annotations

from typing import Any


def default_switches() -> dict[str, Any]:
    """All switches with their defaults."""
    return {
        # Search
        "search_lag_seconds": 0.0,  # writes show in search this much later
        "search_lag_jitter_seconds": 0.0,  # plus a random part, for each write anew
        "search_values": "index",  # "index": search shows values as old as its index; "live": current ones
        "search_page_cap": 100,  # Cloud: most issues on a page with fields
        "search_id_page_cap": 5000,  # Cloud: most issues on a page with only id or key
        "search_page_cap_dc": 1000,
        "short_pages": False,  # Cloud: pages hold fewer issues than asked for
        "empty_pages": False,  # Cloud: now and then an empty page with a token
        "repeat_token": False,  # Cloud: the next page's token is the one that was sent
        "410_on_old_search": True,  # Cloud: False keeps the removed endpoint alive
        "unknown_issue_in_jql_ignored": False,  # an unknown key or id in JQL matches nothing instead of 400
        "index_seconds_on_dc": True,  # Data Center compares and sorts dates by the second
        # Identity
        "bad_token_search_200_empty": True,  # wrong credentials count as anonymous; False: 401 everywhere
        "hide_emails": False,
        "workflow_read": "admin",  # "admin" or "all": who reads workflows over REST
        # Issues
        "language": "en",  # of error texts: en, fr, zh
        "absent_fields": [],  # ids of fields that issues come without
        "resolution_on_edit_screen": False,
        "comment_expand_properties": True,  # expand=properties works on the list of comments
        "comment_limit": 5000,  # per issue; more is 413
        "attachment_limit_bytes": 10_485_760,
        "emoji_500": False,  # Data Center: a character outside the basic plane is a 500
        "changelog_bulk_seconds": False,  # changelog/bulkfetch gives seconds instead of milliseconds
        # Workflows
        "leave_resolution_null": False,  # post functions set no resolution
        "hide_to": [],  # names of transitions that are listed without `to`
        "required_in_errors": False,  # a missing required field is named in `errors`, not in `errorMessages`
        "required_keeps_existing": True,  # a required field that the issue has already need not be sent
        "underreport_screen": False,  # transitions list no fields though they take them
        # Limits
        "per_issue_limits": True,  # Cloud: 20 writes in 2 s, 100 in 30 s on one issue
        "burst_limits": False,  # Cloud: requests a second for each endpoint
        "dc_bucket": None,  # Data Center: {"limit": 5, "fill_rate": 1, "interval": 1}
        "dc_retry_after_zero": False,  # Data Center: a 429 says Retry-After: 0
        "dc_blocked_users": [],  # Data Center: these users get 429 with the largest number there is
    }
