"""A cluster of Dask: one of this machine, or one that is there already."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from distributed import Client, LocalCluster, Worker, WorkerPlugin
from distributed.system import MEMORY_LIMIT
from distributed.utils import silence_logging_cmgr

from fluidsim import processes
from fluidsim.errors import SimulationError
from solvers import sharing

TURN, MEMORY = "fluidsim-turn", "fluidsim-memory"  # resources of workers: one job at a time; bytes
SHARE_OF_MEMORY = 0.9
SILENT = logging.CRITICAL + 1
PATIENCE = 60.0  # s, to wait for workers


@dataclass(frozen=True)
class Place:
    """Where work is done. cluster: address of a scheduler, None: workers of this machine, as many
    as `workers` says, None: as cores and memory allow. threads: of each, None: their share."""

    cluster: str | None
    workers: int | None
    threads: int | None = None


@dataclass(frozen=True)
class Crew:
    """workers: how many there are. threads: of each. memory: of each, bytes."""

    workers: int
    threads: int
    memory: float

    @classmethod
    def here(cls, jobs: int, workers: int | None, threads: int | None, least: float = 0.0) -> Crew:
        """Workers that share the cores and the free memory of this machine.

        jobs: as many workers can be busy. workers, threads: where they are given. least: bytes
        that each worker should have, for which there are fewer of them.
        """
        cores = len(sharing.cores())
        memory = SHARE_OF_MEMORY * min(psutil.virtual_memory().available, MEMORY_LIMIT)
        if workers is None:
            fit = int(memory / least) if least else jobs
            workers = max(1, min(jobs, fit, cores // (threads or 1)))
        return cls(workers, threads or max(1, cores // workers), memory / workers)


class Offer(WorkerPlugin):
    """Each worker, also one that joins later, takes one job at a time and says what memory it has.

    is_ours: it leaves it to the program that started it to answer Ctrl-C.
    """

    name = "fluidsim"

    def __init__(self, is_ours: bool):
        self.is_ours = is_ours

    async def setup(self, worker: Worker) -> None:
        if self.is_ours:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        limit = worker.memory_manager.memory_limit or psutil.virtual_memory().total
        await worker.set_resources(**{TURN: 1, MEMORY: limit})


@contextmanager
def crew_of(crew: Crew) -> Iterator[Client]:
    """Workers of one thread on this machine, which end with this process however it ends."""
    processes.spawning()
    with (
        _quiet_tasks(),
        LocalCluster(
            n_workers=crew.workers, threads_per_worker=1, memory_limit=round(crew.memory),
            dashboard_address="127.0.0.1:0", silence_logs=SILENT,
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        client.register_plugin(Offer(is_ours=True))
        yield client


@contextmanager
def _quiet_tasks() -> Iterator[None]:
    """No tracebacks of tasks of the library that were cut off; after an interruption for good, as
    they end, and would be told of, when the block is left."""
    logger = logging.getLogger("asyncio")
    before = logger.level
    logger.setLevel(SILENT)
    try:
        yield
    except KeyboardInterrupt:
        before = SILENT
        raise
    finally:
        logger.setLevel(before)


@contextmanager
def cluster_at(address: str) -> Iterator[Client]:
    """The workers of a scheduler.

    Raises SimulationError with one line where none answers, or none has workers with this program.
    """
    with (
        silence_logging_cmgr(SILENT),
        silence_logging_cmgr(SILENT, "distributed.client"),
        _client_of(address) as client,
    ):
        yield client


@contextmanager
def _client_of(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise SimulationError(f"no scheduler answers at {address}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise SimulationError(f"no worker joins the scheduler at {address}") from error
        try:
            client.register_plugin(Offer(is_ours=False))
        except Exception as error:
            raise SimulationError(
                f"the workers at {address} need this version of fluidsim: {error}"
            ) from error
        yield client


def memory_of(client: Client) -> dict[str, float]:
    """Bytes of each worker that is there, by its address."""
    known = client.scheduler_info()["workers"]
    return {name: about["resources"].get(MEMORY, 0.0) for name, about in known.items()}


def threads_of(client: Client) -> int:
    """Of the worker that has the fewest."""
    return min(about["nthreads"] for about in client.scheduler_info()["workers"].values())
