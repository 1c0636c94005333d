"""The ways out other than mail: robots of chat services, webhooks, and whatever apprise knows."""
