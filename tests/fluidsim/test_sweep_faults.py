"""Sweeps on a machine where something is wrong: nothing is lost, and a line says what it was.

The workers are those of a scheduler, each a process, as on many machines.
"""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fluidsim.test_sweep_killed import PATIENCE, done, frames_of, results, wait_for
from tests.test_faults import as_root, disk, environment

pytest.importorskip("distributed", reason="needs dask")
pytestmark = pytest.mark.slow
FRAMES = 6
FLAGS = ["--vary", "resolution=12,14", "--dim", "2", "--frames", str(FRAMES), "--checkpoint", "2",
         "--no-render", "--threads", "1"]  # fmt: skip


def sweep(out: Path, *flags: str, said: Path | None = None) -> subprocess.Popen:
    """said: a file for what it says, by default beside its folder."""
    command = [sys.executable, "-m", "fluidsim", "sweep", "dam_break", *FLAGS, *flags]
    with (said or Path(f"{out}.txt")).open("a") as text:
        return subprocess.Popen(
            [*command, "--out", str(out)], stdout=text, stderr=text, env=environment()
        )


@contextmanager
def dask(what: str, *arguments: str, before: tuple[str, ...] = ()) -> Iterator[subprocess.Popen]:
    """A scheduler or a worker, which is killed at the end of the block."""
    command = [*before, sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment())
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def scheduler(port: int):
    return dask("scheduler", "--host", "127.0.0.1", f"--port={port}", "--no-dashboard")


def worker(port: int, folder: Path, before: tuple[str, ...] = ()):
    flags = ["--no-nanny", "--nthreads=1", "--no-dashboard", f"--local-directory={folder}"]
    return dask("worker", f"tcp://127.0.0.1:{port}", *flags, before=before)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a sweep finds that nothing disturbs."""
    out = tmp_path_factory.mktemp("sweep") / "whole"
    assert sweep(out, "--workers", "1").wait(PATIENCE) == 0
    return results(out)


def test_a_scheduler_is_killed_and_another_takes_its_place(undisturbed, port, tmp_path):
    out = tmp_path / "out"
    with worker(port, tmp_path), scheduler(port):
        process = sweep(out, "--cluster", f"tcp://127.0.0.1:{port}")
        wait_for(lambda: max(frames_of(out).values(), default=0) >= 3)
    text = Path(f"{out}.txt")
    wait_for(lambda: "is gone; waiting for it" in text.read_text())
    time.sleep(1.0)
    with scheduler(port), worker(port, tmp_path):
        assert process.wait(PATIENCE) == 0
    assert "Traceback" not in text.read_text()
    assert results(out) == undisturbed


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_a_worker_that_cannot_write_hands_its_runs_to_another(undisturbed, port, tmp_path):
    """A limit to the size of its files stands for its full disk."""
    out, full = tmp_path / "out", ("prlimit", "--fsize=5000")
    with scheduler(port), worker(port, tmp_path / "a", full), worker(port, tmp_path / "b"):
        process = sweep(out, "--cluster", f"tcp://127.0.0.1:{port}")
        assert process.wait(PATIENCE) == 0
    said = Path(f"{out}.txt").read_text()
    assert "is tried again: " in said and "File too large" in said
    assert results(out) == undisturbed


@as_root
def test_a_full_disk_of_all_runs(undisturbed, tmp_path):
    """It is said in one line; the same command, with more room, makes what is missing."""
    with disk(tmp_path / "disk", "90k"):
        out, text = tmp_path / "disk" / "out", tmp_path / "said"
        flags = ["--force", "--workers", "2"]
        assert sweep(out, *flags, said=text).wait(PATIENCE) == 1
        *_, last = text.read_text().strip().splitlines()
        assert last.startswith("error: ") and "No space left" in last
        assert "Traceback" not in text.read_text()
        subprocess.run(["mount", "-o", "remount,size=20m", tmp_path / "disk"], check=True)
        assert sweep(out, *flags, said=text).wait(PATIENCE) == 0
        assert done(out) == 2
        assert results(out) == undisturbed
