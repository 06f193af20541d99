"""Before a sweep starts: what its runs need, what its folder holds, which workers make them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dask.utils import format_bytes

from fluidsim.cluster.errand import Errand, about
from fluidsim.cluster.plan import Planned
from fluidsim.errors import SimulationError, said
from fluidsim.runs.catalogue import scene_build
from fluidsim.runs.flags import as_flags
from fluidsim.runs.plan import Plan
from fluidsim.runs.preflight import Needs
from fluidsim.runs.resuming import plain


@dataclass(frozen=True)
class Job:
    """A planned run with its folder and what it needs, as far as can be said before."""

    run: Planned
    folder: Path
    needs: Needs

    @property
    def is_done(self) -> bool:
        return about(self.folder).get("status") == "done"

    def errand(self, threads: int) -> Errand:
        """What a worker is told of it."""
        flags = as_flags({**plain(self.run.config.as_json()), "threads": threads})
        return Errand(self.run.scene, [*flags, *["--force"] * self.run.config.force], self.folder)


def jobs_of(runs: Sequence[Planned], out: Path) -> list[Job]:
    """The runs, each of which its scene can be built for.

    Raises SimulationError with one line, which names the run, where it cannot.
    """
    builds = {scene: scene_build(scene) for scene in {run.scene for run in runs}}
    jobs = []
    for run in runs:
        try:
            needs = Needs.of(Plan.of(builds[run.scene](run.config), run.config))
        except Exception as error:
            raise SimulationError(f"{run.name}: {said(error)}") from error
        jobs.append(Job(run, out / run.name, needs))
    return jobs


def refuse_other_runs(jobs: Iterable[Job]) -> None:
    """Raise SimulationError with one line if a folder holds a run with other flags."""
    for job in jobs:
        stored = about(job.folder).get("config")
        if stored is None:
            continue
        wanted = plain(job.run.config.as_json())
        for name in sorted(wanted.keys() | stored.keys()):
            if wanted.get(name) != stored.get(name) and (name != "threads" or wanted[name]):
                raise SimulationError(
                    f"{job.folder} holds a run with {name} {stored.get(name)}, not "
                    f"{wanted.get(name)}; choose another --out"
                )


def threads_before(jobs: Iterable[Job]) -> int | None:
    """Threads of the runs that have begun, which the others shall have, too; None: none has."""
    stored = (about(job.folder).get("config", {}).get("threads") for job in jobs)
    return next((threads for threads in stored if threads), None)


def check_disk(jobs: Sequence[Job], out: Path) -> None:
    """Raise SimulationError with one line if the folder has less room than the jobs need."""
    needed, free = sum(job.needs.disk for job in jobs), shutil.disk_usage(out).free
    if needed > free and not any(job.run.config.force for job in jobs):
        raise SimulationError(
            f"{len(jobs)} runs need about {format_bytes(int(needed))} in {out} and "
            f"{format_bytes(free)} are free; choose another --out, or --force"
        )


def check_memory(jobs: Sequence[Job], most: float) -> None:
    """Raise SimulationError with one line if a job needs more bytes than any worker has."""
    for job in jobs:
        if job.needs.memory > most and not job.run.config.force:
            raise SimulationError(
                f"{job.run.name} needs about {format_bytes(int(job.needs.memory))} of memory and "
                f"no worker has more than {format_bytes(int(most))}; fewer --workers have more "
                "each, --force starts all the same"
            )
