"""The README's Python runs as it stands, its commands are tested ones, its links lead somewhere."""

import re

import pytest

import solvers
from fluidsim import run
from tests.documents import (
    PAGES,
    README,
    broken_links,
    executed,
    fenced,
    indented,
    make_targets,
    makefile_has,
    read,
)

TEXT = read(README)


def test_it_is_short():
    assert len(TEXT.splitlines()) <= 150
    assert len(re.findall(r"!\[.*?\]\(.*?\)", TEXT)) == 1


def test_the_solver_example(capsys):
    exec(indented(TEXT, "import torch, solvers"), {})
    iterations, residual, _ = capsys.readouterr().out.split()
    assert int(iterations) > 1
    assert float(residual) <= 1e-8


@pytest.mark.parametrize("dim", ["2", "3"])
def test_the_scene_example(dim, tmp_path):
    names = executed(indented(TEXT, "import sys"), tmp_path / "mine.py")
    flags = ["--dim", dim, "--resolution", "24", "--frames", "2", "--no-render"]
    assert run(names["build"], [*flags, "--out", str(tmp_path / "run")]) == 0


def test_every_command_stands_in_the_documentation_whose_tests_run_it():
    lines = re.findall(r"(?m)^    ((?:fluidsim|python scenes/\w+\.py) .*)$", TEXT)
    assert {line.split()[1] for line in lines if line.startswith("fluidsim")} == {
        "run", "scenes", "solvers", "render", "compare", "bench",
    }  # fmt: skip
    run_there = {
        line for page in PAGES for block in fenced(read(page), "sh") for line in block.splitlines()
    }
    assert {line.partition("#")[0].strip() for line in lines} <= run_there


def test_every_target_of_make_is_there():
    targets = make_targets(TEXT)
    assert targets >= {"demo", "test", "test-slow", "docs", "bench", "gallery", "verify"}
    assert makefile_has(targets)


def test_every_link_leads_somewhere():
    assert broken_links(README) == []


def test_every_solver_is_named():
    assert all(f"`{name}`" in TEXT for name in solvers.available())
