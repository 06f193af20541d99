"""The suite itself: its measures on known data, its page, its words on the command line."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fluidsim.cli import main
from fluidsim.verification import suite
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot, fitted_order
from fluidsim.verification.cases import CASES, FAMILIES, chosen
from fluidsim.verification.fits import swing
from fluidsim.verification.schemes import OneProjection
from fluidsim.verification.vortices import IDEAL, TUNNEL, vortex_in_wind
from fluidsim.verification.worlds import smoke


def test_a_swing_is_found():
    times = np.linspace(0, 8, 400)
    values = 0.3 + 2 * 0.9 ** (times / 1.07) * np.cos(2 * np.pi * times / 1.07 + 0.2)
    found = swing(times, values, 1.0)
    assert found.period == pytest.approx(1.07, rel=1e-6)
    assert found.loss == pytest.approx(0.1, rel=1e-5)


def test_an_order_is_fitted():
    assert fitted_order([10, 20, 40], [1e-2, 2.5e-3, 6.25e-4]) == pytest.approx(2)


def test_a_check_has_two_sides_or_one_and_no_number_never_holds():
    assert Check("x", 1.01, 1.0, 0.02).holds and not Check("x", 1.03, 1.0, 0.02).holds
    assert Check("x", 9.0, 1.0, 0.1, at_least=True).holds
    assert not Check("x", 0.8, 1.0, 0.1, at_least=True).holds
    assert not Check("x", math.nan, 1.0, 0.1).holds
    assert not Check("x", math.nan, 1.0, 0.1, at_least=True).holds


def test_names_are_unique_and_of_a_family():
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.family == name for name, (_, cases) in FAMILIES.items() for case in cases)
    assert [case.name for case in chosen(["mass-2d-*"])] == ["mass-2d-empty", "mass-2d-ball"]
    assert chosen([]) == list(CASES)


def test_cases_are_listed(capsys):
    assert main(["verify", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [case.name for case in CASES]
    assert main(["verify", "flying", "--out", "nowhere"]) == 1
    assert "no case 'flying'" in capsys.readouterr().err


def test_a_vortex_that_the_wind_carries_keeps_its_energy():
    """A pressure that acts half a step late takes an eighth of it at this size."""
    like = smoke(TUNNEL, 64)
    room = OneProjection(replace(like.setup, cfl=2.0), (), IDEAL)
    left, error = vortex_in_wind(room)
    assert left == pytest.approx(1.0, abs=0.03)
    assert error < 0.16


def test_a_case_is_run_and_its_page_is_written(tmp_path, monkeypatch, capsys):
    small = next(case for case in CASES if case.name == "balance-light_ball-3d")
    broken = Case("balance-none", "nothing", "none", lambda: 1 / 0)  # pyright: ignore
    curves = Curve("exact", [1, 2], [1, 4], True), Curve("found", [1, 2], [1, 5])
    plotted = Case(
        "balance-plot", "a plot", "none",
        lambda: Findings(
            (Check("five", 5.0, 4.0, 0.5),), (Plot("p", "x", "y", curves),), (("n",), ("7",))
        ),
    )  # fmt: skip
    cases = (small, broken, plotted)
    monkeypatch.setattr(suite, "chosen", lambda patterns: list(cases))
    monkeypatch.setitem(FAMILIES, "balance", ("Balances", cases))
    assert main(["verify", "balance", "--threads", "1", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "case 3/3" in said.out
    assert "outside their tolerances: balance-none, balance-plot" in said.err
    assert len(said.err.strip().splitlines()) == 1
    page = (tmp_path / "VERIFICATION.md").read_text()
    assert "1 of 3 cases hold" in page and "--out" in page
    assert "| balance-plot | five | 5.0000 | 4.0000 | 0.5000 | **short** |" in page
    assert "ZeroDivisionError" in page and "![balance](balance.webp)" in page
    assert (tmp_path / "balance.webp").stat().st_size < 60_000
