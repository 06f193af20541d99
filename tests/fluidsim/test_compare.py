"""`fluidsim compare`: one run, identical systems to all solvers, one page that stands alone."""

import json
import re
import shutil
import subprocess

import imageio.v3 as imageio
import pytest

from fluidsim.cli import main

FLAGS = ["--dim", "2", "--resolution", "16", "--frames", "3", "--size", "160x160", "--every", "2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("compare") / "out"
    arguments = ["compare", "dam_break", "--solvers", "cg", "direct", "--independent", *FLAGS]
    assert main([*arguments, "--repeats", "1", "--out", str(out)]) == 0
    return out


def test_results_cover_every_system_and_solver(folder):
    results = json.loads((folder / "bench" / "results.json").read_text())["results"]
    systems = {path.stem for path in (folder / "run" / "systems").glob("*.npz")}
    assert len(systems) >= 2
    assert {(r["system"], r["solver"]) for r in results} == {
        (system, solver) for system in systems for solver in ("cg", "direct")
    }


def test_the_page_needs_no_other_file(folder):
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert page.count("data:video/mp4;base64,") == 1
    outside = [url for url in re.findall(r'(?:src|href)="(.*?)"', page) if url[:5] != "data:"]
    assert outside == []
    assert "fluidsim compare dam_break --solvers cg direct" in page


def test_runs_stand_side_by_side(folder):
    video = imageio.imread(folder / "video.mp4")
    single = imageio.imread(folder / "cg" / "video.mp4")
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
