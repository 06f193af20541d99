"""BLAS called from numba code: SciPy's own library, on parts of flat row-major arrays.

Calls are safe in parallel loops as long as BLAS itself uses one thread: make them inside
`one_thread()`. Matrices are row-major with a leading dimension; BLAS sees their transposes as
column-major. The arguments are flat, as in BLAS itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
import threadpoolctl
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

from solvers import kernel_cache  # noqa: F401

_ROUTINES = ("gemm", "syrk", "trsm")
_PREFIX = {np.dtype(np.float64): "d", np.dtype(np.float32): "s"}
_N, _T, _L, _U = (np.uint8(ord(letter)) for letter in "NTLU")


def one_thread() -> Any:
    """A context in which BLAS uses only the thread that calls it."""
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller() -> threadpoolctl.ThreadpoolController:
    import scipy.linalg.cython_blas  # noqa: F401  loads the library to be controlled

    return threadpoolctl.ThreadpoolController()


@cache
def addresses(dtype: np.dtype) -> np.ndarray:
    """Addresses of the float64 or float32 routines, int64, for the functions below."""
    module, prefix = "scipy.linalg.cython_blas", _PREFIX[np.dtype(dtype)]
    return np.array([get_cython_function_address(module, prefix + r) for r in _ROUTINES])


def _type_call(typingctx, address, pointers):
    """Call the C function at an address with pointers given as integers; it returns nothing."""
    signature = types.void(types.int64, pointers)

    def codegen(context, builder, signature, args):
        count = len(signature.args[1])
        pointer = ir.IntType(8).as_pointer()
        function = ir.FunctionType(ir.VoidType(), [pointer] * count).as_pointer()
        values = cgutils.unpack_tuple(builder, args[1], count)
        pointers = [builder.inttoptr(value, pointer) for value in values]
        builder.call(builder.inttoptr(args[0], function), pointers)
        return context.get_dummy_value()

    return signature, codegen


_call: Any = intrinsic(_type_call)


@numba.njit(cache=True)
def arguments(like):
    """Memory for the arguments of one thread's calls: letters, integers, and the numbers -1, 1."""
    numbers = np.ones(2, dtype=like.dtype)
    numbers[0] = -1.0
    return np.empty(4, dtype=np.uint8), np.empty(6, dtype=np.int32), numbers


@numba.njit(cache=True)
def _set(room, one, two, three, four, m, n, k, lda, ldb, ldc):
    letters, integers, _ = room
    letters[0], letters[1], letters[2], letters[3] = one, two, three, four
    integers[0], integers[1], integers[2] = m, n, k
    integers[3], integers[4], integers[5] = lda, ldb, ldc


@numba.njit(cache=True)
def subtract_product(routines, room, m, n, k, a, at_a, lda, b, at_b, ldb, c, at_c, ldc):
    """C -= A B^T; A (m, k), B (n, k), C (m, n) begin at at_a, at_b, at_c of flat arrays."""
    _set(room, _T, _N, _N, _N, n, m, k, ldb, lda, ldc)
    letter, integer, number = room[0].ctypes.data, room[1].ctypes.data, room[2].ctypes.data
    size = a.itemsize
    pointers = (
        *(letter, letter + 1, integer, integer + 4, integer + 8, number),
        *(b.ctypes.data + at_b * size, integer + 12, a.ctypes.data + at_a * size, integer + 16),
        *(number + size, c.ctypes.data + at_c * size, integer + 20),
    )
    _call(routines[0], pointers)


@numba.njit(cache=True)
def subtract_square(routines, room, n, k, a, at_a, lda, c, at_c, ldc):
    """C -= A A^T in the lower triangle of C (n, n); A is (n, k)."""
    _set(room, _U, _T, _N, _N, n, k, 0, lda, ldc, 0)
    letter, integer, number = room[0].ctypes.data, room[1].ctypes.data, room[2].ctypes.data
    size = a.itemsize
    pointers = (
        *(letter, letter + 1, integer, integer + 4, number),
        *(a.ctypes.data + at_a * size, integer + 12),
        *(number + size, c.ctypes.data + at_c * size, integer + 16),
    )
    _call(routines[1], pointers)


@numba.njit(cache=True)
def divide(routines, room, m, k, triangle, at_triangle, ldt, a, at_a, lda):
    """A := A L^-T with A (m, k) and the lower triangle L (k, k)."""
    _set(room, _L, _U, _T, _N, k, m, 0, ldt, lda, 0)
    letter, integer, number = room[0].ctypes.data, room[1].ctypes.data, room[2].ctypes.data
    size = a.itemsize
    pointers = (
        *(letter, letter + 1, letter + 2, letter + 3, integer, integer + 4, number + size),
        *(triangle.ctypes.data + at_triangle * size, integer + 12),
        *(a.ctypes.data + at_a * size, integer + 16),
    )
    _call(routines[2], pointers)
