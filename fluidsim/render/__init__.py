"""Pictures and videos of frames: ray-traced water and smoke in 3D, flat pictures in 2D.

`fluidsim.taichi_runtime.start` must have been called before a picture is made.
"""

from fluidsim.render.camera import Camera
from fluidsim.render.frame import Frame, SolidGrid
from fluidsim.render.pictures import picture, save_picture
from fluidsim.render.surface import Surface, liquid_surface
from fluidsim.render.video import write_video

__all__ = [
    "Camera",
    "Frame",
    "SolidGrid",
    "Surface",
    "liquid_surface",
    "picture",
    "save_picture",
    "write_video",
]
