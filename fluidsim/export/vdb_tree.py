"""A dense array as the tree of an OpenVDB grid, in the bytes of its files.

Leaves are blocks of 8^3 voxels, below nodes of 16^3 and 32^3 children: the usual tree of VDB
(Museth, "VDB: high-resolution sparse volumes with dynamic topology", 2013). Blocks without an
active voxel are not stored; they hold the background or, inside of a level set, its negative.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

_SIZES = (8, 16, 32)  # children of a leaf and of the nodes above it, along each axis
COMPRESSION = 1 | 2  # zlib, of the active values only

_Levels = list[tuple[np.ndarray, np.ndarray]]


def tree_bytes(
    values: np.ndarray, active: np.ndarray, background: float, half: bool
) -> tuple[bytes, bytes]:
    """The nodes of the tree, and what its leaves hold.

    values: float32 (n0, n1, n2) or, of vectors, (n0, n1, n2, 3). active: bool (n0, n1, n2); what is
    not active is the background. A background above 0 is that of a level set, negative inside.
    half: with 16 bits a number.
    """
    within = np.less(values, 0) if background > 0 else np.zeros_like(active)
    on, levels = active, []
    for size in _SIZES:
        on, within = _blocks(on, size), _blocks(within, size)
        levels.append((on, within))
        on, within = np.asarray(on.any(-1)), within[..., 0]
    roots = np.argwhere(on)
    rounded = float(np.float16(background)) if half else background
    nodes = [_numbers(1), struct.pack("<f", rounded) * values[0, 0, 0].size, _numbers(0)]
    nodes.append(_numbers(len(roots)))
    nothing = b"" if half else _numbers(0, 0)  # the values of a node: the format differs here
    leaves: list[tuple[int, ...]] = []
    for root in roots:
        nodes.append(_numbers(*(root * np.prod(_SIZES))))
        _add_node(levels, len(_SIZES) - 1, root, nothing, nodes, leaves)
    return b"".join(nodes), _leaf_values(values, levels[0], leaves, half)


def _add_node(
    levels: _Levels, level: int, index: np.ndarray, nothing: bytes, nodes: list[bytes],
    leaves: list[tuple[int, ...]],
) -> None:  # fmt: skip
    """Add a node, and those below it, to `nodes`, and its leaves to `leaves`."""
    place = tuple(int(i) for i in index)
    children, within = (blocks[place] for blocks in levels[level])
    nodes.append(_mask(children))
    if level == 0:
        leaves.append(place)
        return
    nodes += [_mask(np.zeros_like(children)), _inactive(children, within), nothing]
    for child in np.argwhere(children.reshape((_SIZES[level],) * 3)):
        _add_node(levels, level - 1, index * _SIZES[level] + child, nothing, nodes, leaves)


def _leaf_values(
    values: np.ndarray, leaf_level: tuple[np.ndarray, np.ndarray],
    leaves: list[tuple[int, ...]], half: bool,
) -> bytes:  # fmt: skip
    blocks = _blocks(values.astype("<f2" if half else "<f4"), _SIZES[0])
    result = []
    for place in leaves:
        on, within = (each[place] for each in leaf_level)
        data = blocks[place][on].tobytes()
        small = zlib.compress(data)
        size, stored = (len(small), small) if len(small) < len(data) else (-len(data), data)
        result += [_mask(on), _inactive(on, within), struct.pack("<q", size), stored]
    return b"".join(result)


def _blocks(array: np.ndarray, size: int) -> np.ndarray:
    """An array (n0, n1, n2, ...) in blocks, (b0, b1, b2, size^3, ...); zeros fill the last ones."""
    counts, rest = [-(-n // size) for n in array.shape[:3]], array.shape[3:]
    padded = np.zeros([count * size for count in counts] + list(rest), array.dtype)
    padded[tuple(slice(n) for n in array.shape[:3])] = array
    split = padded.reshape([n for count in counts for n in (count, size)] + list(rest))
    order = (0, 2, 4, 1, 3, 5, *range(6, split.ndim))
    return split.transpose(order).reshape(*counts, size**3, *rest)


def _inactive(on: np.ndarray, within: np.ndarray) -> bytes:
    """Which of the values that are not on are the background (code 0) or its negative (code 1)."""
    off = within[~on]
    if not off.any():
        return b"\0"
    return b"\1" if off.all() else b"\3" + _mask(~within)


def _mask(bits: np.ndarray) -> bytes:
    return np.packbits(bits, bitorder="little").tobytes()


def _numbers(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)
