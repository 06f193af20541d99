"""Pressure systems of 25 kinds, some of them hopeless, made from a kind and a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from solvers import PoissonSystem
from tests.solvers.systems import Cells, box, generator, random_system


@dataclass(frozen=True)
class Draw:
    """A shape and random numbers for one system."""

    seed: int
    random: torch.Generator

    @property
    def shape(self) -> tuple[int, ...]:
        n = [int(torch.randint(6, 15, (1,), generator=generator(self.seed + k))) for k in range(3)]
        return (n[0] + 8, n[1] + 9) if self.seed % 2 else (n[0] - 2, n[1], n[2] - 1)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.random, dtype=torch.float64)

    def power(self, least: float, most: float) -> float:
        """10 to a random power."""
        return 10.0 ** float(least + (most - least) * self.uniform(1))


def _weighted(
    system: PoissonSystem, factor: Callable[[Tensor, int], Tensor], periodic: tuple[bool, ...] = ()
) -> PoissonSystem:
    """The system with its weights multiplied by a function of them and of the axis."""
    weights = [w.double() * factor(w, axis) for axis, w in enumerate(system.face_weights)]
    for axis, wraps in enumerate(periodic):
        if wraps:
            weights[axis].select(axis, -1).copy_(weights[axis].select(axis, 0))
    return PoissonSystem(tuple(weights), system.active, periodic)


def _lognormal(sigma: float) -> Callable[[Draw], PoissonSystem]:
    def make(draw: Draw) -> PoissonSystem:
        def noise(w: Tensor, _: int) -> Tensor:
            return torch.exp(sigma * torch.randn(w.shape, generator=draw.random).double())

        return _weighted(box(draw.shape, rim=1.0), noise)

    return make


def _jump(ratio: float, rim: float) -> Callable[[Draw], PoissonSystem]:
    """A block of another density."""

    def make(draw: Draw) -> PoissonSystem:
        density = torch.ones(draw.shape, dtype=torch.float64)
        density[tuple(slice(n // 3, n // 3 + 3) for n in draw.shape)] = ratio
        system = Cells.fluid(*draw.shape).system(density)
        for axis, w in enumerate(system.face_weights):
            w.select(axis, 0).fill_(rim)
        return system

    return make


def _slit(least: float, most: float) -> Callable[[Draw], PoissonSystem]:
    """A closed box but for one face."""

    def make(draw: Draw) -> PoissonSystem:
        system = box(draw.shape)
        system.face_weights[0].view(-1)[1] = draw.power(least, most)
        return system

    return make


def _rooms(least: float, most: float) -> Callable[[Draw], PoissonSystem]:
    """Rooms in a row, joined by a tiny face each; half of them open at the end."""

    def make(draw: Draw) -> PoissonSystem:
        system = box(draw.shape)
        for k in range(4, draw.shape[0] - 2, 4):
            wall = system.face_weights[0].select(0, k)
            wall.zero_()
            wall.view(-1)[int(draw.uniform(1) * wall.numel())] = draw.power(least, most)
        if draw.seed % 4 < 2:
            system.face_weights[0].select(0, -1).fill_(1.0)
        return system

    return make


def _periodic(draw: Draw) -> PoissonSystem:
    system = random_system(draw.shape, draw.seed)
    return _weighted(system, lambda w, _: 1.0 + 0.0 * w, (True,) + (False,) * (len(draw.shape) - 1))


def _periodic_closed(draw: Draw) -> PoissonSystem:
    return _weighted(
        box(draw.shape, 1.0), lambda w, _: draw.uniform(*w.shape), (True,) * len(draw.shape)
    )


def _anisotropic(ratio: float) -> Callable[[Draw], PoissonSystem]:
    return lambda draw: _weighted(box(draw.shape, 1.0), lambda w, axis: ratio if axis else 1.0)


def _scaled(least: float, most: float) -> Callable[[Draw], PoissonSystem]:
    def make(draw: Draw) -> PoissonSystem:
        factor = draw.power(least, most)
        return _weighted(random_system(draw.shape, draw.seed), lambda w, _: factor)

    return make


def _pockets(draw: Draw) -> PoissonSystem:
    cells = Cells.fluid(*draw.shape)
    cells.solid[draw.shape[0] // 2] = True
    cells.solid[..., 3] = True
    cells.air[: draw.shape[0] // 2, ..., -2:] = True
    return cells.system()


def _drops(draw: Draw) -> PoissonSystem:
    cells = Cells.fluid(*draw.shape)
    cells.air.copy_(draw.uniform(*draw.shape) > 0.4)
    return cells.system()


def _ghost_fluid(draw: Draw) -> PoissonSystem:
    """Weights up to a thousand towards air."""
    cells = Cells.fluid(*draw.shape)
    cells.air[..., draw.shape[-1] // 2 :] = True
    system = cells.system()
    face = system.face_weights[-1].select(-1, draw.shape[-1] // 2)
    face.copy_(1.0 / (1e-3 + draw.uniform(*face.shape)))
    return system


def _slivers(draw: Draw) -> PoissonSystem:
    """A tenth of the faces almost closed."""

    def factor(w: Tensor, _: int) -> Tensor:
        return torch.where(
            draw.uniform(*w.shape) < 0.1, 10.0 ** (-12 * draw.uniform(*w.shape)), 1.0
        )

    return _weighted(box(draw.shape, 1.0), factor)


def _porous_wall(draw: Draw) -> PoissonSystem:
    """Two rooms and between them a layer of cells of tiny weight."""
    density = torch.ones(draw.shape, dtype=torch.float64)
    density[draw.shape[0] // 2] = 1e8
    return Cells.fluid(*draw.shape).system(density)


def _float32(draw: Draw) -> PoissonSystem:
    return random_system(draw.shape, draw.seed, torch.float32)


def _maze(draw: Draw) -> PoissonSystem:
    cells = Cells.fluid(*draw.shape)
    cells.solid[1::2] = True
    cells.solid[1::4, ..., -1] = False
    cells.solid[3::4, ..., 0] = False
    return cells.system()


KINDS: dict[str, Callable[[Draw], PoissonSystem]] = {
    "closed": lambda draw: box(draw.shape),
    "open": lambda draw: box(draw.shape, rim=2.0),
    "random": lambda draw: random_system(draw.shape, draw.seed),
    "random float32": _float32,
    "pockets": _pockets,
    "drops": _drops,
    "ghost fluid": _ghost_fluid,
    "maze": _maze,
    "slivers": _slivers,
    "slit 1e-6": _slit(-7, -5),
    "slit 1e-10": _slit(-11, -8),
    "rooms 1e-6": _rooms(-8, -4),
    "rooms 1e-10": _rooms(-11, -9),
    "porous wall": _porous_wall,
    "jump 1e3": _jump(1e3, 1.0),
    "light 1e-6": _jump(1e-6, 1.0),
    "jump 1e12": _jump(1e12, 1.0),
    "jump closed": _jump(1e6, 0.0),
    "lognormal 2": _lognormal(2.0),
    "lognormal 8": _lognormal(8.0),
    "anisotropic 1e-3": _anisotropic(1e-3),
    "anisotropic 1e-6": _anisotropic(1e-6),
    "huge or tiny weights": _scaled(-140, 20),
    "periodic": _periodic,
    "periodic closed": _periodic_closed,
}


def generated(kind: str, seed: int) -> tuple[PoissonSystem, Tensor, Tensor | None]:
    """A system, a right-hand side and a guess: none, a good one, or one that is worse than none."""
    draw = Draw(seed, generator(seed))
    system = KINDS[kind](draw)
    rhs = torch.randn(system.shape, dtype=torch.float64, generator=draw.random)
    scale = (1.0, 1e-200, 1e150, 1e-280)[seed % 4] if seed % 3 == 0 else 1.0
    if system.floating.count and seed % 5 == 0:  # one part dwarfs the rest
        rhs = torch.where(system.floating.labels == 0, 1e12 * rhs, rhs)
    if seed % 6 == 1:
        rhs = rhs * (rhs.abs() > 2)  # almost everywhere 0
    other = torch.randn(system.shape, dtype=torch.float64, generator=draw.random)
    guess = None if seed % 2 else 10.0 ** (seed % 7 * 8) * other
    return system, scale * rhs, guess
