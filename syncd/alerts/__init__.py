"""What leads hear of: facts become notifications, notifications become mails and messages, and those are delivered."""
