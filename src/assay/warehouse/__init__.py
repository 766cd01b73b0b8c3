"""What happened, as tables: the engine that keeps them, the loading that fills them, one query module per table."""
