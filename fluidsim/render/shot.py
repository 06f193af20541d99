"""How a 3D scene is seen."""

from dataclasses import dataclass

from fluidsim.render.camera import Camera
from fluidsim.render.presets import Preset


@dataclass(frozen=True)
class Shot:
    """A camera, the size (width, height) of its picture in pixels, and the preset around it."""

    camera: Camera
    size: tuple[int, int]
    preset: Preset

    @property
    def aspect(self) -> float:
        """Width / height of the picture."""
        return self.size[0] / self.size[1]
