"""What a sweep writes of its runs: tables that other programs read, and a sheet of pictures."""

import csv
import html
import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("distributed", reason="needs dask")

from fluidsim.cluster.placing import Job
from fluidsim.cluster.plan import Question
from fluidsim.cluster.report import write_report
from fluidsim.cluster.results import write_results
from fluidsim.runs.preflight import Needs

FRAMES = 8


def frame(number, iterations):
    return {
        "frame": number, "time": number / 60, "substeps": 2, "iterations": iterations,
        "relative_residual": 1e-7, "max_divergence": 1e-6, "top_speed": 1.5,
        "volume_error": -1e-4 * number, "particles": 300, "smoke_mass": None, "warnings": [],
        "seconds": {"pressure_solve": 0.25, "advection": 0.5},
    }  # fmt: skip


def store(job, grey):
    """A run with pictures of one grey, which is darker from frame to frame."""
    (job.folder / "frames").mkdir(parents=True)
    about = {"config": job.run.config.as_json(), "grid": {"shape": [16, 16]}, "status": "done"}
    (job.folder / "config.json").write_text(json.dumps(about, default=str))
    lines = [{"versions": {}}, *(frame(number, 5) for number in range(1, FRAMES + 1))]
    (job.folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for number in range(1, FRAMES + 1):
        picture = np.full((36, 64, 3), grey - number, np.uint8)
        Image.fromarray(picture).save(job.folder / "frames" / f"{number:04d}.png")


@pytest.fixture
def written(tmp_path):
    """The folder of a sweep of three runs, the last of which failed, and what is said."""
    runs = Question("dam_break", [], {"resolution": [16, 20, 24]}).planned("fluidsim sweep")
    jobs = [Job(run, tmp_path / run.name, Needs(1.0, 1.0, 1.0)) for run in runs]
    for job, grey in zip(jobs, (100, 200), strict=False):
        store(job, grey)
    said = list(write_results(jobs, {"resolution=24": "no space"}, tmp_path, "fluidsim sweep x"))
    return tmp_path, said


def test_the_table_has_a_row_a_run_with_sums_and_extremes(written):
    out, said = written
    with (out / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done", "done", "failed: no space"]
    assert [row["resolution"] for row in rows] == ["16", "20", "24"]
    first, last = rows[0], rows[-1]
    assert (first["frames"], first["substeps"], first["iterations_a_substep"]) == ("8", "16", "2.5")
    assert float(first["worst_volume_error"]) == pytest.approx(-8e-4)
    assert (float(first["seconds"]), float(first["pressure_seconds"])) == (6.0, 2.0)
    assert last["seconds"] == last["cells"] == ""
    assert [line.split()[0] for line in said if "parquet" not in line] == [
        "table", "contact", "report",
    ]  # fmt: skip


def test_the_sheet_shows_four_moments_of_each_run(written):
    with Image.open(written[0] / "sheet.png") as image:
        sheet = np.asarray(image.convert("L")).astype(int)
    width, height = 320, 180
    centres = [
        [
            sheet[6 + row * 210 + 24 + height // 2, 6 + column * 326 + width // 2]
            for column in range(4)
        ]
        for row in range(2)
    ]
    assert centres == [[98, 96, 94, 92], [198, 196, 194, 192]]


def test_the_page_names_each_run_and_what_failed(written):
    page = (written[0] / "report.html").read_text()
    assert "fluidsim sweep x" in page and "failed: no space" in page and "resolution=20" in page
    assert page.count("data:image/png") == 1 and "Videos" not in page


def test_links_to_videos_are_quoted(tmp_path):
    """A space, a # or a % in the name of a run is none of the address."""
    name = "100 %, viscosity=0.5 #2 <a>"
    (tmp_path / name).mkdir()
    (tmp_path / name / "video.mp4").touch()
    rows = [{"run": name, "status": "done"}]
    page = write_report(rows, None, "fluidsim sweep x", tmp_path / "report.html").read_text()
    assert 'href="100%20%25,%20viscosity=0.5%20%232%20%3Ca%3E/video.mp4"' in page
    assert f">{html.escape(name)}</a>" in page


def test_the_table_is_parquet_too(written):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    table = parquet.read_table(written[0] / "table.parquet")
    kinds = {
        name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)
    }
    assert (kinds["resolution"], kinds["seconds"], kinds["run"]) == ("int64", "double", "string")
    rows = table.to_pylist()
    with (written[0] / "table.csv").open(newline="") as file:
        texts = list(csv.DictReader(file))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows] == texts
