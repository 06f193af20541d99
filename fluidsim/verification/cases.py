"""All cases of the suite, by family."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from fluidsim.verification import (
    balance,
    cavity,
    channels,
    dam,
    disk,
    drops,
    mass,
    rest,
    schemes,
    vortices,
    waves,
)
from fluidsim.verification.case import Case

FAMILIES = {
    "sloshing": ("Waves in a tank", waves.CASES),
    "rest": ("Water at rest", rest.CASES),
    "drop": ("Drops under surface tension", drops.CASES),
    "vortex": ("Inviscid vortices", vortices.CASES),
    "scheme": ("Ways to step smoke in time", schemes.CASES),
    "mass": ("Mass of smoke", mass.CASES),
    "cavity": ("Lid-driven cavity", cavity.CASES),
    "channel": ("Channels, films and a cylinder", channels.CASES),
    "balance": ("Balances of forces", balance.CASES),
    "dam": ("Falling water", dam.CASES),
    "disk": ("A surface in a given flow", disk.CASES),
}
CASES = tuple(case for _, cases in FAMILIES.values() for case in cases)


def chosen(patterns: Sequence[str]) -> list[Case]:
    """The cases of these names, families or patterns such as "drop-*-flip"; all if none is given.

    Raises ValueError with one line if a pattern matches no case.
    """
    for pattern in patterns:
        if not any(_fits(case, pattern) for case in CASES):
            raise ValueError(f"no case {pattern!r}; fluidsim verify --list names them")
    return [case for case in CASES if not patterns or any(_fits(case, p) for p in patterns)]


def _fits(case: Case, pattern: str) -> bool:
    return pattern == case.family or fnmatch.fnmatchcase(case.name, pattern)
