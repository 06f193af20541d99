"""The numbers that whitewater is made by: declared once, for scenes, flags and stored runs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from fluidsim.parsing import not_negative, positive, whole


def _number(default: Any, **flag: Any) -> Any:
    """A field with what argparse is told of its flag."""
    return field(default=default, metadata=flag)


@dataclass(frozen=True, kw_only=True)
class Whitewater:
    """How much spray, foam and bubbles a liquid makes, how they move and how long foam lasts.

    Parameters
    ----------
    trapped_air : float
        Most particles a second that a particle of the liquid makes where the flow closes upon air.
    wave_crests : float
        The same for convex surface that moves outwards.
    slow, fast : float
        Speeds of liquid that makes none, and as many as it can; 1 is the speed of a fall through
        the height of the domain.
    lifetime : float
        Mean time that foam lasts, s.
    drag : float
        Of the air on spray, 1/s; without it, drops fly along parabolas.
    rise : float
        Speed at which a bubble rises in liquid at rest, m/s.
    response : float
        Time in which a bubble takes the speed of the liquid, s.
    most : int
        Particles at a time.
    seed : int
        Of the random numbers.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    trapped_air: float = _number(
        50.0, type=not_negative, metavar="RATE", help="particles a second where air is trapped"
    )
    wave_crests: float = _number(
        120.0, type=not_negative, metavar="RATE", help="particles a second at wave crests"
    )
    slow: float = _number(
        0.15, type=not_negative, metavar="PART", help="speed of liquid that makes none; 1: a fall"
    )
    fast: float = _number(
        0.6, type=positive, metavar="PART", help="speed of liquid that makes most; 1: a fall"
    )
    lifetime: float = _number(3.0, type=positive, metavar="S", help="seconds that foam lasts")
    drag: float = _number(0.5, type=not_negative, metavar="RATE", help="of the air on spray, 1/s")
    rise: float = _number(
        0.25, type=not_negative, metavar="SPEED", help="m/s at which bubbles rise in still water"
    )
    response: float = _number(
        0.05, type=positive, metavar="S", help="seconds in which bubbles follow the water"
    )
    most: int = _number(
        1_000_000, type=whole(1, 50_000_000), metavar="N", help="most particles at a time"
    )
    seed: int = _number(0, type=whole(0, 2**31 - 1), metavar="N", help="of the random numbers")

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            try:
                each.metadata["type"](str(value))
            except Exception as error:
                raise ValueError(f"{each.name} of whitewater {error}") from None
        if not self.slow < self.fast:
            raise ValueError(f"slow of whitewater, {self.slow}, must be below fast, {self.fast}")

    @classmethod
    def of(cls, stored: Any) -> Whitewater:
        """Read the numbers from a file of a run.

        Parameters
        ----------
        stored : dict
            The numbers by name.

        Returns
        -------
        Whitewater

        Raises
        ------
        ValueError
            If these are no such numbers.
        """
        names = {each.name for each in dataclasses.fields(cls)}
        if not isinstance(stored, dict) or stored.keys() - {"type"} != names:
            raise ValueError(f"{stored!r:.60} are no numbers of whitewater")
        return cls(**{name: stored[name] for name in names})
