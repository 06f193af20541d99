"""How a scene wants to be pictured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fluidsim.render.camera import Camera
from fluidsim.render.liquids import LIQUIDS
from fluidsim.render.presets import PRESETS


@dataclass(frozen=True, kw_only=True)
class View:
    """What pictures of a scene are like where no flag says otherwise.

    liquid: what a liquid looks like, one of LIQUIDS. In 3D also: preset: background, floor and
    light, one of PRESETS (None: what suits the kind). camera: where it is seen from (None: so that
    the domain fills the picture). orbit: degrees that the camera turns over the video, in place
    of standing still; it begins in the direction of `camera`.
    Raises ValueError for names that there are not.
    """

    preset: str | None = None
    camera: Camera | None = None
    orbit: float | None = None
    liquid: str = "water"

    def __post_init__(self) -> None:
        if self.preset not in (None, *PRESETS):
            raise ValueError(f"no preset {self.preset!r:.40}; there are {', '.join(PRESETS)}")
        if self.liquid not in list(LIQUIDS):
            raise ValueError(f"no liquid {self.liquid!r:.40}; there are {', '.join(LIQUIDS)}")
        if self.orbit is not None and not math.isfinite(self.orbit):
            raise ValueError(f"an orbit of {self.orbit} degrees")

    @classmethod
    def of(cls, stored: Any) -> View:
        """The view in a run's config file, None in those that have none.

        Raises ValueError, TypeError or KeyError when it is none.
        """
        if stored is None:
            return cls()
        camera, orbit = stored["camera"], stored["orbit"]
        if camera is not None:
            eye, look_at = _point(camera["eye"]), _point(camera["look_at"])
            camera = Camera(eye, look_at, float(camera["field_of_view"]))
        return cls(
            preset=stored["preset"],
            camera=camera,
            orbit=None if orbit is None else float(orbit),
            liquid=stored["liquid"],
        )


def _point(values: Iterable[Any]) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z
