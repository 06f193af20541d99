"""Faces inside solids: velocities that slide along the wall, for interpolation near it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid

FLAT = 1e-6  # a smaller slope of the distance has no direction
DEPTH = 3.0  # cells: no interpolation reads faces that lie deeper inside a solid


@dataclass(frozen=True, eq=False)
class SlipFaces:
    """The n closed faces inside solids, and what their velocities depend on.

    faces: (n,) int64, flat index in a face field (dim, *nodes). axes: (n,) int64, the axis of each.
    normals: (n, dim), out of the solid. around: (n, dim, 4) int64, faces over which each component
    of the velocity is averaged.
    """

    faces: Tensor
    axes: Tensor
    normals: Tensor
    around: Tensor

    @classmethod
    def of(cls, closed: Tensor, distance: Tensor, grid: Grid) -> SlipFaces:
        """closed: (dim, *nodes) bool, faces inside solids. distance: (*nodes), m."""
        parts = [_faces_of(axis, closed, distance, grid) for axis in range(grid.dim)]
        return cls(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))

    def apply(self, velocity: Tensor, solid: Tensor, open_faces: Tensor) -> None:
        """Remove the velocity into or out of the solid at these faces, in place.

        velocity, solid: (dim, *nodes), m/s, of the flow and of the solids. open_faces: (dim,
        *nodes), the open part of each face; faces with one are left alone.
        """
        if len(self.faces) == 0:
            return
        flat = velocity.view(-1)
        excess = flat[self.around].mean(-1) - solid.view(-1)[self.around].mean(-1)
        along = (excess * self.normals).sum(1) * self.normals.gather(1, self.axes[:, None])[:, 0]
        own = excess.gather(1, self.axes[:, None])[:, 0] + solid.view(-1)[self.faces] - along
        opened = open_faces.view(-1)[self.faces] > 0
        flat[self.faces] = torch.where(opened, flat[self.faces], own)


def _faces_of(
    axis: int, closed: Tensor, distance: Tensor, grid: Grid
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The values of `faces`, `axes`, `normals` and `around` for one axis."""
    dim, device = grid.dim, distance.device
    strides = torch.tensor(grid.strides, device=device)
    top = torch.tensor(grid.shape, device=device)
    unit = torch.eye(dim, dtype=torch.int64, device=device)
    places = grid.faces(closed, axis).nonzero()
    corners = torch.tensor(
        [
            [0 if k == axis else offset[k] for k in range(dim)]
            for offset in itertools.product((0, 1), repeat=dim)
            if offset[axis] == 0
        ],
        device=device,
    )
    values = distance.reshape(-1)

    def within(moved: Tensor, last: Tensor) -> Tensor:
        """Indices (n, dim) brought back into the grid: wrapped if the axis is periodic."""
        return moved % top if axis in grid.periodic else torch.minimum(moved.clamp(min=0), last)

    def on_face(shift: int) -> Tensor:
        """Distances (n, corners) at the corners of the faces `shift` cells up the axis."""
        moved = within(places + shift * unit[axis], top)
        return values[((moved[:, None] + corners) * strides).sum(-1)]

    here = on_face(0)
    near = here.mean(1) > -DEPTH * grid.dx
    places, here = places[near], here[near]
    slope = torch.zeros((len(places), dim), device=device)
    slope[:, axis] = (on_face(1) - on_face(-1)).mean(1) / 2
    for k in range(dim):
        if k != axis:
            upper = corners[:, k] == 1
            slope[:, k] = here[:, upper].mean(1) - here[:, ~upper].mean(1)
    steep = slope.norm(dim=1, keepdim=True) > FLAT * grid.dx  # elsewhere the normal is held fixed
    normals = torch.nn.functional.normalize(torch.where(steep, slope, slope.detach()), dim=1)
    start = (places * strides).sum(1)
    faces = axis * grid.node_count + start
    around = faces[:, None, None].repeat(1, dim, 4)
    for k in range(dim):
        if k == axis:
            continue
        for number, (below, above) in enumerate(itertools.product((0, 1), repeat=2)):
            cells = places - below * unit[axis]
            cells = within(cells, top - unit[axis]) + above * unit[k]
            around[:, k, number] = k * grid.node_count + (cells * strides).sum(1)
    return faces, torch.full_like(faces, axis), normals, around
