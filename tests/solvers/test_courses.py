"""The systems of a run one after the other."""

import csv
import math

import pytest
import torch

from solvers.bench import bench
from solvers.courses import courses, run_of, write_csv
from solvers.measurement import Measurement
from solvers.model_systems import model_system


def measured(system, solver, seconds, repeated=False, failure=""):
    times = [] if failure else seconds
    return Measurement(
        system, (4, 4), 16, solver, 7, 1e-9, failure, [1.0] * len(times), times, repeated
    )


RESULTS = [
    measured("run/000001", "cg", [1.0, 2.0, 4.0]),
    measured("run/000001", "ic", [1.0, 1.0, 1.0]),
    measured("run/000002", "cg", [1.0, 2.0, 3.0], repeated=True),
    measured("run/000002", "ic", [], failure="not converged"),
    measured("dam-2d-4", "cg", [1.0, 1.0, 1.0]),
]


def test_a_setup_counts_where_the_matrix_has_changed():
    cg, ic = courses(RESULTS)
    assert (cg.run, cg.solver, cg.solved, cg.systems) == ("run", "cg", 2, 2)
    assert cg.totals == [(2.5, 3.0, 4.0), (4.0, 5.0, 6.5)]
    assert cg.seconds == (4.0, 5.0, 6.5) and cg.iterations == (7.0, 7.0, 7.0)
    assert (ic.solved, ic.systems) == (1, 2) and math.isnan(ic.seconds[1])


def test_only_numbered_systems_are_of_a_run():
    assert run_of("run-16/000007", (4, 4)) == ("run-16", (4, 4))
    assert run_of("000007", (4, 4)) == ("", (4, 4))
    assert run_of("dam-2d-48", (4, 4)) is None


def test_the_file_has_a_line_a_course(tmp_path):
    write_csv(tmp_path / "found.csv", courses(RESULTS))
    with (tmp_path / "found.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["solver"], first["seconds_median"], first["shape"]) == ("cg", "5.0", "4x4")
    assert (second["solved"], second["systems"]) == ("1", "2")


@pytest.mark.parametrize(("names", "recalls"), [(("1", "2"), True), (("first", "2"), False)])
def test_a_solver_that_recalls_goes_through_a_run(names, recalls):
    stored = model_system("smoke", (32, 32))
    results = bench(dict.fromkeys(names, stored), ["ic", "recycling"], repeats=2, use_guess=False)
    first, second = (each for each in results if each.solver == "recycling")
    assert (second.iterations < first.iterations) == recalls
    assert [each.repeated for each in results] == [False, False, recalls, recalls]
    assert torch.equal(stored.rhs, model_system("smoke", (32, 32)).rhs)
