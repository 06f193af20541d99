# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""How a sampled surface slopes and bends: derivatives of the cubic B-spline of a volume.

Differences of trilinear values have a kink in every plane of nodes, and mirrored and refracted
light shows each of them as a line. Derivatives of a cubic B-spline are smooth (Sigg & Hadwiger,
"Fast Third-Order Texture Filtering", GPU Gems 2, 2005). The values of the nodes are the
coefficients of the spline: it smooths a little, and keeps parabolas up to a constant.
"""

import taichi as ti

from fluidsim.render.arrays import vec3


@ti.func
def _weights(f):
    """Of four nodes for a place a part f beyond the second: for values, first and second
    derivatives."""
    g = 1 - f
    values = ti.Vector([g**3, 3 * f**3 - 6 * f**2 + 4, 3 * g**3 - 6 * g**2 + 4, f**3]) / 6
    firsts = ti.Vector([-g * g, 3 * f * f - 4 * f, 4 * g - 3 * g * g, f * f]) / 2
    seconds = ti.Vector([g, 3 * f - 2, 3 * g - 2, f])
    return values, firsts, seconds


@ti.func
def slope_and_bend(volume: ti.template(), place):
    """The gradient and the second derivatives (3, 3) at a place in nodes, per node; beyond the
    volume its mirror image counts."""
    size = ti.Vector([volume.shape[0], volume.shape[1], volume.shape[2]])
    q = ti.math.clamp(place, 0.0, size - 1.001)
    low = ti.cast(q, ti.i32)
    u, u1, u2 = _weights(q[0] - low[0])
    v, v1, v2 = _weights(q[1] - low[1])
    w, w1, w2 = _weights(q[2] - low[2])
    slope = vec3(0.0)
    own, mixed = vec3(0.0), vec3(0.0)  # xx, yy, zz; yz, xz, xy
    i, j, k = _four(low[0], size[0]), _four(low[1], size[1]), _four(low[2], size[2])
    for line in range(16):
        a, b = line // 4, line % 4
        value, first, second = 0.0, 0.0, 0.0
        for c in ti.static(range(4)):
            node = volume[i[a], j[b], k[c]]
            value += w[c] * node
            first += w1[c] * node
            second += w2[c] * node
        slope += ti.Vector([u1[a] * v[b] * value, u[a] * v1[b] * value, u[a] * v[b] * first])
        own += ti.Vector([u2[a] * v[b] * value, u[a] * v2[b] * value, u[a] * v[b] * second])
        mixed += ti.Vector([u[a] * v1[b] * first, u1[a] * v[b] * first, u1[a] * v1[b] * value])
    bend = ti.Matrix(
        [
            [own[0], mixed[2], mixed[1]],
            [mixed[2], own[1], mixed[0]],
            [mixed[1], mixed[0], own[2]],
        ]
    )
    return slope, bend


@ti.func
def smooth_normal(volume: ti.template(), place):
    """The unit vector along the gradient at a place in nodes."""
    slope, _bend = slope_and_bend(volume, place)
    return slope / ti.max(slope.norm(), 1e-9)


@ti.func
def _four(second, count):
    """The nodes around a place between the second of them and the next; of `count`, mirrored."""
    around = ti.abs(second + ti.Vector([-1, 0, 1, 2]))
    return ti.min(around, ti.max(2 * (count - 1) - around, 0))
