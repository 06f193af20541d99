import math

import numba
import numpy as np
import pytest
import torch
from torch import Tensor

from solvers import PoissonSystem, interior, lower, upper
from solvers.model_systems import model_system
from solvers.npsdo import weights
from solvers.npsdo.coarse import Ground
from solvers.npsdo.engine import layout as layout
from solvers.npsdo.engine.engine import Engine
from solvers.npsdo.engine.space import EngineSpace
from solvers.npsdo.engine.stencils import Stencils
from solvers.npsdo.networks import SymmetricCycle
from solvers.npsdo.preconditioner import Preconditioner
from solvers.npsdo.safeguards import Watch
from solvers.npsdo.scaling import scaling
from solvers.npsdo.stencils import convolve, transpose
from solvers.row_layout import RowLayout
from tests.solvers.systems import box, generator, random_rhs, random_system

SIZES = {2: ((13, 10), (5, 37), (64, 33)), 3: ((7, 6, 9), (17, 5, 12), (21, 18, 30))}


def random_network(dim: int, seed: int) -> SymmetricCycle:
    """Every parameter of a new network perturbed."""
    network = SymmetricCycle(dim).requires_grad_(False)
    random = generator(seed)
    for parameter in network.parameters():
        parameter += 0.1 * torch.randn(parameter.shape, generator=random)
    return network


def random_image(shape: tuple[int, ...], seed: int) -> PoissonSystem:
    """Blobs of solid and of air of all sizes; sides closed or open; weights 1."""
    random = generator(seed)
    fields = torch.randn((2, *shape), generator=random)
    for axis in range(1, len(shape) + 1):
        for _ in range(seed % 4):
            n = fields.shape[axis]
            fields = (fields + fields.roll(1, axis)).narrow(axis, 0, n)
    solid, air = fields / fields.std() > 1.0
    sides = torch.rand((len(shape), 2), generator=random) < 0.5
    faces = []
    for axis, n in enumerate(shape):
        passable = torch.zeros([m + (d == axis) for d, m in enumerate(shape)], dtype=torch.float64)
        interior(passable, axis).copy_(~(lower(solid, axis) | upper(solid, axis)))
        for end, is_open in zip((0, n), sides[axis], strict=True):
            if is_open:
                passable.select(axis, end).copy_(~solid.select(axis, min(end, n - 1)))
        faces.append(passable)
    return PoissonSystem(tuple(faces), ~(solid | air))


