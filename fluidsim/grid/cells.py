"""What a cell holds."""

from enum import IntEnum


class CellType(IntEnum):
    AIR = 0
    FLUID = 1
    SOLID = 2
