"""The kernels of the GPU multigrid, in Triton: the V-cycle in float32, CG around it in float64.

A level is an array of cells, the last axis fastest. `lower_*` hold the coupling of a cell to its
lower neighbour along each axis, 0 at the rim: the coupling to the upper neighbour is the one stored
there, and no neighbour beyond the rim counts. A program does one tile of TX x TY x TZ cells. The
list `tiles` holds -1 for tiles without active cells, which are skipped, 2 * tile + 1 where all
cells have the `usual` couplings and diagonal, so that no coefficients are read, and 2 * tile
elsewhere. `torch_levels` defines what the V-cycle computes. The kernels have flat arguments
because Triton takes no others.
"""

# pyright: reportArgumentType=false, reportMissingImports=false, reportOperatorIssue=false

from __future__ import annotations

import triton
import triton.language as tl

_SHAPE = ("nx", "ny", "nz")  # no kernel is compiled anew for other sizes


@triton.jit
def _corner(entry, ny, nz, TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr):
    """The first cell of a tile."""
    across, high = tl.cdiv(ny, TY), tl.cdiv(nz, TZ)
    tile = entry // 2
    return tile // (across * high) * TX, tile // high % across * TY, tile % high * TZ


@triton.jit
def _places(entry, ny, nz, TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr):
    """The cells of a tile by their places along the axes."""
    i, j, k = _corner(entry, ny, nz, TX, TY, TZ)
    lane = tl.arange(0, TX * TY * TZ)
    return i + lane // (TY * TZ), j + lane // TZ % TY, k + lane % TZ


@triton.jit
def _tile(entry, nx, ny, nz, TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr):
    """The cells of a tile by their places in memory, and which of them are on the grid."""
    i, j, k = _places(entry, ny, nz, TX, TY, TZ)
    return (i * ny + j) * nz + k, (entry >= 0) & (i < nx) & (j < ny) & (k < nz)


@triton.jit
def _values(x, cell, step, mask, cells):
    """Of the lower and the upper neighbour, 0 beyond the array."""
    below = tl.load(x + (cell - step), mask=mask & (cell >= step), other=0.0)
    above = tl.load(x + (cell + step), mask=mask & (cell + step < cells), other=0.0)
    return below, above


@triton.jit
def _couplings(lower, cell, step, mask, cells):
    """To the lower and the upper neighbour."""
    down = tl.load(lower + cell, mask=mask, other=0.0)
    up = tl.load(lower + (cell + step), mask=mask & (cell + step < cells), other=0.0)
    return down, up


@triton.jit
def _gather(x, lower_x, lower_y, lower_z, cell, mask, nx, ny, nz):
    """The sum of coupling times value over the neighbours."""
    cells = nx * ny * nz
    below, above = _values(x, cell, ny * nz, mask, cells)
    down, up = _couplings(lower_x, cell, ny * nz, mask, cells)
    total = down * below + up * above
    below, above = _values(x, cell, nz, mask, cells)
    down, up = _couplings(lower_y, cell, nz, mask, cells)
    total += down * below + up * above
    below, above = _values(x, cell, 1, mask, cells)
    down, up = _couplings(lower_z, cell, 1, mask, cells)
    return total + down * below + up * above


@triton.jit
def _usual_gather(x, usual, cell, mask, nx, ny, nz):
    """The same where all couplings are the usual ones."""
    cells = nx * ny * nz
    below, above = _values(x, cell, ny * nz, mask, cells)
    total = tl.load(usual) * (below + above)
    below, above = _values(x, cell, nz, mask, cells)
    total += tl.load(usual + 1) * (below + above)
    below, above = _values(x, cell, 1, mask, cells)
    return total + tl.load(usual + 2) * (below + above)


@triton.jit(do_not_specialize=_SHAPE)
def begin(
    x, b, inverse, usual, tiles, nx, ny, nz, factor,
    TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr,
):  # fmt: skip
    """The first red sweep, from x = 0."""
    entry = tl.load(tiles + tl.program_id(0))
    i, j, k = _places(entry, ny, nz, TX, TY, TZ)
    within = (entry >= 0) & (i < nx) & (j < ny) & (k < nz)
    red = within & ((i + j + k) % 2 == 0)
    cell = (i * ny + j) * nz + k
    right = tl.load(b + cell, mask=red, other=0.0)
    if entry % 2 == 1:
        value = tl.load(usual + 3) * right
    else:
        value = tl.load(inverse + cell, mask=red, other=0.0) * right
    tl.store(x + cell, factor * value, mask=within)


