"""Runs are given to workers until each is done, or has failed twice."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from distributed import Client, Future

from fluidsim.cluster import placing
from fluidsim.cluster.errand import Ending, make
from fluidsim.cluster.placing import Job
from fluidsim.cluster.workers import (
    MEMORY,
    TURN,
    Crew,
    Place,
    cluster_at,
    crew_of,
    memory_of,
    threads_of,
)
from fluidsim.errors import SimulationError, said

LOOK = 0.2  # s, between looks at the runs
ROLL_CALL = 5.0  # s, between looks at who is there
PATIENCE = 600.0  # s, to wait for a scheduler that was there before


class Watcher(Protocol):
    """Who is told how far the runs are."""

    def say(self, line: str) -> None:
        """Pass on a line."""

    def ended(self, job: Job, how: str) -> None:
        """A run is done, or has failed."""

    def look(self) -> None:
        """Called several times a second."""


class SchedulerLost(Exception):
    """The connection to the scheduler is lost, and with it all that it knew of the runs."""


def make_all(
    jobs: Sequence[Job], place: Place, watcher: Watcher, seconds: float = math.inf
) -> dict[str, str]:
    """Make the jobs that are not done; the last lines of those that fail, by their names.

    seconds: after which runs that are not done are stopped where they are. Raises SimulationError
    with one line where nothing can start.
    """
    end = time.monotonic() + seconds
    threads = jobs[0].run.config.threads or placing.threads_before(jobs)
    failures: dict[str, str] = {}
    until = None  # without a limit: it is the first try to reach the scheduler
    while left := [job for job in jobs if not (job.is_done or job.run.name in failures)]:
        if time.monotonic() > end:
            break
        try:
            with _workers(place, jobs, threads) as (client, threads):
                until = None
                Making(client, threads, watcher, end).make(left, failures)
        except SchedulerLost:
            watcher.say(f"the scheduler at {place.cluster} is gone; waiting for it")
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


class Making:
    """The workers behind a client, and what they have been given.

    threads: of each run. end: the time, by the monotonic clock, at which runs are stopped.
    """

    def __init__(self, client: Client, threads: int, watcher: Watcher, end: float = math.inf):
        self._client = client
        self._threads = threads
        self._watcher = watcher
        self._end = end
        self._given: dict[Future, Job] = {}
        self._there = memory_of(client)
        self._next_look = time.monotonic() + ROLL_CALL

    def make(self, jobs: Sequence[Job], failures: dict[str, str]) -> None:
        """Make jobs; one that fails is tried once more, elsewhere if possible.

        The longest begin first or, where there is an end, the shortest. failures: is given the
        last line of each that fails again. Raises SchedulerLost.
        """
        failed: dict[str, str] = {}
        for job in sorted(jobs, key=self._priority, reverse=True):
            self._give(job)
        while self._given:
            if time.monotonic() > self._end:
                self._client.cancel(list(self._given))
                return
            for future in [each for each in self._given if each.status != "pending"]:
                job = self._given.pop(future)
                ending = _ending(future)
                name = job.run.name
                if not ending.failure:
                    self._watcher.ended(job, "done")
                elif name in failed:
                    failures[name] = ending.failure
                    self._watcher.ended(job, f"failed: {ending.failure}")
                else:
                    failed[name] = ending.failure
                    self._watcher.say(f"{name} is tried again: {ending.failure}")
                    self._give(job, but=ending.worker)
            self._call_the_roll()
            self._watcher.look()
            time.sleep(LOOK)

    def _priority(self, job: Job) -> int:
        return round(job.needs.seconds * (1 if math.isinf(self._end) else -1))

    def _give(self, job: Job, but: str = "") -> None:
        """but: the address of a worker that is taken only if there is no other."""
        others = [address for address in self._there if address != but]
        most = max(self._there.values(), default=job.needs.memory)
        memory = min(job.needs.memory, most)  # that of a worker, for a job that --force starts
        future = self._client.submit(
            make,
            job.errand(self._threads),
            key=f"{job.run.name}-{time.time_ns()}",
            resources={TURN: 1, MEMORY: memory},
            priority=self._priority(job),
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
            self._watcher.say(f"the worker {address} is gone; another goes on with its run")
        self._there = there


def _ending(future: Future) -> Ending:
    """Of a job that is not pending. Raises SchedulerLost."""
    if future.status == "finished":
        return future.result()
    if future.status == "error":  # such as a run whose workers die
        error = future.exception()
        return Ending("", said(error) if isinstance(error, BaseException) else "no reason is known")
    raise SchedulerLost
