"""What the tests of README and docs share: their code blocks and their commands, on small grids."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

from fluidsim import run
from fluidsim.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
# The pages that people write; a script in examples/ makes its own.
PAGES = sorted(
    path
    for path in DOCS.rglob("*.md")
    if "_build" not in path.parts and not path.with_suffix(".py").exists()
)
SMALLER = [
    (r"--resolution \d+", "--resolution 12"),
    (r"--resolutions \d+ \d+", "--resolutions 8 12"),
    (r"--size \d+x\d+", "--size 96x64"),
    (r"-(2|3)d-\d+-", r"-\1d-12-"),
    (r"--minutes \d+", "--minutes 0.01 --sizes 8 --gate-sizes 8 --threads 1"),
]
DEFAULTS = {"run": ["--resolution", "12", "--frames", "2", "--size", "96x64"]}
DEFAULTS["compare"] = [*DEFAULTS["run"], "--repeats", "1", "--every", "1"]
DEFAULTS["sweep"] = [*DEFAULTS["run"], "--threads", "1"]
DEFAULTS["bench"] = ["--repeats", "1"]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def fenced(text: str, language: str) -> list[str]:
    """The blocks between ```language and ```."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


def indented(text: str, first_line: str) -> str:
    """The first indented block that starts with this line."""
    block = re.search(rf"(?m)^    {re.escape(first_line)}\n(?:(?:    .*)?\n)*", text)
    assert block is not None
    return textwrap.dedent(block.group())


def languages(text: str) -> set[str]:
    """Of all fenced blocks; directives of Sphinx stand in braces."""
    return set(re.findall(r"(?m)^```(\S+)", text))


def saved_files(text: str) -> dict[str, str]:
    """Blocks that the text before them asks the reader to save, by the name of the file."""
    found = re.findall(r"(?ms)ave (?:this|it) as\s`([\w.]+)`[^\n]*\n\n```\w+\n(.*?)^```$", text)
    return dict(found)


def executed(source: str, file: Path) -> dict[str, Any]:
    """The names that a script defines; it is stored in `file`, so that tracebacks can show it."""
    file.write_text(source, encoding="utf-8")
    names: dict[str, Any] = {"__name__": file.stem, "__file__": str(file)}
    exec(compile(source, str(file), "exec", dont_inherit=True), names)
    return names


def shrunk(line: str) -> list[str]:
    """The words of a command of this program after its name, on a small grid for few frames."""
    line = line.partition("#")[0]
    for old, new in SMALLER:
        line = re.sub(old, new, line)
    line = re.sub(r"--frames (\d+)", lambda n: f"--frames {2 if int(n[1]) < 60 else 4}", line)
    words = shlex.split(line)[1:]
    if "--resume" in words:
        return words if "--frames" in words or words[0] != "run" else [*words, "--frames", "3"]
    given = DEFAULTS.get(words[0], [])
    for flag, value in zip(given[::2], given[1::2], strict=True):
        if flag not in words:
            words += [flag, value]
    return words


def obey(line: str) -> int | None:
    """Run a command in the working folder, small; its exit status, None for one that cannot be."""
    script = re.match(r"python (?:scenes/)?(\w+)\.py(.*)", line)
    if script and "scenes/" not in line:
        path = Path(f"{script[1]}.py").resolve()
        names = executed(read(path), path)
        return run(names["build"], [*shrunk(f"fluidsim run{script[2]}")[1:], "--no-render"])
    if script:
        line = f"fluidsim run {script[1]}{script[2]}"
    words = shrunk(line)
    if words[0] == "view" and "--save" not in words:
        return None  # it opens a window
    if words[0] == "verify" and "--list" not in words:
        return None  # `fluidsim verify` has its tests
    if "sweep" in words[0] or "--cluster" in words:
        if importlib.util.find_spec("distributed") is None:
            return None
    library = {"usd": "pxr", "alembic": "alembic3d"}.get(words[-1])
    if words[0] == "export" and library and importlib.util.find_spec(library) is None:
        return None
    return main(words)


def installed(folder: Path, module: str, source: str, entry: str) -> None:
    """A package with an entry point in a folder, as pip would leave it there."""
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry)


def records(run_folder: Path) -> list[dict[str, Any]]:
    """The results that `fluidsim bench` stored."""
    return json.loads((run_folder / "bench" / "results.json").read_text())["results"]


def broken_links(page: Path) -> list[str]:
    """Relative links of a page that lead nowhere; pages that scripts make count as there."""
    found = []
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path = page.parent / target
        made = path.suffix == ".md" and path.with_suffix(".py").exists()
        if not (path.exists() or made):
            found.append(target)
    return found


def make_targets(text: str) -> set[str]:
    """The targets of make that a text names."""
    return set(re.findall(r"(?m)(?:`|; |^ *)make ([a-z-]+)", text))


def makefile_has(targets: set[str]) -> bool:
    return all(f"\n{target}:" in read(ROOT / "Makefile") for target in targets)
