import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import solvers
from solvers import Outcome, PoissonSystem, SolveError, differentiable_solve
from solvers.direct import Direct
from tests.solvers.systems import (
    CASES,
    Cells,
    box,
    face_shape,
    generator,
    random_rhs,
    random_system,
)

ALL = solvers.available()
Inputs = tuple[Tensor, ...]


def tracked(system: PoissonSystem) -> PoissonSystem:
    """A copy of the system whose weights require gradients."""
    weights = tuple(w.clone().requires_grad_() for w in system.face_weights)
    return PoissonSystem(weights, system.active)


def face_directions(system: PoissonSystem, seed: int) -> Inputs:
    random = generator(seed)
    return tuple(
        torch.randn(w.shape, dtype=torch.float64, generator=random) for w in system.face_weights
    )


def gradients(system: PoissonSystem, rhs: Tensor, g: Tensor, *args, **kwargs) -> Inputs:
    """Of (g, p) in rhs and all weights."""
    system, rhs = tracked(system), rhs.clone().requires_grad_()
    p = differentiable_solve(system, rhs, *args, **kwargs)
    return torch.autograd.grad(p, (rhs, *system.face_weights), g)


def assert_near(found: Inputs, expected: Inputs, rtol: float) -> None:
    a, b = (torch.cat([v.detach().double().flatten() for v in vs]) for vs in (found, expected))
    assert torch.linalg.vector_norm(a - b) <= rtol * torch.linalg.vector_norm(b)


def dense_pressure(system: PoissonSystem, rhs: Tensor) -> Tensor:
    """The pressure by dense algebra that torch differentiates: P (P A P + 1 1^T)^-1 P b, with
    normed ones on each floating component and P = I - 1 1^T.
    """
    cells = system.active.nonzero(as_tuple=True)
    count = len(cells[0])
    units = torch.zeros((count, *system.shape), dtype=torch.float64)
    units[(torch.arange(count), *cells)] = 1.0
    matrix = torch.zeros((count, count), dtype=torch.float64)
    for axis, weights in enumerate(system.face_weights):
        outside = torch.zeros_like(units.narrow(axis + 1, 0, 1))
        jumps = torch.diff(units, dim=axis + 1, prepend=outside, append=outside).flatten(1)
        matrix = matrix + jumps @ (weights.double().flatten()[:, None] * jumps.T)
    labels = system.floating.labels[cells]
    ones = (labels == torch.arange(system.floating.count)[:, None]).double()
    ones = ones / ones.sum(dim=1, keepdim=True).sqrt()
    means = ones.T @ ones
    project = torch.eye(count, dtype=torch.float64) - means
    b = project @ rhs.double()[cells]
    x = project @ torch.linalg.solve(project @ matrix @ project + means, b)
    return torch.zeros(system.shape, dtype=torch.float64).index_put(cells, x)


def first_and_second(system: PoissonSystem, rhs: Tensor, pressure: Callable) -> Inputs:
    """The gradient of a loss with cubes of p, and its Hessian times a random vector."""
    system, rhs = tracked(system), rhs.clone().requires_grad_()
    inputs = (rhs, *system.face_weights)
    p = pressure(system, rhs)
    loss = (random_rhs(system, seed=1) * p + p**3 / (p**2).sum().detach().clamp(min=1e-9)).sum()
    first = torch.autograd.grad(loss, inputs, create_graph=True)
    along = (random_rhs(system, seed=2), *face_directions(system, seed=3))
    product = sum((a * b).sum() for a, b in zip(first, along, strict=True))
    return first + torch.autograd.grad(product, inputs)


def test_gradients_are_those_of_dense_algebra(case):
    """First and second derivatives: floating components, pockets, isolated cells, float32."""
    rhs = random_rhs(case)
    count = case.dim + 1
    found = first_and_second(
        case, rhs, lambda system, b: differentiable_solve(system, b, "direct", rtol=1e-12)
    )
    expected = first_and_second(case, rhs, dense_pressure)
    rtol = 1e-8 if case.face_weights[0].dtype == torch.float64 else 1e-6
    for part in (slice(0, 1), slice(1, count), slice(count, count + 1), slice(count + 1, None)):
        assert_near(found[part], expected[part], rtol)
    for gradient, expected_gradient in zip(found, expected, strict=True):
        assert gradient.dtype == expected_gradient.dtype


