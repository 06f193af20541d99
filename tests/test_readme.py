"""The README's Python runs as it stands, and its links lead somewhere."""

import dataclasses
import json
import re
import shlex
import textwrap
from pathlib import Path

import pytest

import solvers
from fluidsim import run
from fluidsim.cli import main
from solvers import registry

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def snippet(first_line: str, text: str = README) -> str:
    """The first indented block that starts with this line."""
    block = re.search(rf"(?m)^    {re.escape(first_line)}\n(?:(?:    .*)?\n)*", text)
    assert block is not None
    return textwrap.dedent(block.group())


def test_the_solver_example(capsys):
    exec(snippet("import torch, solvers"), {})
    iterations, residual, _ = capsys.readouterr().out.split()
    assert int(iterations) > 1
    assert float(residual) <= 1e-8


def test_the_gradient_example(capsys):
    start = README.index("`solvers.differentiable_solve` gives")
    exec(snippet("import torch, solvers", README[start:]), {})
    assert float(capsys.readouterr().out.split("(")[1].split(",")[0]) > 0


def test_the_deblurring_example(capsys):
    start = README.index("To undo a blur exactly")
    exec(snippet("import torch", README[start:]), {})
    assert float(capsys.readouterr().out.split("(")[1].split(",")[0]) < 1e-12


@pytest.mark.parametrize("dim", ["2", "3"])
def test_the_scene_example(dim, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(snippet("import sys"))
    names: dict = {"__name__": "mine", "__file__": str(script)}
    exec(compile(script.read_text(), str(script), "exec"), names)
    flags = ["--dim", dim, "--resolution", "24", "--frames", "2", "--no-render"]
    assert run(names["build"], [*flags, "--out", str(tmp_path / "run")]) == 0


def test_the_example_of_a_solver_joins_by_its_entry_point(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_package.py").write_text(snippet("import dataclasses"))
    info = tmp_path / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fluidsim.solvers]\nminres = my_package:Minres\n")
    assert "minres" not in solvers.available()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "minres" in solvers.available()
    assert main(["solvers"]) == 0
    assert "SciPy's MINRES" in capsys.readouterr().out
    out = tmp_path / "run"
    flags = ["--dim", "2", "--resolution", "16", "--frames", "2", "--no-render"]
    recording = ["--record-systems", "1", "--out", str(out)]
    assert main(["run", "smoke_solid", "--solver", "minres", *flags, *recording]) == 0
    assert main(["bench", str(out), "--solvers", "cg", "minres", "--repeats", "1"]) == 0
    results = json.loads((out / "bench" / "results.json").read_text())["results"]
    assert all(row["failure"] == "" for row in results)


SMALLER = [
    (r"--resolution \d+", "--resolution 12"),
    (r"--frames \d+", "--frames 4"),
    (r"--size \d+x\d+", "--size 96x64"),
    (r"-(2|3)d-\d+-", r"-\1d-12-"),
    (r"RUN_DIR", "renders/dam_break-3d-12-multigrid"),
    (r"--minutes \d+", "--minutes 0.01 --sizes 8 --gate-sizes 8 --threads 1"),
]
DEFAULTS = {"run": ["--resolution", "12", "--frames", "2", "--size", "96x64"]}
DEFAULTS["compare"] = [*DEFAULTS["run"], "--repeats", "1", "--every", "1"]
DEFAULTS["bench"] = ["--repeats", "1"]
DEFAULTS["export-system"] = []


def commands() -> list[list[str]]:
    """The commands of this program in the README, in its order, on small grids."""
    lines = re.findall(r"(?m)^    (?:fluidsim|python scenes/\w+\.py) .*$", README)
    found = []
    for line in lines:
        line = line.partition("#")[0].replace("python scenes/", "fluidsim run ").replace(".py", "")
        if "run dam_break --resume" in line and "--frames" not in line:
            line = line.strip() + " --frames=3"  # after two of two
        for old, new in SMALLER:
            line = re.sub(old, new, line)
        words = shlex.split(line)[1:]
        resumed = "--resume" in words
        given = [] if resumed else DEFAULTS.get(words[0], [])
        for flag, value in zip(given[::2], given[1::2], strict=True):
            if flag not in words:
                words += [flag, value]
        found.append(words)
    return found


def test_every_command_runs(tmp_path, monkeypatch, capsys):
    """In one folder, as they build upon each other."""
    monkeypatch.chdir(tmp_path)
    assert main(["run", "dam_break", *DEFAULTS["run"]]) == 0
    listed = commands()
    assert len(listed) >= 15
    assert {words[0] for words in listed} >= {
        "run", "render", "scenes", "solvers", "compare", "bench", "train", "view", "export",
    }  # fmt: skip
    for words in listed:
        capsys.readouterr()
        if words[0] == "view" and "--save" not in words:
            continue  # it opens a window
        assert main(words) == 0, (words, capsys.readouterr().err)


def test_every_target_of_make_is_there():
    targets = set(re.findall(r"(?m)(?:`|; |^    )make ([a-z-]+)", README))
    assert targets >= {"demo", "test", "test-slow", "bench", "gallery"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{target}:" in makefile for target in targets)


def test_every_picture_is_there():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert len(pictures) >= 5
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_every_flag_is_explained():
    from fluidsim.parsing import OneLineParser
    from fluidsim.runs.flags import add_run_flags

    parser = OneLineParser()
    add_run_flags(parser)
    flags = {flag for flag in parser._option_string_actions if flag.startswith("--")}
    assert {flag for flag in flags - {"--help"} if f"`{flag}`" not in README} <= {"--debug"}


def test_every_solver_has_its_page_with_its_options():
    pages = (ROOT / "solvers" / "README.md").read_text(encoding="utf-8")
    sections = {part.partition("\n")[0]: part for part in pages.split("\n## ")[1:]}
    for name in solvers.available():
        assert name in sections, f"solvers/README.md lacks a page on {name}"
        page = sections[name]
        assert all(word in page for word in ("What:", "When:", "Options:", "Source:"))
        for field in dataclasses.fields(registry.create(name, {})):
            assert f"`{field.name}`" in page, f"the page on {name} lacks {field.name}"
