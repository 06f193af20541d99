"""The kinds of cells."""

from enum import IntEnum


class CellType(IntEnum):
    """What a cell holds."""

    AIR = 0
    FLUID = 1
    SOLID = 2
