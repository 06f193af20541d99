import numba
import numpy as np
import pytest
import torch

import solvers
from solvers import PoissonSystem
from solvers.model_systems import model_system
from solvers.multigrid import Multigrid, kernels, relaxation, torch_levels
from solvers.multigrid.packed_levels import Hierarchy
from solvers.multigrid.packed_space import COARSEST_SWEEPS
from tests.solvers.systems import CASES, Cells, box, generator, random_rhs, random_system

SHAPES = {2: (13, 10), 3: (7, 6, 9)}


def dam(shape: tuple[int, ...]) -> PoissonSystem:
    """A column, a sloping pool and waves under air; about 40 % of the grid."""
    cells = Cells.fluid(*shape)
    x, y = (((torch.arange(n) + 0.5) / n) for n in shape[:2])
    height = 0.3 + 0.15 * torch.cos(3 * x) + 0.25 * (x < 0.3) + 0.05 * torch.sin(20 * x)
    above = y > height[:, None]
    cells.air[:] = above if len(shape) == 2 else above[..., None]
    return cells.system(dtype=torch.float32)


def obstacle(shape: tuple[int, ...]) -> PoissonSystem:
    """A closed box with a solid ball in it."""
    cells = Cells.fluid(*shape)
    centres = torch.meshgrid(*[(torch.arange(n) + 0.5) / n for n in shape], indexing="ij")
    cells.solid[:] = torch.stack(centres).sub(0.4).square().sum(dim=0) < 0.2**2
    return cells.system(dtype=torch.float32)


def is_black(shape: tuple[int, ...]) -> torch.Tensor:
    """The cells that the kernels reduce a system to."""
    return sum(torch.meshgrid(*map(torch.arange, shape), indexing="ij")) % 2 == 1


def packed_cycle(system: PoissonSystem, b: torch.Tensor, sweeps: int = 2) -> torch.Tensor:
    """V-cycle of b, which is 0 in red cells, by the kernels; of black cells, 0 in red ones."""
    hierarchy = Hierarchy.of(system)
    pack(hierarchy, b)
    hierarchy.cycle(relaxation(sweeps), COARSEST_SWEEPS)
    return torch.where(is_black(system.shape), unpack(hierarchy, system.shape), 0)


def places(hierarchy: Hierarchy) -> tuple[np.ndarray, np.ndarray]:
    """Colour and entry of each cell of the finest level."""
    level = hierarchy.table[0]
    i, j, k = np.indices(tuple(level[:3]))
    colours, entries = kernels.place.py_func(level, i, j, k)
    assert np.array_equal(colours, (i + j + k) % 2)
    return colours, entries


def pack(hierarchy: Hierarchy, b: torch.Tensor) -> None:
    target = kernels.values(hierarchy.buffers.b, hierarchy.table[0])
    target[places(hierarchy)] = b.numpy().reshape(hierarchy.table[0, :3])


def unpack(hierarchy: Hierarchy, shape: tuple[int, ...]) -> torch.Tensor:
    x = kernels.values(hierarchy.buffers.x, hierarchy.table[0])
    return torch.from_numpy(x[places(hierarchy)].reshape(shape))


def torch_cycle(system: PoissonSystem, b: torch.Tensor, sweeps: int = 2) -> torch.Tensor:
    """V-cycle of b by the definition, in all cells."""
    levels = torch_levels.build(system)
    b = b.float().reshape(levels[0].inverse.shape)
    factors = relaxation(sweeps).tolist()
    return torch_levels.cycle(levels, b, factors, COARSEST_SWEEPS).reshape(system.shape)


