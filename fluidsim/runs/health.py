"""Signs of trouble in a run: warnings when they begin, and a summary at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fluidsim.flow.simulation import LONG
from fluidsim.store.run_folder import FrameRecord

VOLUME = 0.05  # relative error of the volume that is worth a word
HOLES = 0.01  # of the cells with pressure: air below the water where no air can be
CROWDED = 0.1  # of the particles that there have been that crowding may cost
SMOKE = 0.005  # of the smoke in a frame, that came from nowhere or went there
EXPLODING = 5.0  # times the fastest of all frames before
SEVERAL_SUBSTEPS, MANY_SUBSTEPS = 10, 50  # the latter in a frame of up to LONG seconds


@dataclass
class Trouble:
    """A kind of trouble: its size at the last warning, the worst frame, and how many had it."""

    told: float
    worst: float
    frame: int
    text: str
    frames: int = 1


class Health:
    """Looks at each frame's record.

    It warns when a kind of trouble first appears, and again when it has doubled.
    """

    def __init__(self) -> None:
        self._troubles: dict[str, Trouble] = {}
        self._fastest: list[float] = []
        self._particles: list[int] = []
        self._smoke: float | None = None
        self._removed = self._poured = 0
        self._time = 0.0

    def look(self, record: FrameRecord) -> list[str]:
        """The new warnings about a frame; they do not name its number."""
        warnings = []
        for check in CHECKS:
            found = check(self, record)
            if found is not None and self._is_news(check.__name__, record.frame, *found):
                warnings.append(found[1])
        self._fastest.append(record.top_speed)
        self._particles.append(record.particles)
        self._smoke = record.smoke_mass
        self._time = record.time
        return warnings

    def summary(self) -> list[str]:
        """A line for each kind of trouble; empty when all went well."""
        return [
            f"{trouble.frames} frames with trouble, worst in frame {trouble.frame}: {trouble.text}"
            for trouble in self._troubles.values()
        ]

    def _is_news(self, kind: str, frame: int, size: float, text: str) -> bool:
        known = self._troubles.get(kind)
        if known is None:
            self._troubles[kind] = Trouble(size, size, frame, text)
            return True
        known.frames += 1
        if size > known.worst:
            known.worst, known.frame, known.text = size, frame, text
        if size < 2 * known.told:
            return False
        known.told = size
        return True

    def volume(self, record: FrameRecord) -> tuple[float, str] | None:
        error = record.volume_error
        if abs(error) <= VOLUME:
            return None
        what = "less" if error < 0 else "more"
        return abs(error), f"{abs(error):.1%} {what} liquid than there should be"

    def vanishing(self, record: FrameRecord) -> tuple[float, str] | None:
        before = self._particles[-1] if self._particles else 0
        gone = record.particles_left + record.particles_drained
        if record.particles == 0 and before > gone:
            return 1.0, f"all {before} particles are gone, not through open sides or outflows"
        return None

    def holes(self, record: FrameRecord) -> tuple[float, str] | None:
        if record.holes <= HOLES * record.unknowns:
            return None
        return record.holes, f"{record.holes} cells of air inside the water; try a smaller cfl"

    def crowding(self, record: FrameRecord) -> tuple[float, str] | None:
        self._removed += record.particles_removed - record.particles_added
        self._poured += record.particles_poured
        supplied = self._poured + (self._particles[0] if self._particles else record.particles)
        if not supplied or self._removed <= CROWDED * supplied:
            return None
        share = self._removed / supplied
        return share, f"crowded cells have cost {share:.0%} of the particles so far"

    def full(self, record: FrameRecord) -> tuple[float, str] | None:
        return (1.0, "the closed domain is full: nothing more flows in") if record.full else None

    def smoke(self, record: FrameRecord) -> tuple[float, str] | None:
        if self._smoke is None:
            return None
        made = record.smoke_added + record.smoke_burnt
        supplied = self._smoke + made
        error = record.smoke_mass - (supplied - record.smoke_left - record.smoke_faded)
        if abs(error) <= SMOKE * supplied:
            return None
        what = "less" if error < 0 else "more"
        share = abs(error) / supplied
        return share, f"{share:.1%} {what} smoke than sources, sides and fading account for"

    def exploding(self, record: FrameRecord) -> tuple[float, str] | None:
        before = max(self._fastest, default=0.0)
        calm = record.top_speed <= EXPLODING * before or record.substeps <= SEVERAL_SUBSTEPS
        if len(self._fastest) < 3 or calm:
            return None
        return record.top_speed, (
            f"speeds rose to {record.top_speed:.3g} m/s, from at most {before:.3g} before; "
            "try a smaller --frame-seconds or a tighter --rtol"
        )

    def substeps(self, record: FrameRecord) -> tuple[float, str] | None:
        if record.substeps <= MANY_SUBSTEPS * max(1.0, (record.time - self._time) / LONG):
            return None
        text = f"{record.substeps} substeps, for speeds up to {record.top_speed:.3g} m/s"
        return record.substeps, text

    def solver(self, record: FrameRecord) -> tuple[float, str] | None:
        return (1.0, f"solver {record.solver}: {record.notes}") if record.notes else None


Check = Callable[[Health, FrameRecord], tuple[float, str] | None]
CHECKS: tuple[Check, ...] = (
    Health.volume, Health.holes, Health.vanishing, Health.crowding, Health.full, Health.smoke,
    Health.exploding, Health.substeps, Health.solver,
)  # fmt: skip
