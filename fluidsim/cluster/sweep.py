"""A sweep: its runs are given to workers until each is done, or has failed twice."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed import Client, Future
from rich.console import Console

from fluidsim.cluster import placing
from fluidsim.cluster.errand import Ending, make
from fluidsim.cluster.placing import Job
from fluidsim.cluster.plan import Planned
from fluidsim.cluster.progress import Progress
from fluidsim.cluster.results import write_results
from fluidsim.cluster.workers import (
    MEMORY,
    TURN,
    Crew,
    cluster_at,
    crew_of,
    memory_of,
    threads_of,
)
from fluidsim.errors import SimulationError, said
from fluidsim.runs.run import Build
from fluidsim.store.claim import claimed

LOOK = 0.2  # s, between looks at the runs
ROLL_CALL = 5.0  # s, between looks at who is there
PATIENCE = 600.0  # s, to wait for a scheduler that was there before


@dataclass(frozen=True)
class Place:
    """Where a sweep is made. cluster: address of a scheduler, None: workers of this machine, as
    many as `workers` says, None: as cores and memory allow."""

    cluster: str | None
    workers: int | None


class SchedulerLost(Exception):
    """The connection to the scheduler is lost, and with it all that it knew of the runs."""


def sweep(
    scene: str, build: Build, runs: Sequence[Planned], out: Path, place: Place, command: str
) -> None:
    """Make the runs that are not done, then the table, the contact sheet and the report of all.

    scene: its name or its file. out: a folder, which holds a folder a run. command: that makes
    the sweep again. Raises SimulationError with one line where runs have failed, and where
    nothing can start.
    """
    console = Console(highlight=False, markup=False)
    if (out / "config.json").exists():
        raise SimulationError(f"{out} holds a run of its own; choose another --out")
    with claimed(out, "sweep"):
        jobs = placing.jobs_of(runs, build, out)
        placing.refuse_other_runs(jobs)
        missing = [job for job in jobs if not job.is_done]
        placing.check_disk(missing, out)
        console.print(f"{len(jobs)} runs, {len(jobs) - len(missing)} of them done  -> {out}")
        failures = _made(jobs, missing, scene, place, console) if missing else {}
        for line in write_results(jobs, failures, out, command):
            console.print(line, soft_wrap=True)
    if failures:
        name, line = next(iter(failures.items()))
        raise SimulationError(
            f"{len(failures)} of {len(jobs)} runs failed, {name}: {line}; the same command tries "
            "them again"
        )


def _made(
    jobs: Sequence[Job], missing: list[Job], scene: str, place: Place, console: Console
) -> dict[str, str]:
    """Make the missing jobs; the last lines of those that fail, by their names."""
    threads = jobs[0].run.config.threads or placing.threads_before(jobs)
    failures: dict[str, str] = {}
    with Progress(jobs, console) as progress:
        until = None  # without a limit: it is the first try to reach the scheduler
        while left := [job for job in missing if not (job.is_done or job.run.name in failures)]:
            try:
                with _workers(place, jobs, threads) as (client, threads):
                    until = None
                    _Crew(client, scene, threads, progress).make(left, failures)
            except SchedulerLost:
                console.print(f"the scheduler at {place.cluster} is gone; waiting for it")
                until = time.monotonic() + PATIENCE
            except SimulationError:
                if until is None or time.monotonic() > until:
                    raise
                time.sleep(1.0)
    return failures


@contextmanager
def _workers(
    place: Place, jobs: Sequence[Job], threads: int | None
) -> Iterator[tuple[Client, int]]:
    """The client of workers, and the threads of each run."""
    if place.cluster is not None:
        with cluster_at(place.cluster) as client:
            placing.check_memory(jobs, max(memory_of(client).values()))
            yield client, threads or threads_of(client)
        return
    alone = jobs[0].run.config.device == "cuda"  # runs share the one device badly
    least = max(job.needs.memory for job in jobs)
    crew = Crew.here(1 if alone else len(jobs), place.workers, threads, least)
    placing.check_memory(jobs, crew.memory)
    with crew_of(crew) as client:
        yield client, crew.threads


class _Crew:
    """The workers behind a client, and what they have been given."""

    def __init__(self, client: Client, scene: str, threads: int, progress: Progress):
        self._client = client
        self._scene = scene
        self._threads = threads
        self._progress = progress
        self._given: dict[Future, Job] = {}
        self._there = memory_of(client)
        self._next_look = time.monotonic() + ROLL_CALL

    def make(self, jobs: Sequence[Job], failures: dict[str, str]) -> None:
        """Make jobs, the longest first; one that fails is tried once more, elsewhere if possible.

        failures: is given the last line of each that fails again. Raises SchedulerLost.
        """
        failed: dict[str, str] = {}
        for job in sorted(jobs, key=lambda job: -job.needs.seconds):
            self._give(job)
        while self._given:
            for future in [each for each in self._given if each.status != "pending"]:
                job = self._given.pop(future)
                ending = _ending(future)
                name = job.run.name
                if not ending.failure:
                    self._progress.ended(job, "done")
                elif name in failed:
                    failures[name] = ending.failure
                    self._progress.ended(job, f"failed: {ending.failure}")
                else:
                    failed[name] = ending.failure
                    self._progress.say(f"{name} is tried again: {ending.failure}")
                    self._give(job, but=ending.worker)
            self._call_the_roll()
            self._progress.look()
            time.sleep(LOOK)

    def _give(self, job: Job, but: str = "") -> None:
        """but: the address of a worker that is taken only if there is no other."""
        others = [address for address in self._there if address != but]
        most = max(self._there.values(), default=job.needs.memory)
        memory = min(job.needs.memory, most)  # that of a worker, for a job that --force starts
        future = self._client.submit(
            make,
            job.errand(self._scene, self._threads),
            key=f"{job.run.name}-{time.time_ns()}",
            resources={TURN: 1, MEMORY: memory},
            priority=round(job.needs.seconds),
            workers=others if but and others else None,
            allow_other_workers=bool(but and others),
        )
        self._given[future] = job

    def _call_the_roll(self) -> None:
        """Say which workers are gone."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + ROLL_CALL
        try:
            there = memory_of(self._client)
        except (OSError, RuntimeError, ValueError) as error:
            raise SchedulerLost from error
        for address in self._there.keys() - there.keys():
            self._progress.say(f"the worker {address} is gone; another goes on with its run")
        self._there = there


def _ending(future: Future) -> Ending:
    """Of a job that is not pending. Raises SchedulerLost."""
    if future.status == "finished":
        return future.result()
    if future.status == "error":  # such as a run whose workers die
        error = future.exception()
        return Ending("", said(error) if isinstance(error, BaseException) else "no reason is known")
    raise SchedulerLost
