"""Pages for people, rendered on the server: they perform the operations of the REST API, and calculate nothing."""
