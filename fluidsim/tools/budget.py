"""The minutes that a training may take, from its first recording to its last test."""

from __future__ import annotations

import math
import time

RECORDING = 0.25  # of the minutes: scenes that are not recorded by then are left out
JUDGING = 0.05  # of the minutes: what one look at the held-out problems may take
LOOKS = 3  # before training, and two at the end, for which time is kept


class Budget:
    """Counts from its beginning. minutes: None for no limit. records: whether scenes may run."""

    def __init__(self, minutes: float | None, records: bool = True) -> None:
        self.is_limited = minutes is not None
        self.seconds = math.inf if minutes is None else 60 * minutes
        self._records = records
        self._begin = time.monotonic()

    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begin

    def part(self) -> float:
        """Of the minutes that are spent, 0 to 1."""
        return min(1.0, self.spent() / self.seconds)

    def for_recording(self) -> float:
        """Seconds that are left to record scenes."""
        return RECORDING * self.seconds - self.spent() if self._records else 0.0

    def for_training(self, look: float, before: float) -> float:
        """Minutes after which a training ends.

        look: seconds that one look at the held-out problems takes. before: seconds that the
        training took before it was resumed, which count.
        """
        rest = self.seconds - self.spent() - LOOKS * look
        return max(rest, before + 1.0) / 60

    def judged(self, first: float, sizes: list[int], dim: int) -> list[int]:
        """The sizes, in their order, that can be judged in time if the first takes `first` s."""
        most = JUDGING * self.seconds
        kept = sizes[:1]
        while len(kept) < len(sizes):
            kept = sizes[: len(kept) + 1]
            if first * sum((size / sizes[0]) ** dim for size in kept) > most:
                return kept[:-1]
        return kept
