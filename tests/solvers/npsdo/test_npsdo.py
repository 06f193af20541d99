import math

import numpy as np
import pytest
import torch
from torch import nn

import solvers
from solvers import PoissonSystem
from solvers.npsdo import solver as npsdo
from solvers.npsdo import weights
from solvers.npsdo.data import Split, held_out
from solvers.npsdo.engine.stencils import Stencils
from solvers.npsdo.networks import SymmetricCycle
from tests.solvers.npsdo.test_engine import SIZES, random_image
from tests.solvers.systems import CASES, Cells, box, generator, random_rhs, random_system

NAMES = ("npsdo", "npsdo-paper", "fluidnet", "dcdm")
DESCENTS = NAMES[1:]
# Mean and most iterations of the shipped weights, by name and dimension.
CEILINGS = {
    ("npsdo", 2): (9, 11),
    ("npsdo", 3): (10, 12),
    ("npsdo-paper", 2): (21, 40),
    ("npsdo-paper", 3): (16, 22),
    ("fluidnet", 2): (60, 100),
    ("fluidnet", 3): (35, 55),
    ("dcdm", 2): (28, 40),
    ("dcdm", 3): (44, 65),
}


@pytest.fixture
def untrained(dim, tmp_path):
    """Files of untrained weights by name of the solver."""
    paths = {name: tmp_path / f"{name}.safetensors" for name in NAMES}
    for name, path in paths.items():
        weights.save(path, weights.untrained(name, dim), {})
    return paths


def sabotage(network: nn.Module, how: str) -> nn.Module:
    for name, parameter in network.named_parameters():
        if how == "zeroed":
            parameter.zero_()
        elif how == "not finite":
            parameter.fill_(math.nan)
        elif name != "log_gain":
            parameter.neg_()
    if how == "turned round" and isinstance(network, SymmetricCycle):
        # The transfers occur twice: what is negative is the smoother alone, made to rule.
        network.log_gain.fill_(-20.0)
    return network


def test_tight_tolerance_is_reached(case):
    solution = solvers.solve(case, random_rhs(case), "npsdo", rtol=1e-12)
    assert solution.relative_residual <= 1e-12


@pytest.mark.parametrize("solver", DESCENTS)
@pytest.mark.parametrize("name", ["closed_pocket", "free_surface", "thin_grid"])
def test_tight_tolerance_is_reached_by_descents(dim, name, solver):
    system = CASES[name](dim)
    solution = solvers.solve(system, random_rhs(system), solver, rtol=1e-12)
    assert solution.relative_residual <= 1e-12


@pytest.mark.parametrize("seed", range(50))
def test_untrained_cycle_converges_on_random_images(dim, seed, untrained):
    system = random_image(SIZES[dim][seed % 3], seed)
    options = {"weights": untrained["npsdo"]}
    solution = solvers.solve(system, random_rhs(system), "npsdo", **options)
    assert solution.iterations <= 80
    assert solution.notes == ""


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", NAMES)
def test_random_masks_and_weights(dim, seed, name):
    system = random_system(SIZES[dim][seed % 3], seed)
    solution = solvers.solve(system, random_rhs(system), name, rtol=1e-10)
    assert solution.relative_residual <= 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 200))
@pytest.mark.parametrize("name", NAMES)
def test_many_random_masks_and_weights(dim, seed, name):
    test_random_masks_and_weights(dim, seed, name)


@pytest.mark.parametrize(
    "name", [*NAMES[:2], *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[2:])]
)
def test_shipped_weights_on_systems_never_seen(dim, name):
    problems = held_out(Split.TEST, dim, [64 if dim == 2 else 32], [], seed=0)
    counts = [solvers.solve(each.system, each.rhs[0], name).iterations for each in problems]
    mean, most = CEILINGS[name, dim]
    assert sum(counts) / len(counts) <= mean and max(counts) <= most


def test_engines_agree(case, untrained):
    rhs = random_rhs(case)
    options = {"weights": untrained["npsdo"], "rtol": 1e-8}
    kernels = solvers.solve(case, rhs, "npsdo", engine="numba", **options)
    definition = solvers.solve(case, rhs, "npsdo", engine="torch", **options)
    assert abs(kernels.iterations - definition.iterations) <= 2
    difference = torch.linalg.vector_norm(kernels.pressure - definition.pressure)
    assert difference <= 1e-6 * torch.linalg.vector_norm(definition.pressure)


