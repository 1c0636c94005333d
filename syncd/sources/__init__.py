"""The two trackers behind one module each; nothing of zenpy or jira leaves this package."""
