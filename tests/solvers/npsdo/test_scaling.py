"""The scaling that lets a network for weights 1 serve any weights."""

from __future__ import annotations

import torch

from solvers.model_systems import model_system
from solvers.npsdo.scaling import scaling, unlike
from solvers.system import PoissonSystem


def _cut(dim: int) -> PoissonSystem:
    """A closed box whose faces near one side are open in part, each cell having one whole face."""
    system = model_system("smoke", (12,) * dim).system
    weights = [w.clone() for w in system.face_weights]
    weights[0][3] *= 0.1
    return PoissonSystem(tuple(weights), system.active)


def test_equal_weights_become_one(dim: int) -> None:
    system = model_system("dam", (10,) * dim).system
    scaled = PoissonSystem(tuple(0.04 * w for w in system.face_weights), system.active)
    expected = torch.where(system.diagonal() > 0, 5.0, 0.0).double()
    assert torch.allclose(scaling(scaled), expected)


def test_constants_pass_cut_cells(dim: int) -> None:
    system = _cut(dim)
    scale = scaling(system)
    assert torch.equal(scale, system.active.double())
    assert float((scale * system.apply(scale)).abs().max()) < 1e-12


def test_jumps_of_density_become_weights_about_one(dim: int) -> None:
    system = model_system("box", (12,) * dim).system
    weights = [w.clone() for w in system.face_weights]
    for w in weights:
        w[:6] *= 1e-3
    jump = PoissonSystem(tuple(weights), system.active)
    diagonal = (scaling(jump) ** 2 * jump.diagonal())[system.active]
    assert float(diagonal.min()) > 0.9 and float(diagonal.max()) <= 2 * dim + 1e-9


def test_stiff_surfaces_do_not_exceed_the_number_of_faces(dim: int) -> None:
    system = model_system("box", (8,) * dim).system
    weights = [w.clone() for w in system.face_weights]
    weights[-1][..., 1] *= 1000.0
    stiff = PoissonSystem(tuple(weights), system.active)
    diagonal = (scaling(stiff) ** 2 * stiff.diagonal())[system.active]
    assert float(diagonal.max()) <= 2 * dim + 1e-9


def test_cut_cells_are_unlike(dim: int) -> None:
    system = _cut(dim)
    cut = torch.zeros_like(system.active)
    cut[2:4] = True
    assert torch.equal(unlike(system, scaling(system)), cut)


def test_equal_weights_are_alike(dim: int) -> None:
    system = model_system("splash", (14,) * dim).system
    scaled = PoissonSystem(tuple(0.04 * w for w in system.face_weights), system.active)
    assert not bool(unlike(scaled, scaling(scaled)).any())