def floating_pocket(shape: tuple[int, ...]) -> PoissonSystem:
    """A closed pocket and an isolated cell beside cells that touch air."""
    cells = Cells.fluid(*shape)
    cells.solid[2] = True
    cells.air[0, 0] = True
    cells.solid[3, 1] = True
    return cells.system()


SMALL = {
    "random": lambda dim: random_system((4, 3) if dim == 2 else (3, 2, 2), seed=3),
    "closed": lambda dim: box((3, 3) if dim == 2 else (2, 2, 2)),
    "pocket": lambda dim: floating_pocket((5, 3) if dim == 2 else (5, 3, 1)),
}


@pytest.mark.parametrize("solver", ["direct", "multigrid", "cg"])
@pytest.mark.parametrize("name", sorted(SMALL))
def test_finite_differences(dim, name, solver):
    """Walls keep the weight 0: moving one would change which components float."""
    system = SMALL[name](dim)
    passages = [w > 0 for w in system.face_weights]

    def pressure(rhs: Tensor, *open_weights: Tensor) -> Tensor:
        weights = tuple(
            torch.zeros(passage.shape, dtype=torch.float64).masked_scatter(passage, w)
            for passage, w in zip(passages, open_weights, strict=True)
        )
        return differentiable_solve(PoissonSystem(weights, system.active), rhs, solver, rtol=1e-12)

    inputs = [random_rhs(system)]
    for passage, w in zip(passages, system.face_weights, strict=True):
        inputs.append(0.5 + w[passage])
    inputs = [value.requires_grad_() for value in inputs]
    assert gradcheck(pressure, inputs, fast_mode=solver != "direct")
    thorough = (dim, name, solver) == (2, "closed", "direct")
    assert gradgradcheck(pressure, inputs, fast_mode=not thorough)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("case_name", ["obstacle", "closed_pocket", "random_mask"])
def test_all_solvers_have_the_same_gradients(dim, case_name, name):
    system = CASES[case_name](dim)
    rhs, g = random_rhs(system), random_rhs(system, seed=1)
    expected = gradients(system, rhs, g, "direct", rtol=1e-12, backend="superlu")
    found = gradients(system, rhs, g, name)
    assert_near(found[:1], expected[:1], 1e-8)
    assert_near(found[1:], expected[1:], 1e-6)


def test_pressure_is_that_of_solve(case):
    rhs = random_rhs(case)
    p = differentiable_solve(tracked(case), rhs, "cg", rtol=1e-9, max_iterations=400)
    assert torch.equal(p, solvers.solve(case, rhs, "cg", rtol=1e-9, max_iterations=400).pressure)


def test_gradients_where_nothing_depends_are_zero(dim):
    system = CASES["free_surface"](dim)
    spoilt = torch.where(system.active, random_rhs(system), torch.nan)
    of_rhs, *of_weights = gradients(system, spoilt, random_rhs(system, seed=1))
    assert (of_rhs[~system.active] == 0).all() and (of_rhs[system.active] != 0).all()
    for axis, gradient in enumerate(of_weights):
        outside = torch.zeros_like(system.active.narrow(axis, 0, 1))
        active = torch.cat([outside, system.active, outside], dim=axis)
        beside = solvers.lower(active, axis) | solvers.upper(active, axis)
        assert (gradient[~beside] == 0).all() and gradient[beside].count_nonzero() > 0


def test_floating_components_have_gradients_without_means(dim):
    """The loss does not see constants in the rhs, and constants in the loss have no effect."""
    system = CASES["many_pockets"](dim)
    rhs, g = random_rhs(system), random_rhs(system, seed=1)
    expected = gradients(system, rhs, g, "direct")
    labels = system.floating.labels
    for label in range(system.floating.count):
        assert abs(expected[0][labels == label].sum()) <= 1e-12 * expected[0].abs().max()
    shift = torch.where(system.active, labels.double(), 0.0)
    assert_near(gradients(system, rhs + shift, g - 2 * shift, "direct"), expected, 1e-9)
    assert all((v == 0).all() for v in gradients(system, rhs, shift, "direct"))


