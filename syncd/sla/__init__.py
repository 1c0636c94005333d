"""The SLA clocks: pure functions from events, policies and calendars to clocks, holders and due instants.

Every instant in here is a whole number of Unix seconds (UTC); local time appears only where a calendar meets a zone.
"""
