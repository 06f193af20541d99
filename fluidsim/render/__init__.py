"""Pictures and videos of frames: ray-traced water and smoke in 3D, flat pictures in 2D.

`fluidsim.taichi_runtime.start` must have been called before a picture is drawn. A name is loaded
when it is first used, so that importing this package does not load Taichi.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluidsim.render.camera import Camera, default_camera
    from fluidsim.render.camera_path import CameraPath, orbit, through_keyframes
    from fluidsim.render.frame import Frame, LiquidFrame, SmokeFrame, SolidGrid
    from fluidsim.render.liquids import LIQUIDS, LiquidLook
    from fluidsim.render.pictures import picture, save_picture
    from fluidsim.render.presets import PRESETS, Preset
    from fluidsim.render.style import Style
    from fluidsim.render.surface import Surface, liquid_surface
    from fluidsim.render.video import write_video

_MODULES = {
    "camera": ("Camera", "default_camera"),
    "camera_path": ("CameraPath", "orbit", "through_keyframes"),
    "frame": ("Frame", "LiquidFrame", "SmokeFrame", "SolidGrid"),
    "liquids": ("LIQUIDS", "LiquidLook"),
    "pictures": ("picture", "save_picture"),
    "presets": ("PRESETS", "Preset"),
    "style": ("Style",),
    "surface": ("Surface", "liquid_surface"),
    "video": ("write_video",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "LIQUIDS",
    "PRESETS",
    "Camera",
    "CameraPath",
    "Frame",
    "LiquidFrame",
    "LiquidLook",
    "Preset",
    "SmokeFrame",
    "SolidGrid",
    "Style",
    "Surface",
    "default_camera",
    "liquid_surface",
    "orbit",
    "picture",
    "save_picture",
    "through_keyframes",
    "write_video",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
