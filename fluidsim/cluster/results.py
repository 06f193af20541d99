"""What a sweep found: a table for other programs, a contact sheet, and a page for people."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fluidsim.cluster.placing import Job
from fluidsim.cluster.report import write_report
from fluidsim.cluster.sheet import write_sheet
from fluidsim.errors import SimulationError
from fluidsim.files import replacing
from fluidsim.store.run_folder import read_run

Row = dict[str, Any]


def write_results(
    jobs: Sequence[Job], failures: Mapping[str, str], out: Path, command: str
) -> Iterator[str]:
    """Write table.csv, table.parquet where pyarrow is installed, sheet.png and report.html.

    failures: lines of runs that failed now. Gives a line about each file.
    """
    rows = rows_of(jobs, failures)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    with replacing(out / "table.csv") as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")
    yield f"table {out / 'table.csv'}"
    if importlib.util.find_spec("pyarrow") is not None:
        _write_parquet(rows, out / "table.parquet")
        yield f"table {out / 'table.parquet'}"
    sheet = write_sheet([(job.run.name, job.folder) for job in jobs], out / "sheet.png")
    if sheet is not None:
        yield f"contact sheet {sheet}"
    yield f"report {write_report(rows, sheet, command, out / 'report.html')}"


def rows_of(jobs: Sequence[Job], failures: Mapping[str, str]) -> list[Row]:
    """A row a run: its name, its values, how it ended, and sums and extremes over its frames.

    All have the same keys; what a run does not have is None.
    """
    found = [_row(job, failures.get(job.run.name, "")) for job in jobs]
    keys = list(dict.fromkeys(key for row in found for key in row))
    rows = [{key: row.get(key) for key in keys} for row in found]
    for key in keys:  # a column is of numbers or of text
        if any(isinstance(row[key], str) for row in rows):
            for row in rows:
                row[key] = None if row[key] is None else str(row[key])
    return rows


def _row(job: Job, failure: str) -> Row:
    row: Row = {"run": job.run.name}
    row |= {name: _value(text) for name, text in job.run.values.items()}
    try:
        about, frames = read_run(job.folder)
    except SimulationError:
        return {**row, "status": f"failed: {failure}"}
    status = f"failed: {failure}" if failure else about["status"]
    row |= {"status": status, "cells": "x".join(map(str, about["grid"]["shape"]))}
    return row | (_figures(frames) if frames else {})


def _figures(frames: Sequence[Mapping[str, Any]]) -> Row:
    """Of a log; what takes time stands last, as it is never the same twice."""
    stages = [frame["seconds"] for frame in frames]
    pressure = ("pressure_setup", "pressure_solve")
    substeps = sum(frame["substeps"] for frame in frames)
    return {
        "frames": len(frames),
        "simulated_seconds": frames[-1]["time"],
        "substeps": substeps,
        "iterations_a_substep": sum(frame["iterations"] for frame in frames) / substeps,
        "worst_residual": max(frame["relative_residual"] for frame in frames),
        "worst_divergence": max(frame["max_divergence"] for frame in frames),
        "top_speed": max(frame["top_speed"] for frame in frames),
        "worst_volume_error": max((frame["volume_error"] for frame in frames), key=abs),
        "particles": frames[-1]["particles"],
        "smoke_mass": frames[-1]["smoke_mass"],
        "warnings": sum(len(frame["warnings"]) for frame in frames),
        "seconds": sum(sum(each.values()) for each in stages),
        "pressure_seconds": sum(each.get(name, 0.0) for each in stages for name in pressure),
    }


def _value(text: str) -> float | int | str:
    """A number, where the text is one."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if type(value) in (int, float) else text


def _write_parquet(rows: Sequence[Row], path: Path) -> None:
    import pyarrow  # pyright: ignore[reportMissingImports]
    import pyarrow.parquet  # pyright: ignore[reportMissingImports]

    with replacing(path) as temporary:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), temporary)
