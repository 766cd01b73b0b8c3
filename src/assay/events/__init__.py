"""What happened: the events SDKs send, the row each becomes, and the append-only log that keeps them."""
