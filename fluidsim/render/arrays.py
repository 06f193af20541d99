"""The array and vector types that the kernels of the renderer take."""

from typing import Any

import taichi as ti

vec2: Any = ti.math.vec2
vec3: Any = ti.math.vec3
Volume: Any = ti.types.ndarray(dtype=ti.f32, ndim=3)  # scalars on nodes or cells
VectorVolume: Any = ti.types.ndarray(dtype=ti.math.vec3, ndim=3)
Map: Any = ti.types.ndarray(dtype=ti.f32, ndim=2)  # scalars on pixels or on points of the floor
VectorMap: Any = ti.types.ndarray(dtype=ti.math.vec2, ndim=2)
Image: Any = ti.types.ndarray(dtype=ti.math.vec3, ndim=2)  # rows and columns of colours
Marks: Any = ti.types.ndarray(dtype=ti.u8, ndim=3)
Places: Any = ti.types.ndarray(dtype=ti.math.vec2, ndim=1)  # on the picture or on the floor
Seen: Any = ti.types.ndarray(dtype=ti.math.vec4, ndim=1)  # a colour and a distance for each ray
