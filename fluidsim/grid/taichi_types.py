"""Types of the Taichi kernels: their flat arrays, and the kernels themselves."""

from collections.abc import Callable
from typing import Any

import taichi as ti

F32: Any = ti.types.ndarray(dtype=ti.f32, ndim=1)
F64: Any = ti.types.ndarray(dtype=ti.f64, ndim=1)
I32: Any = ti.types.ndarray(dtype=ti.i32, ndim=1)
I8: Any = ti.types.ndarray(dtype=ti.i8, ndim=1)

Kernel = Callable[..., Any]  # called from Python; compiles at its first call
Function = Callable[..., Any]  # called from kernels, into which it is inlined
VectorType = Any  # ti.types.vector of the grid's dimension
