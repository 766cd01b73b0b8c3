"""The one place where definitions, tables and statistics meet: from a promise to its results."""
