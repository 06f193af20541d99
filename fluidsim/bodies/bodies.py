"""All rigid bodies of a simulation: their part in each step."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from fluidsim.bodies.body import Body
from fluidsim.bodies.contacts import Contacts
from fluidsim.bodies.coupling import Coupled
from fluidsim.bodies.faces import BodyFaces
from fluidsim.bodies.wall_pressure import wall_forces
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.report import FrameReport
from fluidsim.solid.shapes import Vector
from fluidsim.solid.solids import Solids


class Bodies:
    """The rigid bodies among the moving solids of a simulation.

    accelerations: (n,), of all twists in a row: by the pressure of the last step, m/s^2, rad/s^2.
    """

    def __init__(self, bodies: list[Body], solids: Solids, density: float) -> None:
        """density: of the fluid, kg/m^3."""
        self.bodies = bodies
        self.density = density
        self.solids = solids
        self.accelerations = np.zeros_like(self._twists())
        self._coupled: Coupled | None = None
        self._seconds = 0.0

    @classmethod
    def among(cls, solids: Solids, density: float) -> Bodies | None:
        """None if there are none."""
        bodies = [each for each in solids.moving if isinstance(each, Body)]
        return cls(bodies, solids, density) if bodies else None

    def couple(self, domain: FlowDomain, gravity: Vector, push: float, dt: float) -> FlowDomain:
        """The domain with the bodies in it, for a projection over `push` seconds, after which all
        moves on for `dt` seconds.

        Gravity acts, and for the right-hand side the bodies move as if the flow did to them what it
        did before; their faces in `domain.solid_velocity` are set to that.
        """
        for body in self.bodies:
            if not self._is_gone(body):
                body.velocity = body.velocity + push * np.array(gravity)
        wanted = self._twists()
        faces = BodyFaces.of(self._owned(domain), self.bodies, domain.open_faces, self.solids.grid)
        mass = np.asarray(scipy.linalg.block_diag(*(b.mass_matrix() for b in self.bodies)))
        touch = Contacts(self.bodies, self.solids, mass, 2 * push * math.hypot(*gravity), dt)
        wet = len(faces.faces) > 0
        assumed = wanted + wet * push * self.accelerations
        known = push * wall_forces(
            faces, self.bodies, domain.fluid, self.accelerations, self.density
        )
        self._coupled = Coupled(faces, domain, mass, wanted, assumed, known, touch.resolved)
        self._seconds = push
        return replace(domain, bodies=self._coupled)

    def advance(self, time: float, dt: float, report: FrameReport) -> None:
        """Move on for `dt` seconds from `time`, s, with the solution of the projection; the report
        tells where to."""
        assert self._coupled is not None
        size = len(self._coupled.twists) // len(self.bodies)
        for body, twist in zip(self.bodies, self._coupled.twists.reshape(-1, size), strict=True):
            body.set_twist(twist)
            if self._is_gone(body):
                body.stop()
            body.advance(dt)
        self.accelerations = self._coupled.pushed / self._seconds
        self._coupled = None
        self.solids.update(time + dt)
        report.bodies = list(map(self._told, self.bodies, self._forces()))

    def state(self) -> dict[str, Tensor]:
        """What `restore` needs."""
        rows = np.stack([body.state() for body in self.bodies])
        accelerations = self.accelerations.reshape(len(self.bodies), -1)
        return {"bodies": torch.from_numpy(np.hstack((rows, accelerations)))}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Return to a `state`. Raises ValueError if it is of other bodies."""
        rows = state["bodies"].cpu().numpy()
        if rows.shape != self.state()["bodies"].shape:
            raise ValueError("the rigid bodies are others")
        own = rows.shape[1] - len(self.accelerations) // len(self.bodies)
        for body, row in zip(self.bodies, rows, strict=True):
            body.restore(row[:own])
        self.accelerations = rows[:, own:].ravel().copy()

    def _forces(self) -> np.ndarray:
        """By the pressure of the last step, (bodies, dim), N."""
        accelerations = self.accelerations.reshape(len(self.bodies), -1)
        masses = np.array([body.mass for body in self.bodies])
        return masses[:, None] * accelerations[:, : self.solids.grid.dim]

    def _told(self, body: Body, force: np.ndarray) -> dict[str, list[float]]:
        """What the log says of a body."""
        told = {
            "position": body.centre,
            "rotation": body.rotation.ravel(),
            "velocity": body.velocity,
            "angular_velocity": body.angular_velocity,
            "force": force,
        }
        return {name: values.tolist() for name, values in told.items()}

    def _twists(self) -> np.ndarray:
        return np.concatenate([body.twist for body in self.bodies])

    def _is_gone(self, body: Body) -> bool:
        """Whether a body has left the domain, by an open side: it then stays where it is."""
        extent = np.array(self.solids.grid.whole.extent)
        return bool((np.maximum(-body.centre, body.centre - extent) > body.radius).any())

    def _owned(self, domain: FlowDomain) -> list[Tensor]:
        """The places (n, 1 + dim) of each body's faces: those in part closed, beside fluid, to
        which no other solid is nearer."""
        grid, solids = self.solids.grid, self.solids
        found = []
        for axis in range(grid.dim):
            fluid = torch.nn.functional.pad(
                domain.fluid, [int(k == axis) for k in reversed(range(grid.dim)) for _ in range(2)]
            )
            n = grid.shape[axis]
            beside = fluid.narrow(axis, 0, n + 1) | fluid.narrow(axis, 1, n + 1)
            opened, walls = (grid.faces(each, axis) for each in (domain.open_faces, solids.walls))
            index = (beside & (opened < 1) & ~walls).nonzero()
            found.append(torch.nn.functional.pad(index, (1, 0), value=axis))
        places = torch.cat(found)
        shift = 0.5 * (1 - torch.eye(grid.dim, device=places.device))[places[:, 0]]
        points = grid.metres(places[:, 1:] + shift)
        centres = torch.stack([points.new_tensor(body.centre) for body in self.bodies])
        reach = points.new_tensor([body.radius for body in self.bodies]) + 2 * grid.dx
        near = (torch.cdist(points, centres) < reach).any(1)
        places, points = places[near], points[near]
        others = [each for each in solids.moving if not isinstance(each, Body)]
        distances = [each.distance(points, solids.time) for each in (*self.bodies, *others)]
        if solids.static is not None:
            distances.append(solids.static.distance(points))
        nearest = torch.stack(distances).argmin(0)
        return [places[nearest == number] for number in range(len(self.bodies))]
