import numpy as np
import pytest
import torch

from solvers.storage import StoredSystem, load_system, save_system
from tests.solvers.systems import CASES, box


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
