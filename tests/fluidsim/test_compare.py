"""`fluidsim compare`: one run, identical systems to all solvers, one page that stands alone."""

import html
import json
import re
import shlex
import shutil
import subprocess

import imageio.v3 as imageio
import pytest

from fluidsim.cli import main
from fluidsim.store.run_folder import read_run
from fluidsim.tools import tables
from fluidsim.tools.compare import Question
from fluidsim.tools.neighbours import Neighbours
from solvers.measurement import Measurement

FLAGS = ["--dim", "2", "--frames", "3", "--size", "96x96", "--every", "2"]
FAILING = "cg:max_iterations=1"
SOLVERS = ["cg", "ic:modification=0.9", FAILING]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of a comparison of a scene in a file of its own."""
    place = tmp_path_factory.mktemp("compare")
    (place / "shapes_beside.py").write_text(
        "from fluidsim.solid.shapes import Box\nwater = Box((0, 0), (0.4, 0.6))\n"
    )
    (place / "mine.py").write_text(
        "from fluidsim import LiquidScene\nfrom shapes_beside import water\n\n"
        "def build(config):\n    return LiquidScene(size=(1, 1), liquid=water)\n"
    )
    arguments = ["compare", str(place / "mine.py"), "--solvers", *SOLVERS, "--independent", *FLAGS]
    arguments += ["--resolutions", "16", "--repeats", "2", "--out", str(place / "out")]
    assert main(arguments) == 0
    return place / "out"


def test_results_cover_every_system_and_solver(folder):
    results = json.loads((folder / "bench" / "results.json").read_text())["results"]
    systems = {path.stem for path in (folder / "run-16" / "systems").glob("*.npz")}
    assert len(systems) >= 2
    assert {(r["system"], r["solver"]) for r in results} == {
        (system, solver) for system in systems for solver in SOLVERS
    }


def test_the_page_needs_no_other_file(folder):
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 9
    assert page.count("data:video/mp4;base64,") == 1
    outside = [url for url in re.findall(r'(?:src|href)="(.*?)"', page) if url[:5] != "data:"]
    assert outside == []


def test_the_page_names_means_and_medians(folder):
    page = (folder / "report.html").read_text()
    assert "setup ms, mean" in page and "medians (middle half) of the repeats" in page
    assert "speed of cg = 1, median (middle half)" in page


def test_the_run_is_told_as_a_sequence(folder):
    page = (folder / "report.html").read_text()
    assert "the systems of a run one after the other" in page
    assert "the pressure in each frame: medians" in page
    lines = (folder / "bench" / "sequences.csv").read_text().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    assert [row["solver"] for row in rows] == SOLVERS
    assert rows[0]["solved"] == rows[0]["systems"] and float(rows[0]["seconds_median"]) > 0
    assert (rows[2]["solved"], rows[2]["seconds_median"]) == ("0", "nan")


def test_tables_can_be_set_in_latex(folder):
    text = (folder / "bench" / "tables.tex").read_text()
    assert text.count(r"\begin{tabular}") == text.count(r"\bottomrule") == 2
    assert html.escape(r"\bottomrule") in (folder / "report.html").read_text()
    table = tables.Table("50 % of x_1", ("a", "n^2"), [("b & c", "1")], [False])
    assert table.as_latex().splitlines()[2:9] == [
        r"\caption{50 \% of x\_1}", r"\begin{tabular}{lr}", r"\toprule", r"a & n\^{}2 \\",
        r"\midrule", r"b \& c & 1 \\", r"\bottomrule",
    ]  # fmt: skip


def test_several_resolutions_make_a_table_of_the_growth():
    question = Question("dam_break", ["cg"], ["--dim", "2"], [8, 16])
    assert question.sizes() == [
        ("-8", ["--dim", "2", "--resolution", "8"]),
        ("-16", ["--dim", "2", "--resolution", "16"]),
    ]
    results = [
        Measurement(f"run-{n}/1", (n, n), n * n, "cg", n, 1e-7, "", [0.0] * 3, [1e-6 * n**3] * 3)
        for n in (8, 16)
    ]
    assert tables.growth(results[:1]) is None
    table = tables.growth(results)
    assert table is not None
    assert table.headings == ("solver", "8x8, n = 64", "16x16, n = 256", "time")
    assert table.rows == [("cg", "0.5 (8)", "4.1 (16)", "n^1.50")]


def test_the_command_on_the_page_asks_the_same_again(folder, monkeypatch):
    page = (folder / "report.html").read_text()
    command = html.unescape(re.findall("<code>(.*?)</code>", page)[0])
    asked = []
    monkeypatch.setattr("fluidsim.tools.compare.compare", lambda *given: asked.append(given[1]))
    main(shlex.split(command)[1:])
    (question,) = asked
    assert question.command() == command
    assert (question.repeats, question.every, question.independent) == (2, 2, True)
    assert (list(question.solvers), question.resolutions) == (SOLVERS, [16])
    assert list(question.flags) == ["--dim", "2", "--frames", "3", "--size", "96x96"]


def test_a_table_compares_the_independent_runs(folder):
    page = (folder / "report.html").read_text()
    table = page[page.index("the scene run with each solver") :].partition("</table>")[0]
    rows = [re.findall("<td>(.*?)</td>", row) for row in re.findall("<tr.*?</tr>", table)[1:]]
    done = [row for row in rows if row[0] != FAILING]
    assert [row[:3] for row in done] == [[solver, "16x16", "3"] for solver in SOLVERS[:2]]
    log = read_run(folder / "cg-16")[1]
    substeps = sum(line["substeps"] for line in log)
    assert done[0][3] == str(substeps)
    assert done[0][7] == f"{sum(line['iterations'] for line in log) / substeps:.1f}"
    assert {row[-1] for row in done} == {"done"}


def test_a_solver_that_fails_is_a_row_that_says_so(folder):
    page = (folder / "report.html").read_text()
    rows = re.findall('<tr class="failed">(.*?)</tr>', page)
    assert sum("failed: solver cg reached" in row for row in rows) == 1
    assert sum("not converged" in row for row in rows) >= 2


def test_bench_finds_the_systems_of_a_comparison(folder):
    assert main(["bench", str(folder), "--solvers", "ic", "--repeats", "1", "--rtol", "1e-4"]) == 0
    about = json.loads((folder / "bench-2" / "results.json").read_text())
    assert len(about["results"]) >= 2
    assert {row["solver"] for row in about["results"]} == {"ic"}
    again = f"fluidsim bench {folder} --solvers ic --rtol 0.0001 --repeats 1"
    assert about["command"] == again


def test_a_scene_flag_is_not_taken_for_a_flag_of_compare(monkeypatch):
    asked = []
    monkeypatch.setattr("fluidsim.tools.compare.compare", lambda *given: asked.append(given[1]))
    main(["compare", "dam_break", "--solver", "amg", "--solvers", "cg"])
    assert (asked[0].flags, asked[0].solvers) == (["--solver", "amg"], ["cg"])


@pytest.mark.parametrize(
    ("text", "said"), [("def build(", "SyntaxError"), ("x = 1", "no function build(config)")]
)
def test_a_scene_file_that_is_none_fails_with_one_line(text, said, tmp_path, capsys):
    (tmp_path / "mine.py").write_text(text)
    for command in ("compare", "run"):
        assert main([command, str(tmp_path / "mine.py")]) == 1
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1


def test_other_programs_on_the_machine_are_told(monkeypatch):
    spent = [(0.0, 10.0, 5.0), (100.0, 130.0, 45.0)]
    monkeypatch.setattr("solvers.sharing.spent", lambda: spent.pop(0))
    monkeypatch.setattr("solvers.sharing.cores", lambda: {0, 1})
    assert Neighbours().warning().startswith("other programs used 0.8 of the 2 cores")
    spent += [(0.0, 10.0, 5.0), (100.0, 60.0, 45.0)]
    assert Neighbours().warning() == ""


def test_runs_stand_side_by_side(folder):
    video = imageio.imread(folder / "video.mp4")
    single = imageio.imread(folder / "cg-16" / "video.mp4")
    assert len(video) == len(single) == 3
    assert video.shape[2] == pytest.approx(single.shape[2], abs=2)
    assert video.shape[1] == pytest.approx(single.shape[1] / 2, abs=2)


def test_a_comparison_is_not_overwritten(folder, capsys):
    assert main(["compare", "dam_break", "--solvers", "cg", *FLAGS, "--out", str(folder)]) == 1
    assert "already holds" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--solver", "magic"], ["--speed", "3"], ["--dim", "4"]])
def test_wrong_flags_exit_with_2_before_anything_runs(wrong, tmp_path):
    with pytest.raises(SystemExit) as exit:
        main(["compare", "dam_break", "--out", str(tmp_path / "out"), *wrong])
    assert exit.value.code == 2
    assert not (tmp_path / "out").exists()


def test_the_page_opens_in_a_browser(folder, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no headless browser is installed")
    picture = tmp_path / "page.png"
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--no-first-run",
            "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={picture}", "--window-size=1200,1600",
            (folder / "report.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert picture.exists(), done.stderr
    assert "CONSOLE" not in done.stderr
    assert imageio.imread(picture).std() > 10
