import io
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch

from solvers import PoissonSystem, storage
from solvers.storage import StoredSystem, load_system, save_system
from tests.solvers.systems import CASES, box, face_shape


def example(case, dim, guess=True):
    system = CASES[case](dim)
    generator = torch.Generator().manual_seed(0)
    rhs = torch.randn(system.shape, dtype=torch.float64, generator=generator)
    start = torch.randn(system.shape, dtype=torch.float64, generator=generator) if guess else None
    return StoredSystem(system, rhs, start, {"scene": "test", "time": 0.5})


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("dim", [2, 3])
def test_round_trip(name, dim, tmp_path):
    stored = example(name, dim)
    save_system(tmp_path / "a.npz", stored)
    back = load_system(tmp_path / "a.npz")
    assert torch.equal(back.system.active, stored.system.active)
    for first, second in zip(back.system.face_weights, stored.system.face_weights, strict=True):
        assert first.dtype == second.dtype
        assert torch.equal(first, second)
    assert torch.equal(back.rhs, stored.rhs)
    assert torch.equal(back.guess, stored.guess)
    assert back.notes == stored.notes


def test_a_path_may_be_a_string(tmp_path):
    stored = example("obstacle", 2)
    save_system(str(tmp_path / "a.npz"), stored)
    assert torch.equal(load_system(str(tmp_path / "a.npz")).rhs, stored.rhs)


def test_no_guess(tmp_path):
    save_system(tmp_path / "a.npz", example("obstacle", 2, guess=False))
    assert load_system(tmp_path / "a.npz").guess is None


def test_weights_of_zero_and_one_take_little_room(tmp_path):
    system = box((32, 32, 32))
    rhs = torch.zeros(system.shape, dtype=torch.float64)
    save_system(tmp_path / "a.npz", StoredSystem(system, rhs, None))
    assert (tmp_path / "a.npz").stat().st_size < rhs.numel() / 4


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    save_system(path, example("obstacle", 2))
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"PK" + whole[10:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError):
            load_system(path)


def test_other_versions_and_shapes_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    save_system(path, example("obstacle", 2))
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, "version": np.array(99)})
    with pytest.raises(ValueError, match="version 99"):
        load_system(path)
    np.savez(path, **{**arrays, "rhs": arrays["rhs"][:-1]})
    with pytest.raises(ValueError, match="not a whole pressure system"):
        load_system(path)
    del arrays["rhs"]
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="not a whole pressure system"):
        load_system(path)


def test_pickled_objects_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    save_system(path, example("obstacle", 2))
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, "rhs": np.array([object()], dtype=object)})
    with pytest.raises(ValueError):
        load_system(path)


def header_alone(shape):
    """An array file that promises more than it holds."""
    file = io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue()


def plain(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


BOMBS = {
    "shape": plain(np.array((2**20, 2**20, 2**20))),
    "rhs": plain(np.zeros(2**24)),  # packs to a thousandth
    "guess": header_alone((10**12,)),
    "values_0": header_alone((2**31, 2**31)),
    "active": plain(np.zeros(2**26, np.uint8)),
    "notes": plain(np.array(" " * 2**22)),
}


def with_member(path, name, content):
    """A system's file with another content of one member; the path of it."""
    save_system(path / "a.npz", example("obstacle", 2))
    with zipfile.ZipFile(path / "a.npz") as file:
        members = {each: file.read(each) for each in file.namelist()}
    members[f"{name}.npy"] = content
    with zipfile.ZipFile(path / "b.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for each, content in members.items():
            file.writestr(each, content)
    return path / "b.npz"


def test_a_long_number_is_refused_at_once(tmp_path):
    """Not after all ways of taking it for eight numbers, which is for ever."""
    digits = header_alone((0,)).replace(b"(0,)", b"(" + b"9" * 500 + b",)")
    content = digits[:8] + (len(digits) - 10).to_bytes(2, "little") + digits[10:]
    with pytest.raises(ValueError, match="another header"):
        load_system(with_member(tmp_path, "shape", content))


@pytest.mark.parametrize("name", BOMBS)
def test_files_that_ask_for_much_memory_are_refused(name, tmp_path):
    path = with_member(tmp_path, name, BOMBS[name])
    tracemalloc.start()
    with pytest.raises(ValueError, match="not a whole pressure system"):
        load_system(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


def test_notes_that_are_nested_without_end_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not a table"):
        load_system(with_member(tmp_path, "notes", plain(np.array("[" * 10**4))))


def test_a_grid_of_nothing_but_zeros_is_read_however_well_it_packs(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_MOST_BYTES", 0)
    weights = tuple(torch.zeros(face_shape((96,) * 3, axis)).double() for axis in range(3))
    system = PoissonSystem(weights, torch.ones(96, 96, 96, dtype=torch.bool))
    path = tmp_path / "zeros.npz"
    save_system(path, StoredSystem(system, torch.zeros(96, 96, 96).double(), None))
    assert 1000 * path.stat().st_size < 20 * 96**3
    assert load_system(path).system.unknowns == 96**3
