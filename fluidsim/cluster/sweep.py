"""A sweep: all its runs, then the table, the contact sheet and the page of what they found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from fluidsim.cluster import placing
from fluidsim.cluster.making import make_all
from fluidsim.cluster.plan import Planned
from fluidsim.cluster.progress import Progress
from fluidsim.cluster.results import write_results
from fluidsim.cluster.workers import Place
from fluidsim.errors import SimulationError
from fluidsim.store.claim import claimed


def sweep(runs: Sequence[Planned], out: Path, place: Place, command: str) -> None:
    """Make the runs that are not done, then the table, the contact sheet and the report of all.

    out: a folder, which holds a folder a run. command: that makes the sweep again. Raises
    SimulationError with one line where runs have failed, and where nothing can start.
    """
    console = Console(highlight=False, markup=False)
    if (out / "config.json").exists():
        raise SimulationError(f"{out} holds a run of its own; choose another --out")
    with claimed(out, "sweep"):
        jobs = placing.jobs_of(runs, out)
        placing.refuse_other_runs(jobs)
        missing = [job for job in jobs if not job.is_done]
        placing.check_disk(missing, out)
        console.print(f"{len(jobs)} runs, {len(jobs) - len(missing)} of them done  -> {out}")
        failures: dict[str, str] = {}
        if missing:
            with Progress(jobs, console) as progress:
                failures = make_all(jobs, place, progress)
        for line in write_results(jobs, failures, out, command):
            console.print(line, soft_wrap=True)
    if failures:
        name, line = next(iter(failures.items()))
        raise SimulationError(
            f"{len(failures)} of {len(jobs)} runs failed, {name}: {line}; the same command tries "
            "them again"
        )
