"""How fast bytes come, over the last seconds. It reads no clock of its own."""

from __future__ import annotations

from collections import deque

WINDOW_S = 3.0


class Speed:
    """Bytes per second over the last `WINDOW_S` seconds; give it the count from time to time."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def at(self, now: float, count: int) -> float | None:
        """The speed at a time in seconds, when `count` bytes are there; ``None`` with nothing to compare."""
        seen = self._seen
        if not seen or now - seen[-1][0] >= 0.05:
            seen.append((now, count))
        while len(seen) > 2 and now - seen[0][0] > WINDOW_S:
            seen.popleft()
        then, before = seen[0]
        return max(0.0, (count - before) / (now - then)) if now - then >= 0.2 else None

    def clear(self) -> None:
        """Forget what was: it begins anew."""
        self._seen.clear()
