import torch

from solvers import interior, lower, upper


def test_slices_are_views_along_one_axis(dim):
    a = torch.arange(4**dim).reshape((4,) * dim)
    for axis in range(dim):
        layers = a.unbind(axis)
        assert torch.equal(lower(a, axis), torch.stack(layers[:3], axis))
        assert torch.equal(upper(a, axis), torch.stack(layers[1:], axis))
        assert torch.equal(interior(a, axis), torch.stack(layers[1:3], axis))
    interior(a, 0).fill_(-1)
    assert (a[1:3] == -1).all()
