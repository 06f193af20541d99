"""How frames are drawn: what the flags of pictures and the view of a scene can choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluidsim.render.liquids import LIQUIDS
from fluidsim.render.presets import PRESETS


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a frame is drawn.

    Parameters
    ----------
    preset : str, optional
        Background, floor and light of a 3D picture, a name in `PRESETS`. None: "studio" for
        liquids, "dark" for smoke.
    liquid : str
        What a liquid looks like, a name in `LIQUIDS`.
    supersample : int
        A 3D picture is traced this many times larger and averaged.
    exposure : float
        Seconds for which the shutter is open: a liquid in 3D blurs along its motion.
    open_sides : sequence of str
        Sides of the domain, such as "z+", before which smoke in 3D fades out.
    caption : bool
        Write the frame's caption and time on the picture.

    Raises
    ------
    ValueError
        If a name or a number is not one of these.
    """

    preset: str | None = None
    liquid: str = "water"
    supersample: int = 1
    exposure: float = 0.0
    open_sides: Sequence[str] = ()
    caption: bool = True

    def __post_init__(self) -> None:
        if self.supersample < 1:
            raise ValueError(f"supersample must be at least 1, not {self.supersample}")
        if self.preset not in (None, *PRESETS):
            raise ValueError(f"unknown preset {self.preset!r:.40}; known: {', '.join(PRESETS)}")
        if self.liquid not in list(LIQUIDS):
            raise ValueError(f"unknown liquid {self.liquid!r:.40}; known: {', '.join(LIQUIDS)}")
