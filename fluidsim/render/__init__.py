"""Pictures and videos of frames: ray-traced water and smoke in 3D, flat pictures in 2D.

`fluidsim.taichi_runtime.start` must have been called before a picture is made.
"""

from fluidsim.render.camera import Camera
from fluidsim.render.camera_path import CameraPath, orbit, through_keyframes
from fluidsim.render.frame import Frame, SolidGrid
from fluidsim.render.liquids import LIQUIDS, LiquidLook
from fluidsim.render.pictures import default_camera, picture, save_picture
from fluidsim.render.stage import PRESETS
from fluidsim.render.surface import Surface, liquid_surface
from fluidsim.render.video import write_video

__all__ = [
    "LIQUIDS",
    "PRESETS",
    "Camera",
    "CameraPath",
    "Frame",
    "LiquidLook",
    "SolidGrid",
    "Surface",
    "default_camera",
    "liquid_surface",
    "orbit",
    "picture",
    "save_picture",
    "through_keyframes",
    "write_video",
]
