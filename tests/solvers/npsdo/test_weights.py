"""Weight files: what is written is read back, and every other file gives one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from solvers import tensor_files
from solvers.npsdo import card, weights
from solvers.npsdo.networks import PaperNetwork


@pytest.fixture(params=sorted(weights.KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def path(tmp_path: Path, kind: str) -> Path:
    network = weights.untrained(kind, 2)
    torch.manual_seed(0)
    for values in network.parameters():
        values += torch.randn_like(values)
    weights.save(tmp_path / f"{kind}_2d.safetensors", network, {"seed": "7"})
    return tmp_path / f"{kind}_2d.safetensors"


def test_a_network_returns_as_it_was(kind: str, path: Path) -> None:
    network = weights.load(path, kind, 2)
    torch.manual_seed(0)
    for fresh, read in zip(
        weights.untrained(kind, 2).parameters(), network.parameters(), strict=True
    ):
        assert torch.equal(fresh + torch.randn_like(fresh), read)
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert weights.notes(path) == {"seed": "7"}
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_networks_of_other_depth_return(tmp_path: Path) -> None:
    path = tmp_path / "deep.safetensors"
    deep = PaperNetwork(2, 6)
    weights.save(path, deep, {})
    read = weights.load(path, "npsdo-paper", 2)
    assert len(list(read.parameters())) == len(list(deep.parameters()))


@pytest.mark.parametrize("dim", [2, 3])
def test_files_are_small(kind: str, dim: int, tmp_path: Path) -> None:
    path = tmp_path / "new.safetensors"
    weights.save(path, weights.untrained(kind, dim), {"about": "x" * 2000})
    assert path.stat().st_size < 300_000


def _refused(path: Path, kind: str, dim: int, match: str) -> None:
    with pytest.raises(ValueError, match=match) as error:
        weights.load(path, kind, dim)
    text = str(error.value)
    assert str(path) in text and "\n" not in text and len(text) < 400


def test_missing_file(kind: str, tmp_path: Path) -> None:
    _refused(tmp_path / "none.safetensors", kind, 2, "cannot be read")


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_truncated_file(kind: str, path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    _refused(path, kind, 2, "cannot be read")


def test_foreign_file(kind: str, path: Path) -> None:
    path.write_bytes(b"PK\x03\x04 this is no file of tensors" * 10)
    _refused(path, kind, 2, "cannot be read")


def test_a_flipped_bit(kind: str, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)
    _refused(path, kind, 2, "checksum")


def _rewritten(path: Path, **changes: str) -> None:
    tensors, about = tensor_files.read(path)
    tensor_files.write(path, tensors, {**about, **changes})


def test_other_kind_dimension_version_and_format(kind: str, path: Path) -> None:
    other = next(each for each in weights.KINDS if each != kind)
    _refused(path, other, 2, f"has kind {kind}, not {other}")
    _refused(path, kind, 3, "has dim 2, not 3")
    _rewritten(path, version="99")
    _refused(path, kind, 2, "has version 99")
    _rewritten(path, format="something else")
    _refused(path, kind, 2, "has format")


def _resealed(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """The file with other tensors and a checksum that fits them."""
    _, about = tensor_files.read(path)
    tensor_files.write(path, tensors, {**about, "sha256": tensor_files.digest(tensors)})


def test_tensors_that_do_not_fit(kind: str, path: Path) -> None:
    tensors, _ = tensor_files.read(path)
    name = next(name for name in tensors if name.endswith("weight"))
    _resealed(path, {**tensors, name: tensors[name][..., :2].contiguous()})
    _refused(path, kind, 2, "does not fit")
    _resealed(path, {key: value for key, value in tensors.items() if key != name})
    _refused(path, kind, 2, "does not fit")
    _resealed(path, {"unknown": torch.zeros(3)})
    _refused(path, kind, 2, "does not fit")


def test_values_that_are_not_finite(kind: str, path: Path) -> None:
    tensors, _ = tensor_files.read(path)
    first = next(iter(tensors))
    tensors[first].view(-1)[0] = float("nan")
    _resealed(path, tensors)
    _refused(path, kind, 2, "not finite")


def test_a_file_without_metadata(kind: str, path: Path) -> None:
    path.write_bytes(safetensors.torch.save({"a": torch.zeros(2)}))
    _refused(path, kind, 2, "has format None")


def test_the_card_has_a_table_for_each_file(kind: str, path: Path) -> None:
    weights.save(path.with_name("npsdo_3d.safetensors"), weights.untrained("npsdo", 3), {"a": "b"})
    text = card.write(path.parent).read_text()
    assert text.count("\n## ") == 2
    assert "| seed | 7 |" in text and "| a | b |" in text


@pytest.mark.parametrize("dim", [2, 3])
def test_shipped_weights(kind: str, dim: int) -> None:
    path = weights.shipped(kind, dim)
    assert path.stat().st_size < 300_000
    network = weights.load(path, kind, dim)
    assert network.dim == dim
    notes = weights.notes(path)
    assert f"## {path.name}" in (path.parent / card.NAME).read_text()
    assert {"trained on", "steps", "seed", "untrained", "trained", "test"} <= set(notes)
