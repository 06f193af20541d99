"""Contacts of rigid bodies with walls, solids and each other: impulses at points of their surfaces.

A contact is a point of one surface that would enter another solid within the step. Impulses keep it
outside, with Newton's restitution and Coulomb's friction; they are found by projected Gauss-Seidel
sweeps over all contacts (Catto 2005, "Iterative dynamics with temporal coherence"; Bender, Erleben
& Trinkle 2014, "Interactive simulation of rigid body dynamics in computer graphics", section 4).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fluidsim.bodies.body import Body, rows_of
from fluidsim.bodies.mass import gradient
from fluidsim.solid.boundary import side_name
from fluidsim.solid.solids import Solids

SWEEPS = 40
MOST = {2: 2, 3: 4}  # points of contact between two solids that count: the deepest, then far ones
PUSHED_OUT = 0.2  # part of an overlap that is undone in a step
CLEAR = 0.02  # cells that remain between bodies and walls, so that no face is closed by chance


@dataclass(frozen=True, eq=False)
class Contact:
    """point, normal (dim,): where, m, and the direction out of the other solid. gap: m. body,
    other: numbers of the bodies, -1 for what they cannot move. speed (dim,): of the other solid
    where it is no body, m/s. restitution, friction: of the pair."""

    point: np.ndarray
    normal: np.ndarray
    gap: float
    body: int
    other: int
    speed: np.ndarray
    restitution: float
    friction: float


class Contacts:
    """The contacts of bodies in one step.

    mass: (n, n), of all bodies. slow: m/s, hits below this speed do not bounce. dt: of the step, s.
    """

    def __init__(
        self, bodies: list[Body], solids: Solids, mass: np.ndarray, slow: float, dt: float
    ) -> None:
        self.bodies, self.solids, self.mass, self.slow, self.dt = bodies, solids, mass, slow, dt
        self.size = len(mass) // len(bodies)

    def resolved(self, twists: np.ndarray) -> np.ndarray:
        """The twists (n,) after the contacts that they would lead to; the same ones if there are
        none."""
        found = list(self._found(twists.reshape(-1, self.size)))
        if not found:
            return twists
        rows = np.stack([self._rows(each) for each in found])  # (contacts, dim, n)
        given = np.stack([self._bases(each) @ each.speed for each in found])
        before = rows @ twists - given
        least = np.array([self._least(each, speed) for each, speed in zip(found, before[:, 0])])  # noqa: B905
        if (before[:, 0] >= least).all():
            return twists
        weighted = np.linalg.solve(self.mass, rows.reshape(-1, twists.size).T)
        weighted = weighted.T.reshape(rows.shape)
        mobility = np.einsum("cdn,cdn->cd", rows, weighted)
        impulses = np.zeros_like(before)
        after = twists.copy()
        for _ in range(SWEEPS):
            for k, each in enumerate(found):
                speed = rows[k] @ after - given[k]
                old = impulses[k].copy()
                new = old - speed / mobility[k]
                new[0] = max(0.0, old[0] + (least[k] - speed[0]) / mobility[k, 0])
                along, most = float(np.linalg.norm(new[1:])), each.friction * new[0]
                if along > most:
                    new[1:] *= most / along
                impulses[k] = new
                after += (new - old) @ weighted[k]
        return after

    def _least(self, contact: Contact, speed: float) -> float:
        """The least speed out of the other solid after a contact, m/s."""
        room = contact.gap - CLEAR * self.solids.grid.dx
        least = -room / self.dt if room > 0 else -PUSHED_OUT * room / self.dt
        return max(least, -contact.restitution * speed) if speed < -self.slow else least

    def _bases(self, contact: Contact) -> np.ndarray:
        """Orthonormal rows (dim, dim), the normal first."""
        start = np.column_stack((contact.normal, np.eye(len(contact.normal))))
        basis = np.linalg.qr(start)[0].T
        return basis * np.sign(basis[0] @ contact.normal)

    def _rows(self, contact: Contact) -> np.ndarray:
        """What takes all twists to the velocity of a contact along its basis, (dim, n)."""
        axes = self._bases(contact)
        rows = np.zeros((len(axes), len(self.bodies), self.size))
        for number, sign in ((contact.body, 1.0), (contact.other, -1.0)):
            if number >= 0:
                arm = contact.point - self.bodies[number].centre
                rows[:, number] += sign * rows_of(np.tile(arm, (len(axes), 1)), axes)
        return rows.reshape(len(axes), -1)

    def _found(self, twists: np.ndarray) -> Iterator[Contact]:
        surfaces = [body.surface() for body in self.bodies]
        for number, points in enumerate(surfaces):
            reach = self._reach(number, twists[number])
            yield from self._with_walls(number, points, reach)
            yield from self._with_solids(number, points, reach)
        for a, b in itertools.permutations(range(len(self.bodies)), 2):
            one, two = self.bodies[a], self.bodies[b]
            reach = self._reach(a, twists[a]) + self._reach(b, twists[b])
            if np.linalg.norm(one.centre - two.centre) < one.radius + two.radius + reach:
                yield from self._chosen(a, b, surfaces[a], two.distance, reach)

    def _with_walls(self, number: int, points: np.ndarray, reach: float) -> Iterator[Contact]:
        """With the closed sides of the domain."""
        extent, dim = self.solids.grid.whole.extent, points.shape[1]
        for axis, upper in itertools.product(range(dim), (False, True)):
            if side_name(axis, upper, dim) in self.solids.boundary.open_sides:
                continue
            gaps = extent[axis] - points[:, axis] if upper else points[:, axis]
            normal = np.zeros(dim)
            normal[axis] = -1.0 if upper else 1.0
            for k in _far_apart(points, gaps, reach):
                yield self._contact(points[k], normal, float(gaps[k]), number, -1)

    def _with_solids(self, number: int, points: np.ndarray, reach: float) -> Iterator[Contact]:
        """With solids that rest or move along a path."""
        solids = self.solids
        if solids.static is not None:
            static = solids.static
            yield from self._chosen(number, -1, points, lambda x, _: static.distance(x), reach)
        for each in solids.moving:
            if not isinstance(each, Body):
                for contact in self._chosen(
                    number, -1, points, each.distance, reach + solids.grid.dx
                ):
                    at = torch.from_numpy(contact.point).float()
                    contact.speed[:] = each.velocity_at(at, solids.time).numpy()
                    yield contact

    def _chosen(
        self, body: int, other: int, points: np.ndarray,
        distance: Callable[[Tensor, float], Tensor], reach: float,
    ) -> Iterator[Contact]:  # fmt: skip
        """Contacts of points of a body with a solid of that distance."""
        places = torch.from_numpy(points).float()
        time = self.solids.time
        gaps = distance(places, time).double().numpy()
        chosen = _far_apart(points, gaps, reach)
        if len(chosen) == 0:
            return
        step = 0.05 * self.solids.grid.dx
        normals = gradient(lambda x: distance(x, time), places[chosen], step).double().numpy()
        for k, normal in zip(chosen, normals, strict=True):
            if np.linalg.norm(normal) > 0.5:
                yield self._contact(points[k], normal, float(gaps[k]), body, other)

    def _contact(
        self, point: np.ndarray, normal: np.ndarray, gap: float, body: int, other: int
    ) -> Contact:
        first = self.bodies[body].described
        second = first if other < 0 else self.bodies[other].described
        restitution = max(first.restitution, second.restitution)
        friction = (first.friction * second.friction) ** 0.5
        speed = np.zeros(len(point))
        return Contact(point, normal, gap, body, other, speed, restitution, friction)

    def _reach(self, number: int, twist: np.ndarray) -> float:
        """How far from a body something at rest that it touches in this step may be, m."""
        dim = self.solids.grid.dim
        turning = np.linalg.norm(twist[dim:]) * self.bodies[number].radius
        speed = np.linalg.norm(twist[:dim]) + turning
        return float(speed) * self.dt + 0.1 * self.solids.grid.dx


def _far_apart(points: np.ndarray, gaps: np.ndarray, reach: float) -> list[int]:
    """Of the points (n, dim) with a gap below `reach` the deepest, then those farthest from the
    ones chosen, MOST in all."""
    near = np.flatnonzero(gaps < reach)
    if len(near) == 0:
        return []
    chosen = [int(near[np.argmin(gaps[near])])]
    away = np.full(len(near), np.inf)
    while len(chosen) < min(MOST[points.shape[1]], len(near)):
        away = np.minimum(away, ((points[near] - points[chosen[-1]]) ** 2).sum(1))
        if not away.max() > 0:
            break
        chosen.append(int(near[np.argmax(away)]))
    return chosen
