"""Changes of the metadata tables, numbered, each run once and in order."""
