"""What is compiled before the first frame."""

import io
import subprocess

import pytest
from rich.console import Console

import solvers
from fluidsim import render
from fluidsim.runs import warm_up
from fluidsim.scene.config import RunConfig
from scenes.dam_break import build
from solvers.warm_up import warm_up as compile_solver
from tests.conftest import first_use

CONFIG = RunConfig(scene="dam_break", dim=2, render=False)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A machine on which no run has been; the processes that are started."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(warm_up, "is_first_use", first_use)
    monkeypatch.setattr(warm_up, "available_threads", lambda: 2)
    started = []

    class Process(subprocess.Popen):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Process)
    return started


def prepared(machine):
    text = io.StringIO()
    warm_up.warm_up(build, CONFIG, machine, Console(file=text))
    return text.getvalue()


@pytest.mark.slow
def test_a_second_process_compiles_the_solver_the_first_time_only(fresh, machine, tmp_path):
    assert "kernels ready after" in prepared(machine)
    assert [process.returncode for process in fresh] == [0]
    prepared(machine)
    assert len(fresh) == 1
    [note] = (tmp_path / "fluidsim" / "compiled").iterdir()
    assert note.name == "multigrid-2d"
    digest = note.read_text()
    note.write_text("other sources")
    prepared(machine)
    assert len(fresh) == 2 and note.read_text() == digest


def test_the_second_process_ends_with_the_first(fresh, machine, tmp_path, monkeypatch):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(warm_up, "_try", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepared(machine)
    assert fresh[0].returncode != 0
    assert not (tmp_path / "fluidsim").exists()


def test_a_picture_is_drawn_by_the_flags_of_pictures(machine, monkeypatch):
    """So what they need is compiled: exposure alone takes kernels of its own."""
    drawn = []
    monkeypatch.setattr(render, "picture", lambda *given: drawn.append(given))
    monkeypatch.setattr(warm_up, "FRAMES", 1)
    config = RunConfig(scene="dam_break", solver=warm_up.MEANWHILE, exposure=0.01)
    warm_up.warm_up(build, config, machine, Console(file=io.StringIO()))
    [(frame, size, _, style)] = drawn
    assert (size, style.exposure) == ((64, 48), 0.01)
    assert len(frame.velocities) == len(frame.positions) > 0


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("name", solvers.available())
def test_every_solver_can_be_compiled_ahead(name, dim):
    compile_solver(name, dim)
