"""Runs on a machine where something is wrong: they end well, or go on well after it.

Each is a process, as a user starts it. Mounts and other users need root.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fluidsim.store.run_folder import read_config, read_log
from fluidsim.store.stored_run import open_run
from solvers import caches

ROOT = Path(__file__).resolve().parent.parent
SMALL = ["--dim", "2", "--resolution", "16", "--threads", "1"]
QUICK = [*SMALL, "--solver", "direct"]  # where no kernels are kept: few to compile
NOBODY = 65534
PATIENCE = 600  # seconds, on a machine that is busy with other work
as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None,
    reason="needs root",
)


def environment(**changes: str | None) -> dict[str, str]:
    """That of the tests, with the program on the path, and changes; None: without."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    values = {**os.environ, "PYTHONPATH": path, **changes}
    return {name: value for name, value in values.items() if value is not None}


def start(*arguments: object, before: tuple[str, ...] = (), **named) -> subprocess.Popen:
    """before: a command that runs the one of the program."""
    command = [*before, sys.executable, "-m", "fluidsim", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **{"env": environment(), **pipes, **named})


def finished(*arguments: object, **named) -> str:
    """What a command says that must go well."""
    process = start(*arguments, **named)
    said, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    return said


def wait_for_frames(process: subprocess.Popen, folder: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    log = folder / "log.jsonl"
    while not log.exists() or len(read_log(log)) <= count:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def check_whole(folder: Path, frames: int, pictures: bool = True) -> None:
    """All frames are logged, stored and drawn."""
    assert read_config(folder)["status"] == "done"
    stored = open_run(folder)
    assert list(stored.times) == list(range(1, frames + 1))
    for number in stored.times:
        stored.frame(number)
        assert (folder / "frames" / f"{number:04d}.png").exists() == pictures
    assert (folder / "video.mp4").exists() == pictures


def test_a_run_where_little_is_as_usual(tmp_path):
    """No home, a plain locale, a strange folder, one thread, and nobody reads what it says."""
    (tmp_path / "solvers").mkdir()
    for module in ("solvers/__init__.py", "random.py", "torch.py"):
        (tmp_path / module).write_text("raise SystemExit('not mine')")
    folder = tmp_path / "água 流"
    strange = environment(HOME=None, LC_ALL="C", NUMBA_NUM_THREADS="1")
    flags = [*SMALL[:4], "--frames", "1", "--no-render", "--out", folder]
    process = start("run", "dam_break", *flags, env=strange, cwd=tmp_path)
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=PATIENCE) == 0
    check_whole(folder, 1, pictures=False)


