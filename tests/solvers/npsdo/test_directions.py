"""The network of dcdm, the residuals that it learns from, and its loss."""

import numpy as np
import pytest
import torch

from solvers.npsdo import bank, ritz, weights
from solvers.npsdo.data import Split, TrainingData, held_out
from solvers.npsdo.descent import Fitted, ScaledOperator
from solvers.npsdo.directions import DirectionNetwork
from solvers.npsdo.loss import direction_loss
from solvers.npsdo.scaling import scaling
from solvers.npsdo.training import Training, TrainingOptions
from tests.solvers.systems import CASES, box, generator, random_rhs

SAMPLES = 6


@pytest.fixture
def system(dim):
    return CASES["free_surface"](dim)


def drawn(system, seed=0):
    operator = ScaledOperator(system)
    start = operator.scale * random_rhs(system)
    return operator, *ritz.draw(operator, start, np.random.default_rng(seed), SAMPLES)


def random_network(dim, seed=1):
    """One whose every parameter counts."""
    network = weights.untrained("dcdm", dim)
    assert isinstance(network, DirectionNetwork)
    random = generator(seed)
    for parameter in network.parameters():
        parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    return network


def test_a_new_network_is_a_jacobi_sweep(dim, system):
    network = weights.untrained("dcdm", dim)
    fitted = Fitted(system, network)
    r = (random_rhs(system) * system.active)[None].float()
    d = fitted.apply(network, fitted.levels(network), r)
    assert torch.allclose(d, r / (2 * dim))


def test_directions_grow_with_the_residual_and_stay_in_the_fluid(dim, system):
    network = random_network(dim)
    fitted = Fitted(system, network)
    levels = fitted.levels(network)
    r = random_rhs(system)[None].float()
    d = fitted.apply(network, levels, r)
    assert torch.allclose(fitted.apply(network, levels, 4 * r), 4 * d, rtol=1e-4)
    assert not fitted.apply(network, levels, 0 * r).any()
    assert not d[0][~system.active].any() and d.abs().max() > 0
    outside = r + (~system.active).float()
    assert torch.equal(fitted.apply(network, levels, outside), d)
    assert not torch.allclose(fitted.apply(network, levels, -r), -d, rtol=1e-2)  # not linear


def test_ritz_pairs_are_those_of_the_krylov_space(dim, system):
    operator = ScaledOperator(system)
    start = operator.scale * random_rhs(system)
    values, vectors = ritz.ritz_pairs(operator, start, 40)
    flat = vectors.flatten(1)
    assert torch.allclose(flat @ flat.T, torch.eye(len(flat), dtype=flat.dtype), atol=1e-10)
    products = operator.product(vectors).flatten(1)
    assert torch.allclose(flat @ products.T, torch.diag(values), atol=1e-10)
    matrix, _ = system.to_scipy()
    scale = scaling(system)[system.active].numpy()
    exact = np.linalg.eigvalsh(scale[:, None] * matrix.toarray() * scale)
    assert exact[0] <= values[0] and values[-1] == pytest.approx(exact[-1], rel=1e-3)


def test_a_krylov_space_that_ends_is_whole(dim):
    system = box((4,) * dim, rim=1.0)
    start = torch.ones(system.shape, dtype=torch.float64)  # of two eigenvalues an axis
    values, vectors = ritz.ritz_pairs(ScaledOperator(system), start, 40)
    assert len(values) == dim + 1 and vectors.isfinite().all()


def test_drawn_residuals_have_norm_1_and_the_errors_that_belong_to_them(system):
    operator, r, e = drawn(system)
    assert torch.allclose(operator(e), r, atol=1e-5)
    assert torch.allclose(torch.linalg.vector_norm(r.flatten(1), dim=1), torch.ones(SAMPLES))
    assert not r[:, ~system.active].any() and not e[:, ~system.active].any()
    again = drawn(system)[1]
    assert torch.equal(again, r) and not torch.equal(drawn(system, seed=1)[1], r)


def test_the_loss_is_the_error_that_the_best_step_leaves(system):
    operator, r, e = drawn(system)
    d = (torch.randn(r.shape, generator=generator(2)) * system.active).float() + e / e.abs().max()
    loss = direction_loss(operator, r, e, d)

    def error(x):
        return (x.double() * operator.product(x.double())).flatten(1).sum(1).sqrt()

    for t in np.linspace(0.0, 2.0, 9) * float(e.abs().max()):
        assert (loss * error(e) <= error(e - t * d) * (1 + 1e-5)).all()
    best = (r * d).flatten(1).sum(1) / (d * operator(d)).flatten(1).sum(1)
    step = best.reshape(-1, *[1] * system.dim) * d
    assert torch.allclose(loss, error(e - step) / error(e), rtol=1e-4)
    assert torch.allclose(direction_loss(operator, r, e, -3 * d), loss, rtol=1e-4)
    assert direction_loss(operator, r, e, e).max() < 2e-3


@pytest.mark.parametrize("dim", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_training_lowers_the_error_that_a_step_leaves(dim, tmp_path):
    size = {2: 16, 3: 8}[dim]
    options = TrainingOptions(
        seed=1, steps=40, rate=3e-3, warm_up=5, loss="direction", systems=4, round_steps=20,
        samples=6, cells=2**12, average=0.8, gates=1,
    )  # fmt: skip
    data = TrainingData(dim, (size,), [], options.seed)
    problems = held_out(Split.VALIDATION, dim, (size,), [], options.seed, drawn=1)
    network = weights.untrained("dcdm", dim)
    training = Training(network, data, problems, options, lambda _: None)
    before = left(training.average, dim, size)
    training.run(tmp_path / "dcdm.safetensors", {})
    assert left(training.average, dim, size) < 0.9 * before
    assert weights.load(tmp_path / "dcdm.safetensors", "dcdm", dim) is not None


def left(network, dim, size):
    """Mean of the loss over problems that are not trained on."""
    found = []
    for problem in TrainingData(dim, (size,), [], seed=5).round(0, 4):
        samples = bank.collect(problem, network, np.random.default_rng(5), SAMPLES, "direction")
        assert samples is not None
        fitted, r = samples.fitted, samples.residuals
        d = fitted.apply(network, fitted.levels(network), r)
        found.append(direction_loss(samples.operator, r, samples.errors, d))
    return float(torch.cat(found).mean())