def test_types_follow_the_inputs(dim):
    system = CASES["open_box_float32"](dim)
    wide = PoissonSystem(tuple(w.double() for w in system.face_weights), system.active)
    rhs, g = random_rhs(system).float(), random_rhs(system, seed=1)
    expected = gradients(wide, rhs.double(), g)
    found = gradients(system, rhs, g)
    assert all(gradient.dtype == torch.float32 for gradient in found)
    assert_near(found, expected, 1e-6)
    mixed = gradients(system, rhs.double(), g)
    assert [v.dtype for v in mixed] == [torch.float64] + [torch.float32] * dim
    second = first_and_second(system, rhs, differentiable_solve)
    assert all(gradient.dtype == torch.float32 for gradient in second)


@pytest.mark.parametrize("chosen", range(4))
def test_gradients_of_some_inputs_only(chosen):
    system = CASES["closed_pocket"](3)
    rhs, g = random_rhs(system), random_rhs(system, seed=1)
    expected = gradients(system, rhs, g)
    inputs = [rhs.clone(), *(w.clone() for w in system.face_weights)]
    inputs[chosen].requires_grad_()
    p = differentiable_solve(PoissonSystem(tuple(inputs[1:]), system.active), inputs[0])
    p.backward(g)
    for number, value in enumerate(inputs):
        assert (value.grad is not None) == (number == chosen)
    assert torch.equal(inputs[chosen].grad, expected[chosen])


def test_nothing_is_recorded_without_need():
    system = CASES["obstacle"](2)
    rhs = random_rhs(system)
    guess = rhs.clone().requires_grad_()
    p = differentiable_solve(system, rhs, guess=guess)
    assert p.grad_fn is None and not p.requires_grad
    with torch.no_grad():
        p = differentiable_solve(tracked(system), guess)
    assert p.grad_fn is None and not p.requires_grad


@dataclass(frozen=True)
class Counted:
    """The direct solver; keeps count of what it is asked for."""

    name: ClassVar[str] = "counted"
    setups: list[weakref.ref] = field(default_factory=list)
    solves: list[bool] = field(default_factory=list)

    def setup(self, system: PoissonSystem) -> Any:
        assert not any(w.requires_grad for w in system.face_weights)
        state = Direct().setup(system)
        self.setups.append(weakref.ref(state))
        return state

    def solve(self, state: Any, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        assert not rhs.requires_grad and not torch.is_grad_enabled()
        self.solves.append(guess is not None)
        return Direct().solve(state, rhs, guess, rtol)


def test_one_setup_serves_all_passes():
    """One solve forward, one more for a gradient, two for a second derivative; then all is
    let go of."""
    solver = Counted()
    system = CASES["closed_pocket"](2)
    rhs = random_rhs(system)
    near = solvers.solve(system, 0.9 * rhs, "direct").pressure
    first_and_second(system, rhs, lambda s, b: differentiable_solve(s, b, solver, guess=near))
    assert len(solver.setups) == 1 and solver.setups[0]() is None
    assert solver.solves == [True, False, False, False]


@pytest.mark.parametrize("name", ["direct", "multigrid"])
def test_prepared_solver_serves_many_gradients(name):
    system = tracked(CASES["closed_pocket"](2))
    prepared = solvers.prepare(system, name)
    for seed in range(2):
        rhs, g = random_rhs(system, seed), random_rhs(system, seed + 5)
        p = differentiable_solve(system, rhs, prepared)
        kept = p.detach().clone()
        found = torch.autograd.grad(p, system.face_weights, g)
        assert torch.equal(p, kept)
        assert_near(found, gradients(system, rhs, g, name)[1:], 1e-14)


def test_weights_changed_before_the_backward_pass_are_noticed():
    system = tracked(CASES["obstacle"](2))
    p = differentiable_solve(system, random_rhs(system))
    with torch.no_grad():
        system.face_weights[0].mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        p.sum().backward()


def test_missed_tolerance_is_an_error_in_both_directions():
    """An eigenvector takes CG one step, so that only the adjoint fails."""
    system = tracked(box((20, 20), rim=1.0))
    wave = torch.sin(torch.arange(1, 21, dtype=torch.float64) * torch.pi / 21)
    rhs = torch.outer(wave, wave)
    options = {"solver": "cg", "max_iterations": 5}
    with pytest.raises(SolveError, match="solver cg reached"):
        differentiable_solve(system, random_rhs(system), **options)
    p = differentiable_solve(system, rhs, **options)
    with pytest.raises(SolveError, match="solver cg reached"):
        p.backward(random_rhs(system))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rhs": torch.ones(5, 4)}, r"rhs must have shape \(4, 5\)"),
        ({"rhs": torch.ones(4, 5, dtype=torch.int64)}, "rhs must be a tensor of floats"),
        ({"rhs": None}, "rhs must be a tensor of floats"),
        ({"rhs": torch.full((4, 5), torch.nan)}, "rhs holds NaN"),
        ({"guess": torch.ones(4)}, "guess must have shape"),
        ({"guess": 1.0}, "guess must be a tensor of floats"),
        ({"rtol": 0.0}, "rtol must be positive"),
        ({"solver": "magic"}, "unknown solver 'magic'"),
        ({"solver": "cg", "colour": 3}, "solver cg has no option colour"),
        ({"solver": Counted(), "colour": 3}, "options go with a solver's name"),
        ({"solver": solvers.prepare(box((4, 5)))}, "prepared for another system"),
    ],
)
def test_bad_arguments_are_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        differentiable_solve(**{"system": box((4, 5)), "rhs": torch.ones(4, 5), **arguments})


