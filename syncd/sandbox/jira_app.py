"""The pretend Jira as a WSGI application: Cloud or Data Center, as its world says."""

from __future__ import annotations

from syncd.sandbox.jira_comment_api import CommentApi
from syncd.sandbox.jira_link_api import LinkApi
from syncd.sandbox.jira_member_api import MemberApi
from syncd.sandbox.jira_meta_api import MetaApi
from syncd.sandbox.jira_search_api import SearchApi


class JiraApp(SearchApi, CommentApi, LinkApi, MemberApi, MetaApi):
    """All of /rest/api/2, /latest and on Cloud /3.

    A Cloud site is also served below the gateway's prefix `/ex/jira/<cloud id>`, a Data Center also below the
    context path `/jira`.
    """
