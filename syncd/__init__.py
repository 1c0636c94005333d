"""syncd keeps Zendesk tickets and Jira bugs in step."""

__version__ = "0.1.0"
