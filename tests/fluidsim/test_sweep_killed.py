"""A sweep whose worker is killed, and which is killed itself, ends as an undisturbed one."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fluidsim.store.run_folder import read_config, read_log
from fluidsim.store.stored_run import open_run

pytest.importorskip("distributed", reason="needs dask")
VARIED = ["--vary", "resolution=12,14,16", "--vary", "viscosity=0,0.5", "--solvers", "cg", "amg"]
FLAGS = ["--dim", "2", "--frames", "12", "--checkpoint", "2", "--no-render", "--workers", "2"]
PATIENCE = 1800.0  # s, on a machine that is busy with other work


def begin(out: Path, *flags: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "fluidsim", "sweep", "dam_break", *VARIED, *FLAGS, *flags]
    with out.with_suffix(".txt").open("a") as said:
        return subprocess.Popen(
            [*command, "--out", str(out)], stdout=said, stderr=said, start_new_session=True
        )


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def runs_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The processes of the runs below a sweep."""
    found = []
    for each in psutil.Process(process.pid).children(recursive=True):
        try:
            if "from fluidsim.cli import main" in " ".join(each.cmdline()):
                found.append(each)
        except psutil.Error:
            pass
    return found


def frames_of(out: Path) -> dict[str, int]:
    """Frames in the log of each run."""
    logs = out.glob("*/log.jsonl")
    return {log.parent.name: sum("frame" in line for line in read_log(log)) for log in logs}


def done(out: Path) -> int:
    return sum(read_config(path.parent)["status"] == "done" for path in out.glob("*/config.json"))


def results(out: Path):
    """All that two sweeps must have in common: logs, frames and table, without the times."""
    logs = {
        log.parent.name: [
            {key: value for key, value in line.items() if key != "seconds"}
            for line in read_log(log)
            if "frame" in line
        ]
        for log in out.glob("*/log.jsonl")
    }
    files = {path.relative_to(out): path.read_bytes() for path in out.glob("*/frames/*")}
    with (out / "table.csv").open(newline="") as file:
        rows = [
            {k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(file)
        ]
    return logs, files, rows


@pytest.mark.slow
def test_a_sweep_that_is_killed_comes_out_bit_for_bit(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert begin(whole).wait(PATIENCE) == 0
    first = begin(killed)
    wait_for(lambda: max(frames_of(killed).values(), default=0) >= 3 and runs_of(first))
    worker = runs_of(first)[0].parent()
    assert worker is not None and worker.pid != first.pid
    worker.send_signal(signal.SIGKILL)
    wait_for(lambda: done(killed) >= 3 and len(runs_of(first)) == 2)
    below = runs_of(first)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    _, alive = psutil.wait_procs(below, timeout=60)
    assert alive == []
    assert 3 <= done(killed) < 12
    assert begin(killed).wait(PATIENCE) == 0
    said = killed.with_suffix(".txt").read_text()
    assert "is gone; another goes on with its run" in said and " of them done" in said
    assert done(killed) == 12
    for path in killed.glob("*/config.json"):
        assert list(open_run(path.parent).times) == list(range(1, 13))
    one, other = results(whole), results(killed)
    assert len(one[0]) == len(one[2]) == 12 and one == other
