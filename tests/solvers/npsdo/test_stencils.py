"""Stencil kernels: equal to their definition in torch, and their gradients are right."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from solvers.npsdo import stencils

SHAPES = [(5, 7), (1, 4), (3, 4, 5), (2, 1, 6)]


@pytest.fixture(params=SHAPES, ids=str)
def shape(request: pytest.FixtureRequest) -> tuple[int, ...]:
    return request.param


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def test_kernels_equal_the_definition(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    stencil, x = _random(3 ** len(shape), *shape), _random(3, *shape)
    expected = stencils.convolve_by_torch(stencil, x)
    assert torch.allclose(stencils.convolve(stencil, x), expected)
    single = stencils.convolve(stencil.float(), x.float())
    assert torch.allclose(single, expected.float(), atol=1e-5)


def test_gradients_of_the_kernels(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    stencil, x = _random(3 ** len(shape), *shape), _random(2, *shape)
    assert torch.autograd.gradcheck(stencils.convolve, (stencil, x), fast_mode=True)


def test_gradients_without_kernels(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stencils, "_by_kernel", lambda stencil, x: False)
    torch.manual_seed(2)
    stencil, x = _random(3 ** len(shape), *shape), _random(2, *shape)
    assert torch.autograd.gradcheck(stencils.convolve, (stencil, x), fast_mode=True)


def test_strided_vectors(shape: tuple[int, ...]) -> None:
    torch.manual_seed(3)
    stencil, x = _random(3 ** len(shape), *shape), _random(4, *shape)[::2]
    assert not x.is_contiguous() or x.numel() == x.shape[0]
    stencil = stencil.flip(0)
    assert torch.allclose(stencils.convolve(stencil, x), stencils.convolve_by_torch(stencil, x))


def test_the_transposed_stencil_is_the_adjoint_map(shape: tuple[int, ...]) -> None:
    torch.manual_seed(4)
    stencil, x, y = _random(3 ** len(shape), *shape), _random(1, *shape), _random(1, *shape)
    adjoint = stencils.transpose(stencil)
    left = (y * stencils.convolve(stencil, x)).sum()
    assert torch.allclose(left, (x * stencils.convolve(adjoint, y)).sum())
    assert torch.autograd.gradcheck(stencils.transpose, (stencil,), fast_mode=True)


def test_affine_stencils_and_their_gradients(shape: tuple[int, ...]) -> None:
    torch.manual_seed(5)
    count, dim = 3 ** len(shape), len(shape)
    image = torch.rand(2, *(n + 2 for n in shape), dtype=torch.float64)
    weight, bias = _random(count, 2, *(3,) * dim), _random(count)
    stencil = stencils.affine(image, weight, bias)
    corner = image[(slice(None), *(slice(0, 3),) * dim)]
    assert torch.allclose(
        stencil[(slice(None), *(0,) * dim)], (weight * corner).flatten(1).sum(1) + bias
    )
    assert torch.autograd.gradcheck(
        lambda w, b: stencils.affine(image, w, b), (weight, bias), fast_mode=True
    )