@pytest.mark.parametrize("sweeps", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_kernels_equal_the_definition_on_random_systems(dim, seed, sweeps):
    system = random_system(SHAPES[dim], seed)
    black = is_black(system.shape)
    b = torch.where(system.active & black, random_rhs(system, seed), 0).float()
    expected = torch.where(black, torch_cycle(system, b, sweeps), 0)
    difference = (packed_cycle(system, b, sweeps) - expected).abs().max()
    assert difference <= 1e-5 * expected.abs().max()


def test_kernels_equal_the_definition_on_every_case(case):
    black = is_black(case.shape)
    b = torch.where(case.active & black, random_rhs(case), 0).float()
    expected = torch.where(black, torch_cycle(case, b), 0)
    assert (packed_cycle(case, b) - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("make", [packed_cycle, torch_cycle])
@pytest.mark.parametrize("seed", range(2))
def test_preconditioner_is_symmetric_and_positive(dim, seed, make):
    """Its matrix, column by column, on the cells that have a diagonal."""
    system = random_system(SHAPES[dim], seed)
    has_diagonal = system.diagonal() > 0
    if make is packed_cycle:
        has_diagonal &= is_black(system.shape)
    cells = has_diagonal.nonzero()[:: 1 if dim == 2 else 3]
    columns = []
    for cell in cells:
        unit = torch.zeros(system.shape)
        unit[tuple(cell)] = 1.0
        columns.append(make(system, unit)[tuple(cells.T)])
    matrix = torch.stack(columns).double()
    assert (matrix - matrix.T).abs().max() <= 1e-5 * matrix.abs().max()
    assert torch.linalg.eigvalsh((matrix + matrix.T) / 2).min() > 0


@pytest.mark.parametrize(
    ("make", "shape", "most"),
    [
        (dam, (64, 64), 8),
        (dam, (256, 256), 10),
        (dam, (32, 32, 32), 7),
        (dam, (64, 64, 64), 8),
        (obstacle, (64, 64), 8),
        (obstacle, (256, 256), 8),
        (obstacle, (32, 32, 32), 8),
        (obstacle, (64, 64, 64), 8),
        (box, (64, 64), 7),
        (box, (256, 256), 7),
        (box, (32, 32, 32), 7),
        (box, (64, 64, 64), 7),
    ],
)
def test_iterations_hardly_grow_with_the_grid(make, shape, most):
    system = make(shape)
    x = torch.linspace(0, 1, shape[0], dtype=torch.float64).reshape(-1, *[1] * (len(shape) - 1))
    smooth = torch.cos(3 * x).expand(shape)
    for rhs in (random_rhs(system), smooth):
        assert solvers.solve(system, rhs, "multigrid").iterations <= most


def test_iterations_are_bounded_on_every_case(case):
    assert solvers.solve(case, random_rhs(case), "multigrid").iterations <= 14


def test_tight_tolerance_is_reached(case):
    solution = solvers.solve(case, random_rhs(case), "multigrid", rtol=1e-12)
    assert solution.relative_residual <= 1e-12
    assert solution.iterations <= 24


@pytest.mark.parametrize("ratio", [1e3, 1e-3])
def test_density_jumps_converge(dim, ratio):
    """A drop in a gas, or a bubble in a liquid, in a closed box."""
    shape = (96, 80) if dim == 2 else (28, 24, 20)
    density = torch.ones(shape, dtype=torch.float64)
    density[5:14, 6:15] = ratio
    system = Cells.fluid(*shape).system(density)
    assert solvers.solve(system, random_rhs(system), "multigrid", rtol=1e-9).iterations <= 11


def test_random_densities_converge(dim):
    """From cell to cell anything between 1 and 1000."""
    shape = (96, 80) if dim == 2 else (28, 24, 20)
    system = Cells.fluid(*shape).system(1000.0 ** torch.rand(shape, generator=generator(0)))
    assert solvers.solve(system, random_rhs(system), "multigrid").iterations <= 20


def test_weights_that_no_active_cell_has_do_not_matter(dim):
    plain = CASES["obstacle"](dim)
    solid = ~plain.active
    weights = tuple(w.double() for w in plain.face_weights)
    first = weights[0]
    first[1:-1][solid[1:] & solid[:-1]] = 1e200
    spoilt = PoissonSystem(weights, plain.active)
    rhs = random_rhs(plain)
    for engine in ("numba", "torch"):
        solution = solvers.solve(spoilt, rhs, "multigrid", engine=engine)
        assert solution.iterations <= 8


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_scale_of_weights_and_rhs_does_not_matter(dim, scale):
    plain = CASES["free_surface"](dim)
    scaled = PoissonSystem(tuple(scale * w for w in plain.face_weights), plain.active)
    rhs = random_rhs(plain)
    expected = solvers.solve(plain, rhs, "multigrid")
    solution = solvers.solve(scaled, rhs / scale, "multigrid")
    assert solution.iterations == expected.iterations
    torch.testing.assert_close(solution.pressure * scale**2, expected.pressure, rtol=1e-4, atol=0)


@pytest.mark.parametrize(("every", "most"), [(100, 26), (2, 60)])
def test_thin_walls_inside_aggregates_are_overcome(dim, every, most):
    """Closed faces part an aggregate; with many of them, almost every one, into floating strips."""
    system = box((33, 30) if dim == 2 else (17, 14, 15))
    system.face_weights[0][1:-1:every] = 0.0
    system.face_weights[1][:, 7] = 0.0
    solution = solvers.solve(system, random_rhs(system), "multigrid", rtol=1e-10)
    assert solution.iterations <= most


def test_more_sweeps_save_iterations():
    system = dam((32, 32, 32))
    counts = [
        solvers.solve(system, random_rhs(system), "multigrid", rtol=1e-10, sweeps=n).iterations
        for n in (1, 2, 4)
    ]
    assert counts[0] > counts[1] > counts[2]


def test_engines_agree(case):
    rhs = random_rhs(case)
    kernels = solvers.solve(case, rhs, "multigrid", rtol=1e-8, engine="numba")
    definition = solvers.solve(case, rhs, "multigrid", rtol=1e-8, engine="torch")
    assert abs(kernels.iterations - definition.iterations) <= 2
    difference = torch.linalg.vector_norm(kernels.pressure - definition.pressure)
    assert difference <= 1e-6 * torch.linalg.vector_norm(definition.pressure)
    for engine in ("numba", "torch"):
        options = {"guess": kernels.pressure, "engine": engine}
        assert solvers.solve(case, rhs, "multigrid", rtol=1e-8, **options).iterations <= 1


@pytest.mark.parametrize("shape", [(300, 70), (30, 20, 40)])
@pytest.mark.usefixtures("all_threads")
def test_result_does_not_depend_on_threads(shape):
    system = random_system(shape)
    threads = numba.get_num_threads()
    both = solvers.solve(system, random_rhs(system), "multigrid")
    try:
        numba.set_num_threads(1)
        alone = solvers.solve(system, random_rhs(system), "multigrid")
    finally:
        numba.set_num_threads(threads)
    assert torch.equal(alone.pressure, both.pressure)
    assert alone.residual_history == both.residual_history


@pytest.mark.cuda
def test_cuda_agrees_with_cpu(case):
    rhs = random_rhs(case)
    on_cpu = solvers.solve(case, rhs, "multigrid", rtol=1e-8)
    weights = tuple(w.cuda() for w in case.face_weights)
    moved = PoissonSystem(weights, case.active.cuda())
    on_gpu = solvers.solve(moved, rhs.cuda(), "multigrid", rtol=1e-8)
    assert on_gpu.pressure.device.type == "cuda"
    assert abs(on_gpu.iterations - on_cpu.iterations) <= 1
    difference = torch.linalg.vector_norm(on_gpu.pressure.cpu() - on_cpu.pressure)
    assert difference <= 1e-6 * torch.linalg.vector_norm(on_cpu.pressure)


@pytest.mark.cuda
@pytest.mark.parametrize("shape", [(200, 170), (40, 44, 70)])
def test_engines_of_the_gpu_agree(shape):
    """On grids with tiles that are full, empty, and cut off by the rim."""
    active = torch.ones(shape, dtype=torch.bool)
    active[..., 2 * shape[-1] // 3 :] = torch.rand(active[..., 2 * shape[-1] // 3 :].shape) > 0.5
    active[: shape[0] // 4, : shape[1] // 3] = False
    weights = box(shape, rim=0.5).face_weights
    system = PoissonSystem(tuple(w.cuda() for w in weights), active.cuda())
    rhs = random_rhs(system).cuda()
    found = {
        engine: solvers.solve(system, rhs, "multigrid", rtol=1e-8, engine=engine)
        for engine in ("triton", "torch")
    }
    assert abs(found["triton"].iterations - found["torch"].iterations) <= 1
    apart = torch.linalg.vector_norm(found["triton"].pressure - found["torch"].pressure)
    assert apart <= 1e-7 * torch.linalg.vector_norm(found["torch"].pressure)


@pytest.mark.cuda
def test_graphs_of_the_gpu_serve_the_next_system():
    """A system that is set up in the memory of the last one of its shape; two at a time."""
    first, second = (
        PoissonSystem(tuple(w.cuda() for w in s.face_weights), s.active.cuda())
        for s in (random_system((30, 20, 40), seed) for seed in (1, 2))
    )
    rhs = random_rhs(first).cuda()
    alone = [solvers.solve(s, rhs, "multigrid", rtol=1e-8).pressure for s in (first, second)]
    both = [solvers.prepare(s, "multigrid") for s in (first, second)]
    for prepared, expected in zip(both, alone, strict=True):
        found = solvers.solve(prepared.system, rhs, prepared, rtol=1e-8)
        assert torch.allclose(found.pressure, expected, rtol=0, atol=1e-9)


def test_an_engine_needs_its_device(dim):
    system = dam((8,) * dim)
    with pytest.raises(ValueError, match="engine triton needs"):
        solvers.solve(system, random_rhs(system), "multigrid", engine="triton")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_iterations": 0}, "must be at least 1"),
        ({"sweeps": 0}, "must be at least 1"),
        ({"engine": "fortran"}, "engine must be one of"),
    ],
)
def test_bad_options_are_rejected(options, message):
    system = box((2, 2))
    with pytest.raises(ValueError, match=message):
        solvers.solve(system, random_rhs(system), "multigrid", **options)


def test_memory_of_a_finished_solve_does_not_show_in_the_next(dim):
    """Buffers pass from one system to the next: with what is in them, nothing may change."""
    shape = (37, 30) if dim == 2 else (19, 14, 17)
    first, second = dam(shape), obstacle(shape)
    rhs = random_rhs(second)
    alone = solvers.solve(second, rhs, "multigrid")
    solvers.solve(first, random_rhs(first, 1), "multigrid")
    after = solvers.solve(second, rhs, "multigrid")
    assert torch.equal(alone.pressure, after.pressure)
    huge = torch.full(shape, 1e30, dtype=torch.float64).cumsum(0)
    solvers.solve(first, huge, "multigrid", throw=False, max_iterations=1)
    assert torch.equal(solvers.solve(second, rhs, "multigrid").pressure, alone.pressure)


def test_two_prepared_systems_do_not_share_memory(dim):
    shape = (37, 30) if dim == 2 else (19, 14, 17)
    systems = dam(shape), obstacle(shape)
    prepared = [solvers.prepare(system, "multigrid") for system in systems]
    for system, ready in zip(systems, prepared, strict=True):
        rhs = random_rhs(system)
        expected = solvers.solve(system, rhs, "multigrid").pressure
        assert torch.equal(solvers.solve(system, rhs, ready).pressure, expected)


@pytest.mark.parametrize("kind", ["dam", "smoke", "splash"])
@pytest.mark.parametrize(("dim", "sizes"), [(2, (64, 256)), (3, (32, 64))])
def test_iterations_on_model_systems(kind, dim, sizes):
    """At most 8 to 1e-6 and 14 to 1e-10, and at most 2 more on the finer grid."""
    counts = []
    for n in sizes:
        stored = model_system(kind, (n,) * dim)
        solves = (
            solvers.solve(stored.system, stored.rhs, "multigrid", rtol=r) for r in (1e-6, 1e-10)
        )
        counts.append([solve.iterations for solve in solves])
    assert counts[1][0] <= 8 and counts[1][1] <= 14
    assert counts[1][0] <= counts[0][0] + 2


def test_asked_for_more_than_rounding_allows_it_stops_at_what_it_reached():
    """A smooth rhs on a closed box: float64 ends near 1e-12."""
    system = box((512, 512))
    x = torch.linspace(0, 1, 512, dtype=torch.float64)
    rhs = torch.cos(2 * x)[:, None].expand(512, 512)
    solution = solvers.solve(system, rhs, "multigrid", rtol=1e-14, throw=False)
    assert solution.relative_residual <= 2e-11
    assert solution.iterations <= 120


@pytest.mark.parametrize(
    "factors",
    [
        (((1.0, 1.0),),),
        (((1.0, 1.0),), ((2.1, 1.0),)),
        (((1.1, 1.0),), ((1.0, 1.0),)),
        (((1.0, 1.0),), ((1.0, 1.1),)),
    ],
)
def test_factors_that_break_the_cycle_are_rejected(factors):
    with pytest.raises(ValueError, match="factors must be"):
        Multigrid(factors=factors)
