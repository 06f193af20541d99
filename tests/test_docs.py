"""Every code block of the documentation runs, and what it must mention is mentioned."""

import dataclasses
import importlib
import importlib.util
import inspect
import json
import re
import sys
from pathlib import Path

import pytest

import fluidsim
import solvers
from fluidsim import run
from fluidsim.cli import main
from solvers import registry
from tests.documents import (
    DOCS,
    PAGES,
    ROOT,
    broken_links,
    executed,
    fenced,
    installed,
    languages,
    make_targets,
    makefile_has,
    obey,
    read,
    records,
    saved_files,
)
from tests.solvers.generated import generated

TUTORIAL = DOCS / "tutorial"
HAVE_PYTHON = [page for page in PAGES if fenced(read(page), "python")]
HAVE_COMMANDS = [page for page in PAGES if fenced(read(page), "sh")]
LONG = tuple(
    DOCS / "howto" / f"{name}.md"
    for name in ("train", "compare", "verify", "pictures", "export", "sweeps", "upres")
)
INSTALLING = ("source .venv/bin/activate", "pip install .", "pip install -e .")
SMALL = ["--resolution", "12", "--frames", "1", "--no-render"]


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


def module_of(path: Path):
    """A script of docs/, imported."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


def slow_if_long(page):
    return pytest.param(page, marks=pytest.mark.slow) if page in LONG else page


@pytest.mark.parametrize("page", list(map(slow_if_long, HAVE_PYTHON)), ids=name_of)
def test_every_python_block_runs(page, tmp_path, monkeypatch):
    """Each by itself; one that defines a scene is also run, in 2D and in 3D."""
    monkeypatch.chdir(tmp_path)
    for number, source in enumerate(fenced(read(page), "python")):
        names = executed(source, tmp_path / f"block_{number}.py")
        for dim in ("2", "3") if "build" in names else ():
            out = tmp_path / f"run-{number}-{dim}"
            assert run(names["build"], [*SMALL, "--dim", dim, "--out", str(out)]) == 0


@pytest.mark.parametrize("page", list(map(slow_if_long, HAVE_COMMANDS)), ids=name_of)
def test_every_command_runs(page, tmp_path, monkeypatch, capsys):
    """Those of a page in one folder, as they build upon each other."""
    monkeypatch.chdir(tmp_path)
    text = read(page)
    for file, content in saved_files(text).items():
        Path(file).write_text(content, encoding="utf-8")
    for line in "".join(fenced(text, "sh")).splitlines():
        if line.startswith("make "):
            assert makefile_has({line.removeprefix("make ")})
        elif line not in INSTALLING:
            capsys.readouterr()
            assert obey(line) in (0, None), (line, capsys.readouterr().err)


def test_blocks_are_of_kinds_that_are_tested():
    kinds = {kind for page in PAGES for kind in languages(read(page))}
    directives = {"{toctree}", "{include}"}
    assert kinds - directives <= {"python", "sh", "json", "toml", "text"}
    for page in PAGES:
        for block in fenced(read(page), "json"):
            json.loads(block)


def test_the_example_of_a_solver_joins_by_its_entry_point(tmp_path, monkeypatch, capsys):
    text = read(TUTORIAL / "own-solver.md")
    files = saved_files(text)
    entry = re.search(
        r'(?m)^\[project\.entry-points\."(.*)"\]\n(\w+) = "(.*)"$', files["pyproject.toml"]
    )
    assert entry is not None
    group, name, place = entry.groups()
    installed(tmp_path, "my_package", files["my_package.py"], f"[{group}]\n{name} = {place}\n")
    assert "minres" not in solvers.available()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert "minres" in solvers.available()
    assert main(["solvers"]) == 0
    assert "SciPy's MINRES" in capsys.readouterr().out
    for line in fenced(text, "text")[0].splitlines():
        if line.startswith("fluidsim run"):
            line += " --dim 2 --no-render"
        assert obey(line) == 0, (line, capsys.readouterr().err)
    assert all(row["failure"] == "" for row in records(tmp_path / "renders" / "mine"))


def test_the_example_of_a_solver_meets_its_tolerance_on_liquids(tmp_path):
    source = saved_files(read(TUTORIAL / "own-solver.md"))["my_package.py"]
    solver = executed(source, tmp_path / "my_package.py")["Minres"]()
    for seed in range(10):
        system, rhs, _ = generated("ghost fluid", seed)
        rhs[..., system.shape[-1] // 2 - 1] *= 1e5  # beside the surface, as the air's pressure is
        assert solvers.solve(system, rhs, solver, rtol=1e-6).converged


def test_what_the_examples_of_the_tutorial_print(capsys):
    blocks = fenced(read(TUTORIAL / "own-solver.md"), "python")
    gradients = next(block for block in blocks if "differentiable_solve" in block)
    exec(gradients, {})
    assert float(capsys.readouterr().out.split("(")[1].split(",")[0]) > 0
    deblurring = next(block for block in blocks if "factorize" in block)
    exec(deblurring, {})
    assert float(capsys.readouterr().out.split("(")[1].split(",")[0]) < 1e-12


@pytest.mark.slow  # `make docs` runs them too
@pytest.mark.parametrize("script", sorted(DOCS.glob("examples/*.py")), ids=lambda path: path.stem)
def test_every_example_runs_and_draws(script, tmp_path):
    page = module_of(DOCS / "pages.py").page(script, tmp_path)
    assert read(page).startswith("# ")
    assert list(tmp_path.glob("*.png"))
    assert broken_links(page) == []


def test_long_examples_may_be_left_unrun(tmp_path):
    pages = module_of(DOCS / "pages.py")
    for name in pages.LONG:
        page = read(pages.page(DOCS / "examples" / f"{name}.py", tmp_path, run=False))
        assert page.startswith("# ") and "```python" in page and "```text" not in page


def test_a_script_that_begins_without_a_cell_is_refused():
    pages = module_of(DOCS / "pages.py")
    with pytest.raises(ValueError, match="line 1 comes before the first cell"):
        pages.cells("import torch\n# %%\n")
    text, code = pages.cells("# %% [markdown]\n# # Title\n#\n# Text\n\n# %%\nx = 1\n")
    assert (text.is_text, text.source) == (True, "# Title\n\nText")
    assert (code.is_text, code.source, code.line) == (False, "x = 1", 7)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "solvers" / "README.md"], ids=lambda p: p.stem)
def test_every_link_leads_somewhere(page):
    assert broken_links(page) == []


def test_every_target_of_make_is_there():
    assert makefile_has(set().union(*(make_targets(read(page)) for page in PAGES)))


def test_every_page_is_in_the_index():
    listed = set(re.findall(r"(?m)^[\w/-]+$", read(DOCS / "index.md")))
    listed |= {
        f"solvers/{name}" for name in re.findall(r"(?m)^[\w-]+$", read(DOCS / "solvers/index.md"))
    }
    assert {name_of(page) for page in PAGES} <= listed | {"index"}


def test_every_flag_is_explained():
    from fluidsim.runs.flags import OneLineParser, add_run_flags

    parser = OneLineParser()
    add_run_flags(parser)
    flags = {flag for flag in parser._option_string_actions if flag.startswith("--")}
    page = read(DOCS / "howto" / "flags.md")
    assert {flag for flag in flags - {"--help"} if f"`{flag}`" not in page} == set()


def test_every_scene_is_listed():
    from fluidsim.runs.catalogue import scene_names

    page = read(DOCS / "scenes.md")
    assert [name for name in scene_names() if f"`{name}`" not in page] == []


def test_every_solver_has_its_page_with_its_options():
    index = read(DOCS / "solvers" / "index.md")
    for name in solvers.available():
        assert f"]({name}.md)" in index
        page = read(DOCS / "solvers" / f"{name}.md")
        headings = ("What it does", "When to choose it", "Cost", "Options", "Source")
        assert all(f"\n## {heading}\n" in page for heading in headings)
        for field in dataclasses.fields(registry.create(name, {})):
            assert f"`{field.name}`" in page, f"the page on {name} lacks {field.name}"


@pytest.mark.parametrize(
    "page, module",
    [
        ("fluidsim", "fluidsim"),
        ("solvers", "solvers"),
        ("solid", "fluidsim.solid.shapes"),
        ("solid", "fluidsim.solid.motion"),
        ("solid", "fluidsim.solid.mesh"),
        ("solid", "fluidsim.solid.steered"),
        ("solid", "fluidsim.solid.splines"),
        ("solid", "fluidsim.solid.spline_files"),
    ],
)
def test_every_public_name_is_in_the_reference(page, module):
    text = read(DOCS / "reference" / f"{page}.rst")
    found = importlib.import_module(module)
    public = getattr(found, "__all__", None) or [
        name
        for name, value in vars(found).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module
    ]
    for name in public:
        assert re.search(rf"(?m)^\.\. (autoclass|autofunction|py:type):: (.*\.)?{name}$", text), (
            name
        )


def test_the_docstrings_of_public_names_describe_every_parameter():
    for name in fluidsim.__all__:
        value = getattr(fluidsim, name)
        described = inspect.getdoc(value) or ""
        for parameter in inspect.signature(value).parameters:
            entry = rf"(?m)^(?:\w+, )*(?:\*\*)?{parameter}(?:, \w+)*(?: : .*)?$"
            assert re.search(entry, described), f"{name} does not describe {parameter}"


def test_the_picture_of_the_layers_is_up_to_date():
    layers = module_of(DOCS / "layers.py")
    assert read(layers.TARGET) == layers.draw()
