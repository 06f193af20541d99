"""What other programs do while times are measured."""

from __future__ import annotations

import psutil

BUSY = 0.1  # of all cores: what others may use without a word


class Neighbours:
    """Watches from its beginning on how much of the machine other programs use."""

    def __init__(self) -> None:
        self._begin = self._spent()

    def warning(self) -> str:
        """One line if other programs have used much of the machine, else ""."""
        every, busy, own = (b - a for a, b in zip(self._begin, self._spent(), strict=True))
        share = (busy - own) / every if every > 0 else 0.0
        if share <= BUSY:
            return ""
        cores = psutil.cpu_count() or 1
        return (
            f"other programs used {share * cores:.1f} of the {cores} cores meanwhile; "
            "times from a busy machine say little"
        )

    @staticmethod
    def _spent() -> tuple[float, float, float]:
        """Seconds of all cores so far, of those that were busy, and of this process."""
        spent = psutil.cpu_times()
        own = psutil.Process().cpu_times()
        mine = own.user + own.system + own.children_user + own.children_system
        every = sum(spent) - getattr(spent, "guest", 0.0) - getattr(spent, "guest_nice", 0.0)
        return every, every - spent.idle - getattr(spent, "iowait", 0.0), mine
