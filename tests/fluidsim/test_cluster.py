"""What a sweep does when runs fail and workers are lost; a small program stands in for a run."""

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from rich.console import Console

distributed = pytest.importorskip("distributed", reason="needs dask")

from fluidsim.cluster import errand, making, pictures  # noqa: E402
from fluidsim.cluster.errand import Ending  # noqa: E402
from fluidsim.cluster.making import Making, make_all  # noqa: E402
from fluidsim.cluster.placing import Job, check_memory  # noqa: E402
from fluidsim.cluster.plan import Question  # noqa: E402
from fluidsim.cluster.progress import Progress  # noqa: E402
from fluidsim.cluster.workers import (  # noqa: E402
    MEMORY,
    Crew,
    Offer,
    Place,
    crew_of,
    memory_of,
)
from fluidsim.errors import SimulationError  # noqa: E402
from fluidsim.runs.preflight import Needs  # noqa: E402
from fluidsim.store.stored_run import StoredRun  # noqa: E402

STAND_IN = """
import json, os, sys, time
from pathlib import Path
words = sys.argv[1:]
again = "--resume" in words
folder = Path(words[words.index("--resume" if again else "--out") + 1])
seen = folder.with_name("starts-" + folder.name)
starts = int(seen.read_text()) if seen.exists() else 0
seen.write_text(str(starts + 1))
status = {"config": {"threads": 1}, "threads": os.environ["NUMBA_NUM_THREADS"]}
(folder / "config.json").write_text(json.dumps({**status, "status": "running"}))
(folder / "pid").write_text(str(os.getpid()))
if "seed=1" in folder.name and starts == 0 or "seed=2" in folder.name:
    print("a line", file=sys.stderr)
    sys.exit("error: cannot write frame 31: No space left")
if "seed=3" in folder.name and starts == 0:
    time.sleep(600)
(folder / "config.json").write_text(json.dumps({**status, "status": "done", "again": again}))
"""


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(errand, "COMMAND", STAND_IN)


def workers(**named):
    return distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0", **named
    )


@contextmanager
def two_workers():
    with workers() as cluster, distributed.Client(cluster) as client:
        client.register_plugin(Offer(is_ours=False))
        yield cluster, client


def jobs(out, seeds, memory=2.0**20):
    runs = Question("dam_break", [], {"seed": seeds}).planned("fluidsim sweep")
    return [Job(run, out / run.name, Needs(memory, 1.0, 1.0)) for run in runs]


def made(client, some):
    """The runs that fail, and what is said."""
    console, failures = Console(record=True, width=300, quiet=False), {}
    with Progress(some, console) as progress:
        Making(client, 1, progress).make(some, failures)
    return failures, console.export_text()


def status(out, name):
    return json.loads((out / name / "config.json").read_text())


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_that_fails_is_tried_once_more_and_goes_on(tmp_path, stand_in):
    with two_workers() as (_, client):
        failures, said = made(client, jobs(tmp_path, [0, 1, 2]))
    assert failures == {"seed=2": "cannot write frame 31: No space left"}
    assert [status(tmp_path, f"seed={n}")["status"] for n in (0, 1, 2)] == ["done"] * 2 + [
        "running"
    ]
    assert status(tmp_path, "seed=1")["again"] and not status(tmp_path, "seed=0")["again"]
    assert (tmp_path / "starts-seed=2").read_text() == "2"
    assert "seed=1 is tried again: cannot write frame 31" in said
    assert "run 3/3  seed=2 failed: cannot write frame 31" in said
    assert "a line" in (tmp_path / "seed=2.txt").read_text()
    assert status(tmp_path, "seed=0")["threads"] == "1"


def test_a_run_whose_worker_goes_is_ended_there_and_goes_on_elsewhere(tmp_path, stand_in):
    with two_workers() as (cluster, client):
        (job,) = jobs(tmp_path, [3])
        future = client.submit(
            errand.make, job.errand(1), resources={"fluidsim-turn": 1}, key="run"
        )
        wait_for((job.folder / "pid").exists)
        (address,) = client.who_has and [
            worker for worker, keys in client.processing().items() if keys
        ]
        before = psutil.Process(int((job.folder / "pid").read_text()))
        name = next(k for k, each in cluster.workers.items() if each.address == address)
        client.sync(cluster.workers[name].close)
        assert future.result(timeout=60).failure == ""
        assert not before.is_running() or before.status() == psutil.STATUS_ZOMBIE
        assert future.result().worker != address
        assert status(tmp_path, "seed=3")["again"]


def test_runs_go_on_under_a_scheduler_that_comes_back(tmp_path, stand_in, monkeypatch):
    """Under the address that it had; what it knew is lost, what runs have done is not."""
    monkeypatch.setattr(making, "ROLL_CALL", 0.1)
    some, said = jobs(tmp_path, [0, 3]), []
    watcher = Said(said)
    with ThreadPoolExecutor(1) as pool:
        with workers(protocol="tcp://", host="127.0.0.1") as cluster:
            address, port = cluster.scheduler_address, cluster.scheduler.port
            made = pool.submit(make_all, some, Place(address, None), watcher)
            wait_for((tmp_path / "seed=3" / "pid").exists)
            wait_for(lambda: (tmp_path / "seed=0" / "config.json").exists() and some[0].is_done)
        wait_for(lambda: f"the scheduler at {address} is gone; waiting for it" in said)
        with workers(protocol="tcp://", host="127.0.0.1", scheduler_port=port):
            assert made.result(60) == {}
    assert status(tmp_path, "seed=3")["again"] and not status(tmp_path, "seed=0")["again"]
    assert (tmp_path / "starts-seed=0").read_text() == "1"