def test_density_jump_converges(dim, untrained):
    """A drop in a gas 1000 times lighter, in a closed box."""
    shape = (48, 40) if dim == 2 else (20, 16, 18)
    density = torch.ones(shape, dtype=torch.float64)
    density[5:14, 6:15] = 1000.0
    system = Cells.fluid(*shape).system(density)
    options = {"weights": untrained["npsdo"], "rtol": 1e-9}
    solution = solvers.solve(system, random_rhs(system), "npsdo", **options)
    assert solution.iterations <= 120


def test_fractions_of_faces_converge(dim, untrained):
    """Weights as cut cells have them: most 1, those beside solids anything between 0 and 1."""
    system = random_image(SIZES[dim][2], 6)
    random = generator(0)
    faces = tuple(
        w * torch.where(torch.rand(w.shape, generator=random) < 0.2, torch.rand(w.shape), 1.0)
        for w in system.face_weights
    )
    cut = PoissonSystem(faces, system.active)
    options = {"weights": untrained["npsdo"], "rtol": 1e-9}
    assert solvers.solve(cut, random_rhs(cut), "npsdo", **options).iterations <= 80


def test_cut_cells_cost_few_iterations(dim):
    """A wall that leaves little of its faces open: their cells have a small diagonal."""
    plain = box((64, 64) if dim == 2 else (24, 24, 24), rim=1.0)
    weights = tuple(w.clone() for w in plain.face_weights)
    for axis in range(1, dim):
        weights[axis].select(0, 20).mul_(0.02)
    cut = PoissonSystem(weights, plain.active)
    counts = [solvers.solve(each, random_rhs(each), "npsdo").iterations for each in (plain, cut)]
    assert counts[1] <= counts[0] + 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_scale_of_weights_and_rhs_does_not_matter(dim, scale, name, untrained):
    plain = CASES["free_surface"](dim)
    scaled = PoissonSystem(tuple(scale * w for w in plain.face_weights), plain.active)
    rhs = random_rhs(plain)
    options = {"weights": untrained[name]}
    expected = solvers.solve(plain, rhs, name, **options)
    solution = solvers.solve(scaled, rhs / scale, name, **options)
    assert abs(solution.iterations - expected.iterations) <= 1
    difference = torch.linalg.vector_norm(solution.pressure * scale**2 - expected.pressure)
    assert difference <= 1e-4 * torch.linalg.vector_norm(expected.pressure)


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("how", ["zeroed", "turned round", "not finite"])
def test_sabotaged_cycle_still_gives_the_answer(dim, how, engine, monkeypatch):
    network = sabotage(weights.untrained("npsdo", dim), how)
    assert isinstance(network, SymmetricCycle)
    monkeypatch.setattr(npsdo, "_loaded", lambda *_: (network, Stencils.of(network)))
    system = CASES["free_surface"](dim)
    rhs = random_rhs(system)
    solution = solvers.solve(system, rhs, "npsdo", engine=engine, rtol=1e-10)
    expected = solvers.solve(system, rhs, "direct", rtol=1e-12)
    assert torch.allclose(solution.pressure, expected.pressure, rtol=1e-7, atol=1e-9)
    assert "trained cycle" in solution.notes and "\n" not in solution.notes
    reason = {"not finite": "not finite", "turned round": "no direction of descent"}.get(how)
    assert (reason or "no direction of descent") in solution.notes
    assert len(solution.residual_history) == solution.iterations + 1


@pytest.mark.parametrize(
    ("name", "how"),
    [("npsdo-paper", "zeroed"), *((name, "not finite") for name in DESCENTS)],
)
def test_sabotaged_network_of_a_descent_still_gives_the_answer(dim, name, how, monkeypatch):
    network = sabotage(weights.untrained(name, dim), how)
    monkeypatch.setattr(npsdo, "_loaded", lambda *_: (network, None))
    system = CASES["free_surface"](dim)
    solution = solvers.solve(system, random_rhs(system), name, rtol=1e-10)
    assert solution.relative_residual <= 1e-10
    assert "network gave" in solution.notes


