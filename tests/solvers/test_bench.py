"""The comparison is honest: identical systems, failures shown, figures from the measurements."""

import csv
import json
import math

import pytest
import torch

from solvers import bench
from solvers.bench_plots import plot_all
from solvers.multigrid import Multigrid
from solvers.storage import StoredSystem, save_system
from tests.solvers.systems import CASES

NAMES = ["cg", "amg", "direct"]


def stored(case="obstacle", dim=2):
    system = CASES[case](dim)
    generator = torch.Generator().manual_seed(0)
    rhs = torch.randn(system.shape, dtype=torch.float64, generator=generator)
    return StoredSystem(system, rhs, None, {})


@pytest.fixture(scope="module")
def results():
    systems = {"a": stored(), "b": stored("free_surface", 3), "c": stored("many_pockets", 2)}
    return bench.bench(systems, NAMES, rtol=1e-8, repeats=2)


def test_every_solver_on_every_system(results):
    assert [(r.system, r.solver) for r in results] == [(s, n) for s in "abc" for n in NAMES]
    for result in results:
        assert result.failure == ""
        assert result.relative_residual <= 1e-8
        assert result.seconds > 0
        assert len(result.history) == result.iterations + 1


def test_a_solver_that_misses_the_tolerance_is_a_row_that_says_so():
    rows = bench.bench({"a": stored()}, ["cg", "direct"], rtol=1e-30, repeats=1)
    assert [row.failure for row in rows] == ["not converged"] * 2
    assert rows[0].relative_residual > 1e-30
    summary = bench.summarise(rows)[0]
    assert (summary.solved, summary.systems) == (0, 1)
    assert math.isnan(summary.speedup)


def test_a_solver_that_raises_is_a_row_that_says_why():
    system = stored()
    poisoned = StoredSystem(system.system, system.rhs * float("nan"), None)
    (row,) = bench.bench({"a": poisoned}, ["cg"], repeats=1)
    assert "rhs" in row.failure
    assert math.isnan(row.seconds)


def row(solver, times, system="a", shape=(10, 10), iterations=5):
    unknowns = math.prod(shape)
    return bench.Measurement(
        system, shape, unknowns, solver, iterations, 1e-7, "", times, [0.0] * len(times)
    )


def test_times_are_medians_with_quartiles_and_the_slowest_setup():
    times = [1.0, 9.0, 2.0, 4.0, 3.0]
    values = row("cg", times).row()
    assert row("cg", times).setup_seconds == values["setup_seconds"] == 3.0
    assert (values["setup_lower_quartile"], values["setup_upper_quartile"]) == (2.0, 4.0)
    assert values["slowest_setup"] == 9.0
    (summary,) = bench.summarise([row("cg", times)])
    assert (summary.setup_seconds, summary.slowest_setup) == (3.0, 9.0)


def test_solvers_take_turns_so_that_a_busy_spell_meets_all_of_them(monkeypatch):
    order = []
    solve = bench.solve
    monkeypatch.setattr(
        bench, "solve", lambda *given, **rest: order.append(given[2]) or solve(*given, **rest)
    )
    bench.bench({"a": stored()}, ["cg", "ic"], repeats=2)
    assert order == ["cg", "ic", "ic", "cg", "cg", "ic"]


def test_speedups_are_of_the_same_round_and_have_their_quartiles():
    """The machine is ten times slower in the second round: the ratio is not."""
    rows = [row("cg", [4.0, 40.0, 4.0]), row("amg", [2.0, 20.0, 2.0])]
    summary = bench.summarise(rows)[1]
    assert summary.speedup == 2.0
    assert summary.speedup_quartiles == (2.0, 2.0)


def test_noisy_times_are_told():
    quiet = row("cg", [1.0, 1.01, 1.02, 1.03, 1.04])
    assert bench.noise([quiet]) == ""
    assert bench.noise([quiet, row("amg", [1e-5, 2e-5, 3e-5])]) == ""  # below what clocks tell
    said = bench.noise([quiet, row("amg", [1.0, 1.5, 2.0, 2.5, 3.0])])
    assert "noisy: in 1 of 2 rows" in said and "50%" in said


def test_growth_with_the_size_is_fitted():
    shapes = [(8, 8), (16, 16), (32, 32)]
    rows = [
        row(name, [1e-3 * math.prod(shape) ** power] * 3, str(shape), shape)
        for name, power in (("cg", 1.5), ("multigrid", 1.0))
        for shape in shapes
    ]
    assert bench.growth(rows, "cg") == pytest.approx(1.5)
    assert bench.growth(rows, "multigrid") == pytest.approx(1.0)
    assert math.isnan(bench.growth(rows[:1], "cg"))
    assert [each.shape for each in bench.sizes(rows) if each.solver == "cg"] == shapes


def test_summary_and_speedups_come_from_the_rows(results):
    base = {r.system: r.seconds for r in results if r.solver == "cg"}
    expected = [base[r.system] / r.seconds for r in results if r.solver == "amg"]
    assert bench.speedups(results, "amg") == expected
    assert bench.speedups(results, "cg") == [1.0] * 3
    summaries = bench.summarise(results)
    assert [summary.solver for summary in summaries] == NAMES
    assert summaries[0].most_iterations == max(r.iterations for r in results if r.solver == "cg")


def test_guess_of_the_run_is_used_unless_told_otherwise():
    system = stored()
    exact = bench.solve(system.system, system.rhs, "direct", rtol=1e-12).pressure
    warm = StoredSystem(system.system, system.rhs, exact, {})
    with_guess, without = (
        bench.bench({"a": warm}, ["cg"], repeats=1, use_guess=use)[0] for use in (True, False)
    )
    assert with_guess.iterations < without.iterations


def test_files_hold_the_rows(results, tmp_path):
    bench.write_csv(tmp_path / "r.csv", results)
    bench.write_json(tmp_path / "r.json", results, {"threads": 2})
    with (tmp_path / "r.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["solver"] for row in rows] == NAMES * 3
    assert float(rows[0]["relative_residual"]) == results[0].relative_residual
    read = json.loads((tmp_path / "r.json").read_text())
    assert read["threads"] == 2
    assert read["results"][0]["history"] == results[0].history
    assert read["results"][0]["solve_times"] == results[0].solve_times
    assert read["results"][0]["solve_seconds"] == results[0].solve_seconds


def test_plots_are_pictures(results, tmp_path):
    paths = plot_all(results, tmp_path)
    assert len(paths) == 5
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert plot_all([], tmp_path) == []


def test_systems_of_a_folder_or_a_run(tmp_path):
    with pytest.raises(ValueError, match="record-systems"):
        bench.load_systems(tmp_path)
    (tmp_path / "systems").mkdir()
    save_system(tmp_path / "systems" / "000001.npz", stored())
    assert list(bench.load_systems(tmp_path)) == ["000001"]
    assert list(bench.load_systems(tmp_path / "systems")) == ["000001"]


def test_systems_of_the_runs_in_a_folder(tmp_path):
    for run in ("run-8", "run-16"):
        (tmp_path / run / "systems").mkdir(parents=True)
        save_system(tmp_path / run / "systems" / "000001.npz", stored())
    assert set(bench.load_systems(tmp_path)) == {"run-8/000001", "run-16/000001"}


def test_solvers_with_options_have_rows_of_their_own():
    named = {"loose": Multigrid(sweeps=1), "tight": Multigrid(sweeps=4), "cg": "cg"}
    rows = bench.bench({"a": stored()}, named, repeats=1)
    assert [row.solver for row in rows] == ["loose", "tight", "cg"]
    assert rows[0].iterations > rows[1].iterations
