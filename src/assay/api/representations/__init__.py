"""From records to the bodies that API clients read. Mapping only; what is unknown is left out, never null."""
