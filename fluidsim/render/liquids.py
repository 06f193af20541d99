"""What liquids look like."""

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class LiquidLook:
    """What a liquid looks like.

    Parameters
    ----------
    absorption : (red, green, blue)
        Along the domain's longest side, so that the look does not depend on the size.
    scattered : (red, green, blue)
        Colour of deep liquid in white light, 0 to 1.
    foam : float
        How white the liquid gets where it is fast and torn, 0 to 1.
    shallow, deep : (red, green, blue)
        In 2D, 0 to 255: at the surface, and far below it.
    """

    absorption: Colour
    scattered: Colour
    foam: float
    shallow: Colour
    deep: Colour


LIQUIDS = {
    "water": LiquidLook(
        absorption=(7.9, 2.2, 1.25),
        scattered=(0.035, 0.283, 0.368),
        foam=1.0,
        shallow=(112.0, 203.0, 232.0),
        deep=(13.0, 66.0, 130.0),
    ),
    "honey": LiquidLook(
        absorption=(2.5, 15.0, 60.0),
        scattered=(0.50, 0.20, 0.015),
        foam=0.0,
        shallow=(246.0, 190.0, 84.0),
        deep=(150.0, 74.0, 8.0),
    ),
}
