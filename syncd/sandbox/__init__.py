"""A pretend Zendesk and Jira over real HTTP. It imports nothing of the rest of syncd."""
