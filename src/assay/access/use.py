"""When access tokens were last used: in memory only and to the minute, so that no request waits for a write."""

MINUTE_MS = 60_000


class LastUses:
    """Counts from the start of the server; a restart forgets it."""

    def __init__(self) -> None:
        self._at_ms: dict[str, int] = {}

    def note(self, token_id: str, now_ms: int) -> None:
        self._at_ms[token_id] = now_ms // MINUTE_MS * MINUTE_MS

    def of(self, token_id: str) -> int:
        """Epoch ms; 0 where it wasn't used since the start."""
        return self._at_ms.get(token_id, 0)
