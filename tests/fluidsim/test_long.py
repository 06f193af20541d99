"""Long runs, by `make test-slow`: orders and volume in 3D, all solvers on one scene."""

import json

import numpy as np
import pytest

import solvers
from fluidsim.cli import main
from fluidsim.solid.shapes import Box, Cylinder
from tests.fluidsim.test_smoke import energy_and_error, fitted_order
from tests.fluidsim.worlds import cubic, liquid

pytestmark = pytest.mark.slow


def test_taylor_green_converges_in_3d():
    sizes = [12, 24, 48]
    energies, errors = zip(*(energy_and_error(3, n, 0.5) for n in sizes), strict=True)
    assert energies[-1] > 0.995
    assert fitted_order(sizes, list(errors)) > 1.9


@pytest.mark.parametrize(("dim", "resolution"), [(2, 128), (3, 48)])
def test_volume_of_a_dam_break_is_kept_within_three_percent(dim, resolution):
    grid = cubic(dim, resolution)
    high = (1.0,) * (dim - 2)
    pillar = Cylinder((0.7, 0.0) if dim == 2 else (0.7, 0.5, 0.0), 0.06, 0.15 if dim == 2 else 0.75)
    dam = liquid(grid, Box((0.0,) * dim, (0.5, *high, 0.55)), [pillar], rtol=1e-6)
    worst = 0.0
    for _ in range(180):
        dam.advance(1 / 60)
        worst = max(worst, abs(dam.volume_error()))
    assert worst < 0.03


@pytest.mark.parametrize("dim", ["2", "3"])
def test_all_solvers_run_the_dam_break_and_agree_on_its_volume(dim, tmp_path):
    errors = []
    for solver in solvers.available():
        out = tmp_path / solver
        flags = ["--solver", solver, "--dim", dim, "--resolution", "32", "--frames", "24"]
        assert main(["run", "dam_break", *flags, "--no-render", "--out", str(out)]) == 0
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        errors.append([line["volume_error"] for line in lines[1:]])
        assert len(errors[-1]) == 24
    spread = np.ptp(np.array(errors), axis=0)
    assert spread.max() < 0.01