def test_descent_takes_the_best_step_whichever_way_the_network_points(dim, monkeypatch):
    network = weights.untrained("npsdo-paper", dim)
    system = CASES["obstacle"](dim)
    counts = []
    for sign in (1.0, -1.0):
        for name, parameter in network.named_parameters():
            if name.startswith(("keep", "gain")):
                parameter[0] *= sign
        monkeypatch.setattr(npsdo, "_loaded", lambda *_: (network, None))
        counts.append(solvers.solve(system, random_rhs(system), "npsdo-paper"))
    assert counts[0].iterations == counts[1].iterations
    assert counts[1].notes == ""


@pytest.mark.parametrize("name", DESCENTS)
def test_stalled_network_hands_over(name):
    """One channel, one cell wide and 2000 long."""
    cells = Cells.fluid(41, 95)
    cells.solid[1::2] = True
    cells.solid[1::4, -1] = False
    cells.solid[3::4, 0] = False
    system = cells.system()
    solution = solvers.solve(system, random_rhs(system), name, rtol=1e-10)
    assert solution.relative_residual <= 1e-10
    assert "stalled" in solution.notes


def test_the_last_resort_is_limited_by_max_iterations(monkeypatch):
    network = sabotage(weights.untrained("npsdo", 2), "zeroed")
    monkeypatch.setattr(npsdo, "_loaded", lambda *_: (network, Stencils.of(network)))
    monkeypatch.setattr(npsdo.weights, "untrained", lambda *_: network)
    system = CASES["serpentine"](2)
    options = {"rtol": 1e-10, "max_iterations": 35, "throw": False}
    solution = solvers.solve(system, random_rhs(system), "npsdo", **options)
    assert not solution.converged
    assert solution.iterations == 35
    assert "untrained cycle" in solution.notes


@pytest.mark.parametrize("name", NAMES)
def test_pressure_stays_bounded_in_closed_pockets(dim, name):
    system = CASES["many_pockets"](dim)
    rhs = random_rhs(system)
    solution = solvers.solve(system, rhs, name, rtol=1e-12)
    expected = solvers.solve(system, rhs, "direct", rtol=1e-12)
    assert torch.allclose(solution.pressure, expected.pressure, rtol=1e-8, atol=1e-9)


def test_more_kept_directions_save_iterations():
    system = box((48, 40))
    counts = [
        solvers.solve(system, random_rhs(system), "npsdo-paper", n_ortho=n).iterations
        for n in (0, 1, 4)
    ]
    assert counts[0] > counts[1] >= counts[2]


def test_notes_are_empty_when_all_went_well(dim):
    system = box(SIZES[dim][0], rim=1.0)
    for name in (*NAMES, "cg"):
        assert solvers.solve(system, random_rhs(system), name).notes == ""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_iterations": 0}, "must be at least 1"),
        ({"engine": "fortran"}, "engine must be one of"),
        ({"weights": "/nowhere/weights.safetensors"}, r"/nowhere/weights\.safetensors"),
    ],
)
def test_bad_options_are_rejected(name, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        solvers.solve(box((4, 4)), torch.ones(4, 4), name, **options)
    assert "\n" not in str(caught.value)


def test_negative_n_ortho_is_rejected():
    with pytest.raises(ValueError, match="n_ortho"):
        solvers.solve(box((4, 4)), torch.ones(4, 4), "npsdo-paper", n_ortho=-1)


def test_changed_weights_are_read_anew(untrained, dim):
    system = CASES["obstacle"](dim)
    rhs = random_rhs(system)
    path = untrained["npsdo"]
    before = solvers.solve(system, rhs, "npsdo", weights=path)
    network = weights.untrained("npsdo", dim)
    assert isinstance(network, SymmetricCycle)
    network.log_gain.sub_(0.5)
    weights.save(path, network, {})
    after = solvers.solve(system, rhs, "npsdo", weights=str(path))
    assert not np.array_equal(before.residual_history, after.residual_history)


@pytest.mark.cuda
@pytest.mark.parametrize("name", NAMES)
def test_cuda_agrees_with_cpu(case, name):
    rhs = random_rhs(case)
    on_cpu = solvers.solve(case, rhs, name, rtol=1e-8, engine="torch")
    moved = PoissonSystem(tuple(w.cuda() for w in case.face_weights), case.active.cuda())
    on_gpu = solvers.solve(moved, rhs.cuda(), name, rtol=1e-8)
    difference = torch.linalg.vector_norm(on_gpu.pressure.cpu() - on_cpu.pressure)
    assert difference <= 1e-6 * torch.linalg.vector_norm(on_cpu.pressure)
