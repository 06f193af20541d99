"""The figures of solvers that learn along runs, on model systems instead of runs."""

import dataclasses

import imageio.v3 as imageio
import numpy as np
import pytest

import solvers
from fluidsim.figures import choice, guesses, relaxation, sequences
from fluidsim.figures.sequences import Run, follow
from solvers.auto.arms import ARMS
from solvers.model_systems import model_system
from solvers.sor import OverRelaxation
from solvers.sor.omegas import OMEGAS

CELLS = (16, 16)


def dams(count):
    """Systems that change from one to the next."""
    return [model_system("dam", CELLS, seed=seed) for seed in range(count)]


def rooms(count):
    """The same system again and again."""
    stored = model_system("smoke", CELLS)
    return [stored for _ in range(count)]


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Two runs that need no simulation; the picture goes elsewhere."""
    monkeypatch.setattr(Run, "systems", lambda run, frames: dams(14))
    monkeypatch.setattr(relaxation, "RUNS", (Run("dam_break", 2, 16),))
    monkeypatch.setattr(choice, "RUNS", (Run("dam_break", 2, 16), Run("water_drop", 2, 16)))
    monkeypatch.setattr(relaxation, "PICTURE", tmp_path / "relaxation.webp")
    return tmp_path


def test_systems_are_followed_in_order_and_new_ones_are_told():
    named = {"half": OverRelaxation(omega=1.5), "never": OverRelaxation(max_iterations=1)}
    systems = [*rooms(2), *dams(2), *rooms(1)]
    steps = list(follow(systems, named))
    assert [step.is_new for step in steps] == [True, False, True, True, True]
    assert [step.unknowns for step in steps] == [each.system.unknowns for each in systems]
    for step, stored in zip(steps, systems, strict=True):
        alone = solvers.solve(stored.system, stored.rhs, "sor", stored.guess, omega=1.5)
        assert step.iterations == {"half": alone.iterations, "never": 0}
        assert all(0 < seconds < 60 for seconds in step.seconds.values())


def test_hopeless_omegas_are_not_followed_to_the_end():
    found = relaxation.counts(dams(14))
    assert len(found) == len(OMEGAS) + 3
    assert all(len(found[label]) == 14 for label in ("1.5", "learned", "contextual"))
    assert len(found["1.000"]) == len(found["1.985"]) == 10
    best = relaxation.best_fixed(found)
    whole = [label for label, values in found.items() if len(values) == 14]
    fixed = [label for label in whole if label not in relaxation.LEARNERS]
    assert sum(found[best]) == min(sum(found[label]) for label in fixed)


def test_omegas_are_told_and_drawn(runs, monkeypatch):
    found = {"1.5": [90] * 6, "1.200": [200], "1.670": [40, 40, 40, 40, 30, 30]}
    found |= {"learned": [80, 80, 80, 80, 60, 60], "contextual": [40] * 6}
    monkeypatch.setattr(relaxation, "counts", lambda systems: found)
    lines = [line.strip("| ").split(" | ") for line in relaxation.relaxation().splitlines()]
    assert lines[0][:4] == ["iterations a solve", "systems", "omega 1.5", "best fixed one"]
    means = ["dam_break 16^2", "6", "90", "37 (1.670)", "73", "40"]
    assert lines[2] == [*means, "+100%, +9%", "+100%, +33%"]
    picture = imageio.imread(runs / "relaxation.webp")
    assert picture.shape[1] > 400 and np.std(picture) > 10


def test_work_is_setups_of_new_systems_and_iterations():
    totals = choice.totals(rooms(6))
    found, unknowns = totals.work, rooms(1)[0].system.unknowns
    assert totals.systems == 6 and all(seconds > 0 for seconds in totals.seconds.values())
    for arm in ARMS:
        stored = rooms(1)[0]
        alone = solvers.solve(stored.system, stored.rhs, arm.solver, stored.guess)
        iterations = 6 * alone.iterations * arm.iteration.of(unknowns)
        assert found[arm.text] == pytest.approx(arm.setup.of(unknowns) + iterations)
    least = min(work for label, work in found.items() if label != "auto")
    setups = sum(arm.setup.of(unknowns) for arm in ARMS)
    assert least < found["auto"] < 3 * least + setups


def test_choices_are_told_beside_the_best_in_hindsight(runs):
    lines = [line.strip("| ").split(" | ") for line in choice.auto().splitlines()]
    assert lines[0][1:] == ["systems", "auto", *(arm.text for arm in ARMS)]
    rows = lines[2:4]
    assert [row[0] for row in rows] == ["dam_break 16^2", "water_drop 16^2"]
    for row in rows:
        cells = [cell.rstrip(")").split(" (") for cell in row[2:]]
        ratios, times = ([float(each[n]) for each in cells] for n in (0, 1))
        assert min(ratios[1:]) == min(times[1:]) == 1.0 and 0.9 < ratios[0] < 3.0


def swaying(count):
    """A room whose right-hand sides combine two, with a fair guess of each pressure."""
    stored = model_system("smoke", CELLS)
    second = model_system("smoke", CELLS, seed=1).rhs
    for turn in range(count):
        rhs = stored.rhs + 0.2 * (turn % 3) * second
        guess = 0.9 * solvers.solve(stored.system, rhs).pressure
        yield dataclasses.replace(stored, rhs=rhs, guess=guess)


def test_guesses_are_counted_from_zero_to_many(monkeypatch):
    monkeypatch.setattr(Run, "systems", lambda run, frames, *flags: swaying(8))
    monkeypatch.setattr(guesses, "RUNS", (Run("smoke_solid", 2, 16),))
    monkeypatch.setattr(guesses, "SHAPES", ((8, 8),))
    lines = [line.strip("| ").split(" | ") for line in guesses.guesses().splitlines()]
    assert lines[0] == ["run", "systems", "solver", "zero", "the last", "2", "4", "8"]
    by_solver = {row[2]: [float(cell) for cell in row[3:]] for row in lines[2:5]}
    assert list(by_solver) == ["multigrid", "ic", "cg"]
    zero, last, *several = by_solver["cg"]
    assert zero > last > max(several) > 0
    assert lines[8][0] == "ms" and all(float(cell) > 0 for cell in lines[10][1:])


def test_a_run_gives_its_systems(monkeypatch):
    def run(*arguments):
        out = arguments[arguments.index("--out") + 1]
        assert arguments[:2] == ("run", "dam_break") and "--no-render" in arguments
        for number in (2, 1):
            store(out, number)

    def store(out, number):
        folder = sequences.Path(out) / "systems"
        folder.mkdir(parents=True, exist_ok=True)
        stored = model_system("box", (4 + number, 4))
        solvers.storage.save_system(folder / f"{number:04d}.npz", stored)

    monkeypatch.setattr(sequences, "run_fluidsim", run)
    shapes = [stored.system.shape for stored in Run("dam_break", 2, 16).systems(3)]
    assert shapes == [(5, 4), (6, 4)]
