# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""The operator of implicit viscosity: forces of the stress that a velocity causes."""

import functools
from typing import Any, NamedTuple

import taichi as ti
import torch
from torch import Tensor

from fluidsim.flow.strain import Strain, above, below
from fluidsim.flow.stress_torch import close_stress, close_velocity, forces_of, stress_as_defined
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain
from fluidsim.grid.taichi_types import F32, F64, I32, Kernel, VectorType


class ViscousOperator:
    """A = M + number B^T B on the free faces, with their masses M and the rates of strain B.

    A is symmetric positive definite. number: kinematic viscosity * dt / dx^2. Vectors are (n,)
    float64, one value per free face; `faces` (n,) int32 is its flat index in (dim, *nodes).
    """

    def __init__(self, strain: Strain, number: float | Tensor, grid: Grid) -> None:
        self.plain = are_plain(strain.factors)
        self.strain, self.number, self.grid = strain, number, grid
        self.faces = strain.free.view(-1).nonzero()[:, 0].to(torch.int32)
        self.mass = self.gather(strain.mass)
        self.program = kernels(grid.dim)
        # Points that stay 0, as values beyond the grid, lie before and after each component.
        self.pad = grid.strides[0]
        self.span = grid.node_count + self.pad
        device = strain.mass.device
        self._velocity = torch.zeros(self.pad + grid.dim * self.span, device=device).double()
        self._stress = torch.zeros(self.pad + grid.dim**2 * self.span, device=device).double()
        strained = (strain.factors != 0).flatten(2).any(0).any(0)
        self._places = strained.nonzero()[:, 0].to(torch.int32)
        self._strides = self.program.ivec(*grid.strides)
        nodes, count = grid.nodes, grid.node_count
        parts = self._velocity[self.pad :].view(grid.dim, self.span)[:, :count]
        self._components = parts.unflatten(1, nodes)
        parts = self._stress[self.pad :].view(grid.dim, grid.dim, self.span)[..., :count]
        self._samples = parts.unflatten(2, nodes)

    def gather(self, field: Tensor) -> Tensor:
        """The values (n,) float64 of a face field (dim, *nodes) on the free faces."""
        return field.reshape(-1)[self.faces].double()

    def apply(self, x: Tensor) -> Tensor:
        """The product A x."""
        if not self.plain or isinstance(self.number, Tensor):
            velocity = torch.zeros_like(self.strain.mass, dtype=torch.float64)
            velocity.view(-1)[self.faces] = x
            stress = stress_as_defined(velocity, self.strain.factors, self.grid)
            return self.mass * x - self.number * self.gather(forces_of(stress, self.grid))
        grid, program = self.grid, self.program
        result = torch.empty_like(x)
        program.put(x, self.faces, self._velocity, grid.node_count, self.span, self.pad)
        self._find_stress()
        program.resist(
            x, self.mass, self._stress, self.faces, result, self._strides, grid.node_count,
            self.span, self.pad, self.number,
        )  # fmt: skip
        return result

    def diagonal(self) -> Tensor:
        """The diagonal of A, (n,)."""
        squares = self.strain.factors**2
        total = torch.zeros_like(self.strain.mass)
        for i in range(self.grid.dim):
            for j in range(self.grid.dim):
                other = below if i == j else above
                total[i] += squares[i, j] + other(squares[i, j], j, 0.0, self.grid)
        return self.mass + self.number * self.gather(total)

    def forces(self, velocity: Tensor) -> Tensor:
        """-B^T (B u + drive), (dim, *nodes) float64, m/s, on all faces on which the stress acts.

        velocity: (dim, *nodes), m/s, 0 on faces of neither fluid nor walls. The force on a face, N,
        is the result times number * density * dx^dim / dt.
        """
        dim, stress = self.grid.dim, self._samples
        if self.plain and not velocity.requires_grad:
            self._components.copy_(velocity)
            self._find_stress()
            self._components.zero_()
        else:
            velocity = velocity.to(torch.float64, copy=True)
            stress = stress_as_defined(velocity, self.strain.factors, self.grid)
        if self.strain.drive is not None:
            factors, drive = self.strain.factors, self.strain.drive
            for i in range(dim):
                for j in range(dim):
                    stress[i, j] += factors[i, j] * drive[min(i, j), max(i, j)]
        return forces_of(stress, self.grid)

    def _find_stress(self) -> None:
        close_velocity(self._components, self.grid)
        self.program.find_stress(
            self._velocity, self.strain.factors.view(-1), self._stress, self._places,
            self._strides, self.grid.node_count, self.span, self.pad,
        )  # fmt: skip
        close_stress(self._samples, self.grid)


class StressKernels(NamedTuple):
    """put: a vector into a face field. find_stress: from that field. resist: the stress's force."""

    ivec: VectorType
    put: Kernel
    find_stress: Kernel
    resist: Kernel


@functools.cache
def kernels(dim: int) -> StressKernels:
    """Loops over lists of free faces and of strained points; see Strain for the samples. They take
    flat arguments, all passed by `ViscousOperator`."""
    ivec: Any = ti.types.vector(dim, ti.i32)

    @ti.kernel
    def put(x: F64, faces: I32, velocity: F64, nodes: ti.i32, span: ti.i32, pad: ti.i32):
        for n in range(faces.shape[0]):
            component = faces[n] // nodes
            velocity[pad + component * span + faces[n] - component * nodes] = x[n]

    @ti.kernel
    def find_stress(velocity: F64, factors: F32, stress: F64, places: I32, strides: ivec,
                    nodes: ti.i32, span: ti.i32, pad: ti.i32):  # fmt: skip
        """stress[i, j] = factors[i, j] * sample (i, j) of the strain."""
        for n in range(places.shape[0]):
            k = places[n]
            for i in ti.static(range(dim)):
                at = pad + i * span + k
                own = ti.cast(factors[i * (dim + 1) * nodes + k], ti.f64)
                difference = velocity[at + strides[i]] - velocity[at]
                stress[pad + i * (dim + 1) * span + k] = own * own * difference
                for j in ti.static(range(i + 1, dim)):
                    other = pad + j * span + k
                    first = ti.cast(factors[(i * dim + j) * nodes + k], ti.f64)
                    second = ti.cast(factors[(j * dim + i) * nodes + k], ti.f64)
                    sample = first * (velocity[at] - velocity[at - strides[j]])
                    sample += second * (velocity[other] - velocity[other - strides[i]])
                    stress[pad + (i * dim + j) * span + k] = first * sample
                    stress[pad + (j * dim + i) * span + k] = second * sample

    @ti.kernel
    def resist(x: F64, mass: F64, stress: F64, faces: I32, result: F64, strides: ivec,
               nodes: ti.i32, span: ti.i32, pad: ti.i32, number: ti.f64):  # fmt: skip
        for n in range(faces.shape[0]):
            component = faces[n] // nodes
            k = pad + faces[n] - component * nodes
            total = ti.cast(0.0, ti.f64)
            for i in ti.static(range(dim)):
                if component == i:
                    for j in ti.static(range(dim)):
                        at = (i * dim + j) * span + k
                        if ti.static(i == j):
                            total += stress[at - strides[j]] - stress[at]
                        else:
                            total += stress[at] - stress[at + strides[j]]
            result[n] = mass[n] * x[n] + number * total

    return StressKernels(ivec, put, find_stress, resist)
