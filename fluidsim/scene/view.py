"""How a scene wants to be pictured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fluidsim.render.camera import Camera
from fluidsim.render.style import Style
from fluidsim.whitewater.numbers import Whitewater


@dataclass(frozen=True, kw_only=True)
class View:
    """How a scene is pictured where no flag says otherwise.

    Parameters
    ----------
    preset : {"studio", "dark"}, optional
        Background, floor and light in 3D; by default "studio" for liquids, "dark" for smoke.
    camera : Camera, optional
        Point of view in 3D; by default the domain fills the picture.
    orbit : float, optional
        Degrees that the camera turns over the video, beginning at `camera`; by default it stands
        still.
    liquid : str
        What a liquid looks like, such as "water" or "honey".
    whitewater : Whitewater, optional
        Spray, foam and bubbles by these numbers, in every run of the scene; by default only where
        a flag asks for them.

    Raises
    ------
    ValueError
        If a preset or a liquid is unknown, or the orbit is not finite.
    """

    preset: str | None = None
    camera: Camera | None = None
    orbit: float | None = None
    liquid: str = "water"
    whitewater: Whitewater | None = None

    def __post_init__(self) -> None:
        Style(preset=self.preset, liquid=self.liquid)  # which refuses unknown names
        if self.orbit is not None and not math.isfinite(self.orbit):
            raise ValueError(f"an orbit of {self.orbit} degrees")

    @classmethod
    def of(cls, stored: Any) -> View:
        """Read the view from a run's config file.

        Parameters
        ----------
        stored : dict or None
            What the file says of it; None gives the default view.

        Returns
        -------
        View
            The view.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the file describes no view.
        """
        if stored is None:
            return cls()
        camera, orbit, white = stored["camera"], stored["orbit"], stored.get("whitewater")
        if camera is not None:
            eye, look_at = _point(camera["eye"]), _point(camera["look_at"])
            camera = Camera(eye, look_at, float(camera["field_of_view"]))
        return cls(
            preset=stored["preset"],
            camera=camera,
            orbit=None if orbit is None else float(orbit),
            liquid=stored["liquid"],
            whitewater=None if white is None else Whitewater.of(white),
        )


def _point(values: Iterable[Any]) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z
