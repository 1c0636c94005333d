"""What an operator sees of a running syncd: its log, its health, and what it tells systemd."""