@triton.jit(do_not_specialize=_SHAPE)
def relax(
    x, b, inverse, lower_x, lower_y, lower_z, usual, tiles, nx, ny, nz, factor,
    COLOUR: tl.constexpr, TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr,
):  # fmt: skip
    """A sweep over the cells of one colour: 0 red, where i + j + k is even, 1 black."""
    entry = tl.load(tiles + tl.program_id(0))
    i, j, k = _corner(entry, ny, nz, TX, TY, TZ)
    lane = tl.arange(0, TX * TY * TZ // 2)
    i, j = i + lane // (TY * TZ // 2), j + lane // (TZ // 2) % TY
    k += 2 * (lane % (TZ // 2)) + (i + j + COLOUR) % 2
    cell = (i * ny + j) * nz + k
    mine = (entry >= 0) & (i < nx) & (j < ny) & (k < nz)
    old = tl.load(x + cell, mask=mine, other=0.0)
    right = tl.load(b + cell, mask=mine, other=0.0)
    if entry % 2 == 1:
        total = _usual_gather(x, usual, cell, mine, nx, ny, nz)
        wanted = tl.load(usual + 3) * (right + total)
    else:
        total = _gather(x, lower_x, lower_y, lower_z, cell, mine, nx, ny, nz)
        wanted = tl.load(inverse + cell, mask=mine, other=0.0) * (right + total)
    tl.store(x + cell, old + factor * (wanted - old), mask=mine)


@triton.jit(do_not_specialize=(*_SHAPE, "coarse_nx", "coarse_ny", "coarse_nz"))
def restrict(
    x, b, inverse, lower_x, lower_y, lower_z, nx, ny, nz,
    coarse_b, coarse_tiles, coarse_nx, coarse_ny, coarse_nz,
    TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr,
):  # fmt: skip
    """b of the coarser level: the sums of the residuals, which black cells do not have."""
    entry = tl.load(coarse_tiles + tl.program_id(0))
    coarse_i, coarse_j, coarse_k = _places(entry, coarse_ny, coarse_nz, TX, TY, TZ)
    wanted = (entry >= 0) & (coarse_i < coarse_nx)
    wanted = wanted & (coarse_j < coarse_ny) & (coarse_k < coarse_nz)
    total = tl.zeros((TX * TY * TZ,), dtype=tl.float32)
    for child in tl.static_range(4):
        i, j = 2 * coarse_i + child // 2, 2 * coarse_j + child % 2
        k = 2 * coarse_k + ((child // 2) ^ (child % 2))
        within = wanted & (i < nx) & (j < ny) & (k < nz)
        cell = (i * ny + j) * nz + k
        scale = tl.load(inverse + cell, mask=within, other=0.0)
        known = within & (scale > 0)
        rest = tl.load(b + cell, mask=known, other=0.0)
        rest += _gather(x, lower_x, lower_y, lower_z, cell, known, nx, ny, nz)
        own = tl.load(x + cell, mask=known, other=0.0)
        total += tl.where(known, rest - own / tl.where(known, scale, 1.0), 0.0)
    coarse = (coarse_i * coarse_ny + coarse_j) * coarse_nz + coarse_k
    tl.store(coarse_b + coarse, total, mask=wanted)


@triton.jit(do_not_specialize=(*_SHAPE, "coarse_ny", "coarse_nz"))
def prolong(
    x, inverse, tiles, nx, ny, nz, coarse_x, coarse_ny, coarse_nz,
    TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr,
):  # fmt: skip
    """Add the correction of the coarser level."""
    entry = tl.load(tiles + tl.program_id(0))
    i, j, k = _places(entry, ny, nz, TX, TY, TZ)
    known = (entry >= 0) & (i < nx) & (j < ny) & (k < nz)
    cell = (i * ny + j) * nz + k
    if entry % 2 == 0:
        known = known & (tl.load(inverse + cell, mask=known, other=0.0) > 0)
    coarse = ((i // 2) * coarse_ny + j // 2) * coarse_nz + k // 2
    change = tl.load(coarse_x + coarse, mask=known, other=0.0)
    tl.store(x + cell, tl.load(x + cell, mask=known, other=0.0) + change, mask=known)


@triton.jit
def _flux(p, own, lower, cell, step, mask, cells):
    """What flows out of a cell along one axis: a constant gives exact zeros."""
    below, above = _values(p, cell, step, mask, cells)
    down, up = _couplings(lower, cell, step, mask, cells)
    return down.to(tl.float64) * (own - below) + up.to(tl.float64) * (own - above)


@triton.jit
def _usual_flux(p, own, usual, cell, step, mask, cells):
    below, above = _values(p, cell, step, mask, cells)
    return tl.load(usual) * ((own - below) + (own - above))


@triton.jit(do_not_specialize=_SHAPE)
def product(
    p, q, held, lower_x, lower_y, lower_z, usual, tiles, sums, nx, ny, nz,
    TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr,
):  # fmt: skip
    """q = A p in float64, and the parts of (p, q). held: weights towards p = 0."""
    entry = tl.load(tiles + tl.program_id(0))
    cell, within = _tile(entry, nx, ny, nz, TX, TY, TZ)
    cells = nx * ny * nz
    own = tl.load(p + cell, mask=within, other=0.0)
    if entry % 2 == 1:
        total = _usual_flux(p, own, usual, cell, ny * nz, within, cells)
        total += _usual_flux(p, own, usual + 1, cell, nz, within, cells)
        total += _usual_flux(p, own, usual + 2, cell, 1, within, cells)
    else:
        total = tl.load(held + cell, mask=within, other=0.0) * own
        total += _flux(p, own, lower_x, cell, ny * nz, within, cells)
        total += _flux(p, own, lower_y, cell, nz, within, cells)
        total += _flux(p, own, lower_z, cell, 1, within, cells)
    tl.store(q + cell, total, mask=within)
    tl.store(sums + tl.program_id(0), tl.sum(tl.where(within, own * total, 0.0)))


@triton.jit(do_not_specialize=_SHAPE)
def advance(
    x, r, p, q, b, numbers, tiles, sums, nx, ny, nz,
    TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr,
):  # fmt: skip
    """x += alpha p, r -= alpha q, b = scale r, and the parts of (r, r); numbers: alpha, scale."""
    cell, within = _tile(tl.load(tiles + tl.program_id(0)), nx, ny, nz, TX, TY, TZ)
    alpha = tl.load(numbers)
    here = tl.load(x + cell, mask=within) + alpha * tl.load(p + cell, mask=within)
    tl.store(x + cell, here, mask=within)
    rest = tl.load(r + cell, mask=within, other=0.0)
    rest -= alpha * tl.load(q + cell, mask=within, other=0.0)
    tl.store(r + cell, rest, mask=within)
    tl.store(b + cell, (tl.load(numbers + 1) * rest).to(tl.float32), mask=within)
    tl.store(sums + tl.program_id(0), tl.sum(rest * rest))


@triton.jit(do_not_specialize=_SHAPE)
def inner(
    r, z, tiles, sums, nx, ny, nz, TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr
):  # fmt: skip
    """The parts of (r, z)."""
    cell, within = _tile(tl.load(tiles + tl.program_id(0)), nx, ny, nz, TX, TY, TZ)
    value = tl.load(r + cell, mask=within, other=0.0)
    value *= tl.load(z + cell, mask=within, other=0.0).to(tl.float64)
    tl.store(sums + tl.program_id(0), tl.sum(value))


@triton.jit(do_not_specialize=_SHAPE)
def turn(
    p, z, numbers, tiles, nx, ny, nz, TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr
):  # fmt: skip
    """p = z + beta p; numbers: beta."""
    cell, within = _tile(tl.load(tiles + tl.program_id(0)), nx, ny, nz, TX, TY, TZ)
    value = tl.load(z + cell, mask=within, other=0.0).to(tl.float64)
    value += tl.load(numbers) * tl.load(p + cell, mask=within, other=0.0)
    tl.store(p + cell, value, mask=within)
