"""Training: it learns, resumes exactly, keeps only what the gate accepts, and follows the seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numba
import pytest
import torch

from solvers import tensor_files
from solvers.model_systems import model_system
from solvers.npsdo import ablation, bank, data, gate, loss, weights
from solvers.npsdo.data import Split, TrainingData, generator, held_out
from solvers.npsdo.descent import Fitted, ScaledOperator
from solvers.npsdo.training import Training, TrainingOptions
from solvers.npsdo.weights import Network
from solvers.storage import save_system

Loss = Callable[[ScaledOperator, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
OPTIONS = TrainingOptions(
    seed=1, steps=45, rate=1e-3, warm_up=10, systems=2, round_steps=15, samples=6, cells=2**10,
    average=0.9, gates=2,
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Grids this small are slower on several threads."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(threads)


def _training(options: TrainingOptions = OPTIONS, kind: str = "npsdo", dim: int = 2) -> Training:
    size = {2: 16, 3: 8}[dim]
    training_data = TrainingData(dim, (size,), [], options.seed)
    problems = held_out(Split.VALIDATION, dim, (size,), [], options.seed, drawn=1)
    return Training(weights.untrained(kind, dim), training_data, problems, options, lambda _: None)


def _mean_loss(network: Network, dim: int, measure: Loss = loss.energy_loss) -> float:
    """Of solves of fixed problems with a new network."""
    new, values = weights.untrained("npsdo", dim), []
    for problem in TrainingData(dim, (16 if dim == 2 else 8,), [], seed=5).round(0, 6):
        samples = bank.collect(problem, new, generator(5, Split.TEST), 8, "energy")
        if samples is not None:
            r, e, operator = samples.residuals, samples.errors, samples.operator
            fitted = Fitted(problem.system, network)
            d = fitted.apply(network, fitted.levels(network), r)
            values.append(measure(operator, r, e, d * (operator.scale > 0)))
    return float(torch.cat(values).mean())


def test_fifty_steps_lower_the_loss(dim: int, tmp_path: Path) -> None:
    training = _training(replace(OPTIONS, steps=50), dim=dim)
    before = _mean_loss(training.average, dim)
    training.run(tmp_path / "out.safetensors", {})
    assert training.progress.step == 50
    assert _mean_loss(training.average, dim) < 0.95 * before


def test_fluidnet_learns_from_residuals_alone(tmp_path: Path) -> None:
    training = _training(replace(OPTIONS, loss="residual", steps=60), "fluidnet")
    before = _mean_loss(training.average, 2, loss.residual_loss)
    training.run(tmp_path / "out.safetensors", {})
    assert _mean_loss(training.average, 2, loss.residual_loss) < 0.95 * before


def test_the_network_of_the_paper_learns_as_well(tmp_path: Path) -> None:
    training = _training(kind="npsdo-paper")
    lines: list[str] = []
    training.report = lines.append
    training.run(tmp_path / "out.safetensors", {})
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in lines if "loss" in line]
    assert len(losses) == 3 and losses[-1] < losses[0]


@pytest.mark.slow
def test_a_resumed_training_equals_one_that_was_not_interrupted(tmp_path: Path) -> None:
    whole, begun, resumed = _training(), _training(), _training()
    whole.run(tmp_path / "whole.safetensors", {})
    checkpoint = tmp_path / "checkpoint.safetensors"

    def stop(line: str) -> None:
        if line.startswith("round 3"):
            raise KeyboardInterrupt

    begun.report = stop
    with pytest.raises(KeyboardInterrupt):
        begun.run(tmp_path / "out.safetensors", {}, checkpoint)
    resumed.restore(checkpoint)
    assert resumed.progress.step == 30
    resumed.run(tmp_path / "out.safetensors", {}, checkpoint)
    assert replace(resumed.progress, seconds=0) == replace(whole.progress, seconds=0)
    for network in ("network", "average"):
        pairs = zip(
            getattr(whole, network).parameters(), getattr(resumed, network).parameters(),
            strict=True,
        )  # fmt: skip
        assert all(torch.equal(a, b) for a, b in pairs)


def test_a_checkpoint_of_other_settings_or_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    _training().save(path)
    with pytest.raises(ValueError, match="other settings"):
        _training(replace(OPTIONS, rate=1e-4)).restore(path)
    with pytest.raises(ValueError, match="cannot be read"):
        _training().restore(tmp_path / "none.safetensors")
    tensors, about = tensor_files.read(path)
    tensor_files.write(path, dict(list(tensors.items())[:5]), about)
    with pytest.raises(ValueError, match="not a whole checkpoint"):
        _training().restore(path)


def test_the_gate_refuses_what_is_worse_on_any_size() -> None:
    initial, best = {16: (10.0, 12), 32: (20.0, 30)}, {16: (9.0, 11), 32: (15.0, 20)}
    assert gate.accepts(initial, best, {16: (8.5, 11), 32: (14.0, 20)})
    assert not gate.accepts(initial, best, {16: (9.0, 11), 32: (16.0, 20)})  # not better
    assert not gate.accepts(initial, best, {16: (10.5, 11), 32: (5.0, 6)})  # a mean is worse
    assert not gate.accepts(initial, best, {16: (9.5, 13), 32: (5.0, 6)})  # a maximum is worse


def test_a_ruined_network_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "out.safetensors"
    training = _training(replace(OPTIONS, rate=10.0, warm_up=1, steps=20, gates=1))
    try:
        training.run(path, {})
    except ValueError as error:  # it solves nothing any more
        assert "diverged" in str(error)
    assert training.progress.step > 0
    changed = zip(training.average.parameters(), training.network.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in changed)
    kept = weights.load(path, "npsdo", 2)
    pairs = zip(kept.parameters(), weights.untrained("npsdo", 2).parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert training.progress.best == training.progress.initial


def test_data_follow_the_seed_and_splits_share_nothing(dim: int) -> None:
    size = 16 if dim == 2 else 8

    def drawn(seed: int) -> dict[str, list[bytes]]:
        found = {"training": list(TrainingData(dim, (size,), [], seed).round(0, 6))}
        for split in (Split.VALIDATION, Split.TEST):
            found[split.name] = held_out(split, dim, (size,), [], seed, drawn=6)[-6:]
        return {
            name: [problem.rhs.numpy().tobytes() for problem in problems]
            for name, problems in found.items()
        }

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert first == again
    everything = [each for found in (first, other) for part in found.values() for each in part]
    assert len(set(everything)) == len(everything) == 36


def test_right_hand_sides_can_be_solved_and_have_norm_one(dim: int) -> None:
    for problem in TrainingData(dim, (12,), [], seed=3, batch=3).round(1, 8):
        assert problem.rhs.shape == (3, *problem.system.shape)
        for b in problem.rhs:
            assert abs(float(b.norm()) - 1) < 1e-12
            assert not b[~problem.system.active].any()
            mean_free = problem.system.floating.remove_means(b)
            assert float((mean_free - b).norm()) < 1e-9


def test_a_cropped_problem_is_the_same(dim: int) -> None:
    stored = model_system("dam", (12,) * dim)
    full = data.problem(stored.system, generator(0, Split.TEST), 1, [stored.rhs])
    cropped = data.cropped(full)
    assert cropped.system.active.numel() < full.system.active.numel()
    difference = full.system.to_scipy()[0] - cropped.system.to_scipy()[0]
    assert abs(difference).max() == 0
    assert torch.equal(full.rhs[:, full.system.active], cropped.rhs[:, cropped.system.active])


def test_the_scaled_operator_is_symmetric_and_near_unit_weights(dim: int) -> None:
    stored = model_system("dam", (10,) * dim)
    scaled = tuple(3e-5 * w for w in stored.system.face_weights)
    unit = ScaledOperator(stored.system)
    small = ScaledOperator(type(stored.system)(scaled, stored.system.active))
    torch.manual_seed(0)
    x, y = torch.randn(2, 1, *stored.system.shape).double() * stored.system.active
    assert torch.allclose(small(x), unit(x), rtol=1e-9)
    assert torch.allclose(unit(x)[0], stored.system.apply(x[0]))
    assert float((y * small(x)).sum()) == pytest.approx(float((x * small(y)).sum()))
    x.requires_grad_()
    (gradient,) = torch.autograd.grad((y * small(x)).sum(), x)
    assert torch.allclose(gradient, small(y))


def test_the_energy_loss_is_nought_for_the_error_and_one_for_nothing(dim: int) -> None:
    problem = next(iter(TrainingData(dim, (10,), [], seed=2).round(0, 1)))
    samples = bank.collect(
        problem, weights.untrained("npsdo", dim), generator(0, Split.TEST), 6, "energy"
    )
    assert samples is not None
    r, e = samples.residuals, samples.errors
    for each in (loss.energy_loss, loss.residual_loss):
        assert float(each(samples.operator, r, e, e).max()) < 0.05
        assert torch.allclose(
            each(samples.operator, r, e, 0 * e), torch.ones(len(r), dtype=torch.float64)
        )


def test_recorded_systems_are_found_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "run" / "systems").mkdir(parents=True)
    for dim in (2, 3):
        save_system(tmp_path / "run" / "systems" / f"{dim}.npz", model_system("dam", (8,) * dim))
    assert [each.system.dim for each in data.load_recorded([tmp_path], 2)] == [2]
    with pytest.raises(ValueError, match="no stored systems of dimension 2"):
        data.load_recorded([tmp_path / "run" / "nothing"], 2)


@pytest.mark.slow
def test_the_ablation_has_a_row_for_everything() -> None:
    found = dict(ablation.rows(steps=1, size=8, judged=(8,)))
    assert len(found) == 3 + 1 + 2 * len(ablation.DIRECTIONS)
    assert all(scores.startswith("8: ") for scores in found.values())


def test_a_round_without_anything_to_learn_is_said(tmp_path: Path) -> None:
    training = _training()
    for parameter in training.average.parameters():  # with it no solve succeeds
        parameter.zero_()
    training.progress.initial = training.progress.best = {}
    with pytest.raises(ValueError, match="to learn from"):
        training.run(tmp_path / "out.safetensors", {})
