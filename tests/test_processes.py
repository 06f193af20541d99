"""Processes beside the program: what they import, how they end, and what they write to."""

import os
import signal
import subprocess
import sys
import time

import pytest

from fluidsim import processes
from fluidsim.output import forgiving

WORKERS = """
import os
from fluidsim.processes import workers
if __name__ == "__main__":
    with workers(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        os.kill(os.getpid(), 9)
"""
STARTING = """
import os, signal
from fluidsim.processes import workers
if __name__ == "__main__":
    with workers(1) as pool:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *given: None)
            os.killpg(0, number)
        assert pool.submit(abs, -3).result() == 3
"""
TALKER = """
import sys
from fluidsim.output import forgiving
with forgiving():
    sys.stdin.read()
    for number in range(3):
        print("\\u6d41" * 9999)
    print("done", file=sys.stderr)
"""


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """A current folder with somebody's own `random` and `struct`; whether one has been run."""
    for name in ("random", "struct", "pyvista"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    return (tmp_path / "run").exists


def test_code_finds_the_modules_of_this_process(strange):
    command = processes.python("import random, sys; print(random.__file__, sys.argv[1:])", "a b")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == [sys.modules["random"].__file__, "['a", "b']"]
    assert not strange()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has no PYTHONSAFEPATH")
def test_workers_import_nothing_from_the_current_folder(strange):
    with processes.workers(1) as pool:
        assert pool.submit(abs, -3).result() == 3
    assert not strange()


def test_workers_leave_signals_to_the_run_while_they_start(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(STARTING)
    done = subprocess.run([sys.executable, str(script)], start_new_session=True)
    assert done.returncode == 0


def test_workers_leave_signals_to_the_run():
    with processes.workers(1) as pool:
        worker = pool.submit(os.getpid).result()
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(worker, number)
        assert pool.submit(abs, -3).result() == 3


def test_workers_end_with_a_run_that_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(WORKERS)
    done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while is_running(int(done.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(process: int) -> bool:
    """Whether a process is there and not only waits for somebody to look at how it ended."""
    try:
        return b") Z" not in open(f"/proc/{process}/stat", "rb").read()
    except OSError:
        return False


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_output_that_nobody_reads_or_can_write_ends_nothing(encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for read in (True, False):
        talker = subprocess.Popen(
            [sys.executable, "-c", TALKER], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert talker.stdin and talker.stdout and talker.stderr
        if not read:
            talker.stdout.close()
        talker.stdin.close()
        said = talker.stdout.read().decode(encoding) if read else ""
        assert talker.stderr.read() == b"done\n"
        assert talker.wait() == 0
        assert said.count("流" if encoding == "utf-8" else "\\u6d41") == (3 * 9999 if read else 0)


def test_output_that_a_program_has_redirected_stays_there(capsys):
    with forgiving():
        print("here")
    assert capsys.readouterr().out == "here\n"