@pytest.mark.slow
@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_pictures_drawn_by_another_process_outlive_a_signal(number, tmp_path):
    folder = tmp_path / "run"
    flags = [*SMALL, "--frames", "9", "--checkpoint", "3", "--size", "1920x1080"]
    process = start("run", "dam_break", *flags, "--out", folder, start_new_session=True)
    wait_for_frames(process, folder, 4)
    os.killpg(process.pid, number) if number != signal.SIGKILL else process.kill()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == (-number if number == signal.SIGKILL else 130)
    deadline = time.monotonic() + PATIENCE
    while is_alive(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    finished("run", "dam_break", "--resume", folder)
    check_whole(folder, 9)


def is_alive(group: int) -> bool:
    """Whether processes of a group run."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, members = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(members) == group and state != "Z":
            return True
    return False


@pytest.mark.slow
def test_a_stop_while_the_video_is_written(tmp_path):
    folder = tmp_path / "run"
    flags = ["--dim", "2", "--resolution", "16", "--frames", "6", "--size", "3840x2160"]
    process = start("run", "dam_break", *flags, "--out", folder)
    while not list(folder.glob(".video*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and errors.strip() == "interrupted"
    assert f"--resume {folder} goes on" in said
    finished("run", "dam_break", "--resume", folder)
    check_whole(folder, 6)


@contextmanager
def disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@as_root
@pytest.mark.slow
@pytest.mark.parametrize("scene", ["smoke_solid", "dam_break"])
def test_a_full_disk(scene, tmp_path):
    with disk(tmp_path / "disk", "500k"):
        folder = tmp_path / "disk" / "run"
        flags = [*SMALL[:3], "32", *SMALL[4:], "--frames", "40", "--no-render", "--force"]
        process = start("run", scene, *flags, "--checkpoint", "4", "--out", folder)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1 and len(errors.strip().splitlines()) == 1
        assert "No space left" in errors and "--resume" in errors
        options = ["-o", "remount,size=50m", tmp_path / "disk"]
        subprocess.run(["mount", *options], check=True)
        finished("run", scene, "--resume", errors.rpartition("--resume ")[2].strip())
        check_whole(folder, 40, pictures=False)


@as_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
@pytest.mark.slow
def test_a_user_who_may_write_nothing_but_the_run():
    """The program and the home are somebody else's, as in a container."""
    # This user may read all files, since Python may lie in a folder of root's, and write none.
    reads = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *reads)
    with tempfile.TemporaryDirectory() as place:
        os.chown(place, NOBODY, NOBODY)
        folder = Path(place) / "run"
        flags = [*QUICK, "--frames", "2", "--size", "96x64", "--out", folder]
        changed = environment(HOME="/nonexistent", XDG_CACHE_HOME=None, TMPDIR=place)
        finished("run", "dam_break", *flags, env=changed, before=nobody)
        check_whole(folder, 2)
        assert [path.name for path in Path(place).iterdir()] == ["run"]


@as_root
@pytest.mark.slow
def test_a_program_and_caches_that_cannot_be_written(tmp_path):
    readonly = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    before = ("unshare", "--mount", "sh", "-c", readonly, str(ROOT))
    changed = environment(HOME="/proc", XDG_CACHE_HOME="/proc", PYTHONDONTWRITEBYTECODE="1")
    flags = [*QUICK, "--frames", "1", "--size", "96x64", "--out", tmp_path / "run"]
    said = finished("run", "dam_break", *flags, env=changed, before=before)
    assert "no folder that can be written" in said
    check_whole(tmp_path / "run", 1)


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C", "en_US.ISO-8859-1"])
def test_letters_that_a_locale_does_not_have(locale, tmp_path):
    folder = tmp_path / "água 流"
    changed = environment(LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    flags = [*SMALL, "--frames", "2", "--size", "96x64", "--out", folder]
    finished("run", "smoke_solid", *flags, env=changed)
    check_whole(folder, 2)


@pytest.mark.slow
def test_a_list_that_nobody_reads():
    process = start("scenes")
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait(timeout=PATIENCE) == 0


@pytest.mark.slow
def test_a_mesh_and_a_home_named_in_other_ways(tmp_path):
    """A relative --mesh is found again from elsewhere; ~ is the home where no shell is."""
    (tmp_path / "there").mkdir()
    corners = [f"v {x} {y} {z}" for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    faces = ["1 2 4 3", "5 7 8 6", "1 5 6 2", "3 4 8 7", "1 3 7 5", "2 6 8 4"]
    cube = "\n".join([*corners, *(f"f {face}" for face in faces), ""])
    (tmp_path / "there" / "cube.obj").write_text(cube)
    home = environment(HOME=str(tmp_path), XDG_CACHE_HOME=str(caches.folder()))
    flags = [*SMALL[:3], "24", *SMALL[4:], "--frames", "1", "--no-render", "--checkpoint", "1"]
    finished(
        "run", "dambreak_bunny", *flags, "--mesh", "cube.obj", "--out", "~/run",
        env=home, cwd=tmp_path / "there",
    )  # fmt: skip
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["cube.obj"]
    finished("run", "dambreak_bunny", "--resume", "~/run", "--frames", "2", env=home, cwd=tmp_path)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["status"] == "done"