def test_bad_values_are_rejected():
    system = box((4, 5))
    system.face_weights[1][2, 3] = -1.0
    with pytest.raises(ValueError, match="finite and not negative"):
        differentiable_solve(tracked(system), torch.ones(4, 5))
    system = tracked(box((4, 5), rim=1.0))
    prepared = solvers.prepare(system, "cg")
    with pytest.raises(ValueError, match="options go to prepare"):
        differentiable_solve(system, torch.ones(4, 5), prepared, engine="torch")
    with pytest.raises(ValueError, match="rhs holds NaN"):
        (torch.nan * differentiable_solve(system, torch.ones(4, 5))).sum().backward()


@pytest.mark.slow
def test_density_is_recovered_from_pressures():
    """An inverse problem: a heavy drop in an open box, seen through four pressure fields."""
    shape = (9, 8)
    active = torch.ones(shape, dtype=torch.bool)

    def system(log_density: Tensor) -> PoissonSystem:
        weights = []
        for axis in range(2):
            ones = torch.ones(face_shape(shape, axis), dtype=torch.float64)
            inner = torch.exp(
                -(solvers.lower(log_density, axis) + solvers.upper(log_density, axis)) / 2
            )
            rim = ones.narrow(axis, 0, 1)
            weights.append(torch.cat([rim, inner, rim], dim=axis))
        return PoissonSystem(tuple(weights), active)

    truth = torch.zeros(shape, dtype=torch.float64)
    truth[3:6, 3:7] = 1.5
    sources = [random_rhs(system(truth), seed) for seed in range(4)]
    seen = [solvers.solve(system(truth), rhs, "direct", rtol=1e-12).pressure for rhs in sources]
    guess = torch.zeros(shape, dtype=torch.float64, requires_grad=True)

    def loss(log_density: Tensor) -> Tensor:
        current = system(log_density)
        prepared = solvers.prepare(current, "direct")
        errors = [
            ((differentiable_solve(current, rhs, prepared) - p) ** 2).sum()
            for rhs, p in zip(sources, seen, strict=True)
        ]
        return torch.stack(errors).sum()

    def closure() -> float:
        optimizer.zero_grad()
        value = loss(guess)
        value.backward()
        return float(value.detach())

    optimizer = torch.optim.LBFGS([guess], max_iter=40, line_search_fn="strong_wolfe")
    before = optimizer.step(closure)
    assert loss(guess) < 1e-4 * before
    assert (guess - truth).abs().mean() < 0.1 * truth.abs().mean()
