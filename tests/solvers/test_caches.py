"""Kernels have a place, whatever the machine lets them write."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from solvers import caches
from solvers.runtime import available_threads, configure


@pytest.fixture
def unwritable(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)


@pytest.mark.usefixtures("unwritable")
def test_kernels_go_to_a_temporary_folder_where_caches_cannot_be_written(monkeypatch):
    assert caches.are_kept()
    for name, value in caches.variables().items():
        monkeypatch.setenv(name, value)
    place = Path(os.environ["XDG_CACHE_HOME"])
    assert place.is_dir() and caches.folder() == place
    assert Path(os.environ["MPLCONFIGDIR"]).parent == place
    assert not caches.are_kept()
    assert caches.variables() == {}  # as another process sees it


@pytest.mark.usefixtures("unwritable")
def test_the_temporary_folder_goes_with_the_process(tmp_path):
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['variables']()['XDG_CACHE_HOME'])"
    command = [sys.executable, "-c", code, caches.__file__]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    place = Path(done.stdout.strip())
    assert place != tmp_path / "file" and not place.exists()


def test_without_a_home_the_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    for home in (lambda: tmp_path, lambda: exec("raise RuntimeError('who?')")):
        monkeypatch.setattr(Path, "home", home)
        assert Path(caches.variables()["XDG_CACHE_HOME"]).is_dir()


def test_a_folder_that_can_be_written_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert caches.variables() == {}
    assert caches.are_kept()


def test_threads_are_no_more_than_numba_may_have(monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)
    assert available_threads() == 1
    with pytest.raises(ValueError, match="between 1 and 1"):
        configure(2)