def engine_cycle(engine: Engine, r: Tensor) -> tuple[Tensor, float]:
    """Cycle of a grid tensor, and (r, cycle of r)."""
    level = engine.table[0]
    cells = r.shape[-1]
    at = layout.vector_row.py_func(level, np.arange(r.numel() // cells))
    layout.vector(engine.buffers.r, level)[at, 1 : cells + 1] = r.reshape(-1, cells)
    product = engine.cycle()
    result = layout.vector(engine.buffers.x, level)[at, 1 : cells + 1]
    return torch.from_numpy(result.reshape(r.shape)), product


def engine_of(system: PoissonSystem, network: SymmetricCycle) -> Engine:
    return Engine.of(RowLayout.of(system), Stencils.of(network))


def assert_engine_equals_network(system: PoissonSystem, network: SymmetricCycle) -> None:
    r = torch.where(system.active, random_rhs(system), 0).float()
    expected = network(network.prepare(Ground.of(system, scaling(system))), r[None])[0]
    result, product = engine_cycle(engine_of(system, network), r)
    assert (result - expected).abs().max() <= 3e-6 * expected.abs().max()
    exact = float((r.double() * expected.double()).sum())
    assert abs(product - exact) <= 1e-5 * float((r * expected).abs().sum())


@pytest.mark.parametrize("seed", range(8))
def test_engine_equals_the_network(dim, seed):
    for shape in SIZES[dim]:
        system = random_image(shape, seed)
        assert_engine_equals_network(system, random_network(dim, seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 200))
def test_engine_equals_the_network_on_many_images(dim, seed):
    shape = SIZES[dim][seed % 3]
    assert_engine_equals_network(random_image(shape, seed), random_network(dim, seed))


def test_engine_equals_the_network_on_every_case(case, dim):
    if case.unknowns:
        assert_engine_equals_network(case, random_network(dim, 0))


@pytest.mark.parametrize("shape", [(200, 90), (40, 36, 33)])
def test_engine_equals_the_network_on_levels_for_several_threads(shape):
    system = model_system("dam", shape).system
    assert_engine_equals_network(system, random_network(len(shape), 3))


def test_more_patterns_than_the_cache_holds():
    system = random_system((96, 90), seed=2)
    assert_engine_equals_network(system, random_network(2, 1))


def test_transposed_stencils_are_adjoint(dim):
    shape = SIZES[dim][0]
    random = generator(0)
    stencil = torch.randn((3**dim, *shape), generator=random)
    x, y = torch.randn((2, 1, *shape), generator=random)
    forth = float((y * convolve(stencil, x)).sum())
    back = float((convolve(transpose(stencil), y) * x).sum())
    assert forth == pytest.approx(back, rel=1e-4)


def matrix_of(engine: Engine, system: PoissonSystem) -> Tensor:
    """The cycle on the active cells, column by column."""
    cells = system.active.nonzero()
    columns = []
    for cell in cells:
        unit = torch.zeros(system.shape)
        unit[tuple(cell)] = 1.0
        columns.append(engine_cycle(engine, unit)[0][tuple(cells.T)])
    return torch.stack(columns).double()


def assert_symmetric_and_positive(system: PoissonSystem, network: SymmetricCycle) -> None:
    matrix = matrix_of(engine_of(system, network), system)
    assert (matrix - matrix.T).abs().max() <= 1e-5 * matrix.abs().max()
    assert torch.linalg.eigvalsh((matrix + matrix.T) / 2).min() > 0


@pytest.mark.parametrize("seed", range(50))
def test_untrained_cycle_is_symmetric_and_positive(dim, seed):
    system = random_image(SIZES[dim][0], seed)
    network = weights.untrained("npsdo", dim)
    assert isinstance(network, SymmetricCycle)
    assert_symmetric_and_positive(system, network)


@pytest.mark.parametrize("seed", range(50))
def test_shipped_cycle_is_symmetric_and_positive(dim, seed):
    network = weights.load(weights.shipped("npsdo", dim), "npsdo", dim)
    assert isinstance(network, SymmetricCycle)
    assert_symmetric_and_positive(random_image(SIZES[dim][0], seed), network)


def test_cycle_is_linear(dim):
    system = random_image(SIZES[dim][2], 5)
    engine = engine_of(system, random_network(dim, 5))
    a, b = (torch.where(system.active, random_rhs(system, n), 0).float() for n in range(2))
    combined = engine_cycle(engine, 2.0 * a - 3.0 * b)[0]
    apart = 2.0 * engine_cycle(engine, a)[0] - 3.0 * engine_cycle(engine, b)[0]
    assert (combined - apart).abs().max() <= 1e-5 * combined.abs().max()


@pytest.mark.parametrize("weight", [1e-200, 1.0, 1e30])
def test_preconditioner_of_any_weights(dim, weight):
    """Scaling weights scales z, and S, z and (r, z) are the definition's."""
    plain = random_system(SIZES[dim][0], 1)
    system = PoissonSystem(tuple(weight * w for w in plain.face_weights), plain.active)
    engine = engine_of(system, random_network(dim, 1))
    expected = scaling(system) * math.sqrt(engine.unit)
    rows = torch.from_numpy(engine.scaling).reshape(system.shape)
    known = system.diagonal() > 0
    torch.testing.assert_close(rows[known].double(), expected[known], rtol=1e-6, atol=0)
    r = torch.where(system.active, random_rhs(system), 0)
    z = Preconditioner(system, random_network(dim, 1))(r)
    space = EngineSpace(system, engine, r, None, Watch(0.0, 100))
    product, _ = space.start()
    by_engine = torch.from_numpy(space.p[:-1, 1:-1].reshape(system.shape))
    assert engine.band is not None and len(engine.band.cells) > 0
    assert (z - by_engine).abs().max() <= 1e-5 * z.abs().max()
    assert abs(product - float((r * z).sum())) <= 1e-5 * float((r * z).abs().sum())


def test_equal_weights_need_no_scaling(dim):
    system = box(SIZES[dim][0], rim=1.0)
    engine = engine_of(system, random_network(dim, 0))
    assert engine.scaling.shape[0] == 1 and engine.band is None


def test_memory_of_one_system_does_not_show_in_the_next(dim):
    network = random_network(dim, 0)
    first, second = (random_image(SIZES[dim][2], seed) for seed in (1, 2))
    r = torch.where(second.active, random_rhs(second), 0).float()
    alone = engine_cycle(engine_of(second, network), r)[0]
    engine = engine_of(first, network)
    engine_cycle(engine, torch.where(first.active, torch.nan, 0.0))
    del engine
    assert torch.equal(engine_cycle(engine_of(second, network), r)[0], alone)


@pytest.mark.parametrize("shape", [(200, 90), (30, 26, 33)])
@pytest.mark.usefixtures("all_threads")
def test_result_does_not_depend_on_threads(shape):
    system = random_system(shape, 4)
    network = random_network(len(shape), 4)
    r = torch.where(system.active, random_rhs(system), 0).float()
    threads = numba.get_num_threads()
    both = engine_cycle(engine_of(system, network), r)[0]
    try:
        numba.set_num_threads(1)
        alone = engine_cycle(engine_of(system, network), r)[0]
    finally:
        numba.set_num_threads(threads)
    assert torch.equal(alone, both)
