"""Rules over tickets: conditions in the convention of Zendesk's triggers, and what they lead to. Pure."""
