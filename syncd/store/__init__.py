"""The mapping store. It takes and returns core records, never rows."""
