"""The CPU kernel of a half-sweep: all cells of one colour of the chessboard, over rows."""

import numba

from solvers import kernel_cache  # noqa: F401


@numba.njit(cache=True, parallel=True)
def relax(
    x, b, diagonal, omega, colour, parity, sums, active, along, across, faces, neighbours, spans
):
    """x += omega r / diagonal in the cells of a colour, 0 or 1; sums[i] = (r, r) of span i there.

    r: residual before the cell is relaxed. parity: colour of the first cell of each row. x is
    padded, b and diagonal are not; the other arguments are tables of a `RowLayout`.
    """
    for i in numba.prange(len(spans)):
        row, first, last = spans[i]
        square = 0.0
        for k in range(first + ((first + parity[row] + colour) & 1), last, 2):
            d = diagonal[row, k]
            if not active[row, k] or d <= 0.0:
                continue
            r = b[row, k] - d * x[row, k + 1]
            r += along[row, k] * x[row, k] + along[row, k + 1] * x[row, k + 2]
            for axis in range(len(across)):
                for side in range(2):
                    weight = across[axis][faces[axis, side, row], k]
                    r += weight * x[neighbours[axis, side, row], k + 1]
            square += r * r
            x[row, k + 1] += omega * r / d
        sums[i] = square
