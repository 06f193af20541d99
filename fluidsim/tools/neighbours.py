"""What other programs do while times are measured."""

from __future__ import annotations

from solvers import sharing

BUSY = 0.1  # of all cores: what others may use without a word


class Neighbours:
    """Watches from its beginning on how much of the machine other programs use."""

    def __init__(self) -> None:
        self._begin = sharing.spent()

    def warning(self) -> str:
        """One line if other programs have used much of the machine, else ""."""
        clock, busy, own = (b - a for a, b in zip(self._begin, sharing.spent(), strict=True))
        used, cores = (busy - own) / clock if clock > 0 else 0.0, len(sharing.cores())
        if used <= BUSY * cores:
            return ""
        return (
            f"other programs used {used:.1f} of the {cores} cores meanwhile; "
            "times from a busy machine say little"
        )