class Said:
    """A watcher that keeps the lines."""

    def __init__(self, lines):
        self.say = lines.append

    def ended(self, job, how):
        self.say(f"{job.run.name} {how}")

    def look(self):
        pass


def test_a_run_waits_for_a_worker_that_has_its_memory(tmp_path, monkeypatch):
    def noted(errand):
        worker = distributed.get_worker().address
        errand.folder.with_suffix(".txt").write_text(worker)
        return Ending(worker, "")

    monkeypatch.setattr(making, "make", noted)
    with two_workers() as (cluster, client):
        small, large = cluster.workers.values()
        client.sync(small.set_resources, **{MEMORY: 2.0**19})
        wait_for(lambda: sorted(memory_of(client).values())[0] == 2.0**19)
        some = jobs(tmp_path, [0, 1, 2], memory=2.0**20)
        assert made(client, some)[0] == {}
        found = {job.folder.with_suffix(".txt").read_text() for job in some}
        assert found == {large.address} and small.address != large.address


def test_runs_that_are_not_done_at_the_end_are_stopped(tmp_path, stand_in):
    (job,), said = jobs(tmp_path, [3]), []
    with two_workers() as (_, client), ThreadPoolExecutor(1) as pool:
        making = Making(client, 1, Said(said), end=time.monotonic() + 3600)
        made = pool.submit(making.make, [job], {})
        wait_for((job.folder / "pid").exists)
        process = psutil.Process(int((job.folder / "pid").read_text()))
        making._end = time.monotonic()
        made.result(60)
        wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    assert not job.is_done and said == []


def test_a_run_that_nobody_waits_for_any_more_is_ended(tmp_path, stand_in):
    with two_workers() as (_, client):
        (job,) = jobs(tmp_path, [3])
        future = client.submit(errand.make, job.errand(1), key="run")
        wait_for((job.folder / "pid").exists)
        process = psutil.Process(int((job.folder / "pid").read_text()))
        assert process.is_running()
        future.cancel()
        process.wait(timeout=60)
        assert status(tmp_path, "seed=3")["status"] == "running"


def test_workers_take_one_run_at_a_time_and_say_what_memory_they_have():
    with two_workers() as (_, client):
        offered = memory_of(client)
        known = client.scheduler_info()["workers"]
        assert [about["resources"]["fluidsim-turn"] for about in known.values()] == [1, 1]
        assert set(offered) == set(known) and min(offered.values()) > 2**20


def test_workers_of_this_machine_share_its_cores_and_its_memory(monkeypatch):
    monkeypatch.setattr("fluidsim.cluster.workers.sharing.cores", lambda: set(range(8)))
    monkeypatch.setattr("fluidsim.cluster.workers.MEMORY_LIMIT", 10.0)
    assert Crew.here(12, None, None) == Crew(8, 1, 9 / 8)
    assert Crew.here(3, None, None) == Crew(3, 2, 3.0)
    assert Crew.here(12, None, 3) == Crew(2, 3, 4.5)
    assert Crew.here(12, 2, None) == Crew(2, 4, 4.5)
    assert Crew.here(12, None, None, least=4.0) == Crew(2, 4, 4.5)
    assert Crew.here(12, None, None, least=100.0) == Crew(1, 8, 9.0)


def test_a_run_that_fits_no_worker_is_refused_but_for_force(tmp_path):
    with pytest.raises(
        SimulationError, match=r"seed=0 needs about 3.00 GiB of memory and no worker"
    ):
        check_memory(jobs(tmp_path, [0], 3 * 2.0**30), 2.0**30)
    check_memory(jobs(tmp_path, [0], 2.0**29), 2.0**30)


def test_pictures_that_fit_no_worker_are_refused(monkeypatch):
    monkeypatch.setattr("fluidsim.cluster.workers.MEMORY_LIMIT", 2**31)
    place = Place(None, 4)
    with (
        pytest.raises(SimulationError, match=r"a picture needs about 1.00 GiB of memory and no"),
        pictures._workers(2.0**30, 9, place),
    ):
        pass
    with workers(protocol="tcp://", host="127.0.0.1") as cluster:
        place = Place(cluster.scheduler_address, None)
        with (
            pytest.raises(SimulationError, match=r"about 1024.00 PiB of memory and no worker"),
            pictures._workers(2.0**60, 9, place),
        ):
            pass


@pytest.mark.parametrize("end", [KeyboardInterrupt, ValueError])
def test_an_interruption_while_workers_start_shows_no_traceback_of_their_tasks(
    monkeypatch, caplog, end
):
    """Which Python logs when the tasks are collected, after the interruption; other errors do not
    silence it."""
    logger = logging.getLogger("asyncio")

    def cut_off(**named):
        logger.error("Task exception was never retrieved")
        raise end

    monkeypatch.setattr("fluidsim.cluster.workers.LocalCluster", cut_off)
    before = logger.level
    try:
        with pytest.raises(end), crew_of(Crew(2, 1, 2.0**30)):
            pass
        assert not caplog.records
        logger.error("Task exception was never retrieved")
        assert bool(caplog.records) == (end is ValueError)
    finally:
        logger.setLevel(before)


def test_a_signal_that_the_library_swallowed_still_stops_the_pictures(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(pictures, "asked_to_stop", lambda: len(drawn) == 1)
    monkeypatch.setattr(pictures, "_draw", lambda *given: None)
    stored = StoredRun(tmp_path, "smoke", (4, 4), 0.25, "", {}, None, None, (), ())  # pyright: ignore
    with workers(protocol="tcp://", host="127.0.0.1") as cluster:
        place = Place(cluster.scheduler_address, None)
        with pytest.raises(KeyboardInterrupt):
            pictures.draw_all(None, stored, range(5), tmp_path, place, lambda: drawn.append(1))  # pyright: ignore
    assert len(drawn) == 1
