"""REST API v2: one module per resource, representations apart, no SQL."""
