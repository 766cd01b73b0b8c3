"""One module for each table that the analysis asks for."""
