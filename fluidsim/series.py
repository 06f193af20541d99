"""Indices of a run's stored frames with their times, which ParaView opens as one animation.

RUN_DIR/particles.xmf  liquid: positions and velocities out of the .ply files themselves (XDMF;
                       a .pvd index may not name .ply files, whose velocities VTK would drop)
RUN_DIR/smoke.pvd      smoke: the .vti files
RUN_DIR/solids.pvd     moving solids: their .vti files
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fluidsim import frames
from fluidsim.files import replacing


class Entry(NamedTuple):
    """What an index says of a frame."""

    frame: int
    time: float
    particles: int


def entry(record: Mapping[str, Any]) -> Entry:
    """Of a frame's line in the log."""
    return Entry(record["frame"], record["time"], record["particles"])


def write_indices(folder: Path, kind: str, stored: Sequence[Entry]) -> None:
    """Write the indices of all frames stored so far; folder: of the run, kind: of its frames."""
    if kind == "liquid":
        _write(folder / "particles.xmf", _xdmf(stored))
    else:
        write_pvd(
            folder / "smoke.pvd",
            [(each.time, f"frames/{frames.name(each.frame, '.vti')}") for each in stored],
        )
    solids = [
        (each.time, f"frames/{name}")
        for each in stored
        if (folder / "frames" / (name := frames.solids_name(each.frame))).exists()
    ]
    if solids:
        write_pvd(folder / "solids.pvd", solids)


def write_pvd(path: Path, files: Sequence[tuple[float, str]]) -> None:
    """A ParaView collection of (time in s, path relative to the index)."""
    lines = ['<?xml version="1.0"?>', '<VTKFile type="Collection" version="0.1">', "<Collection>"]
    lines += [f'<DataSet timestep="{time!r}" file="{name}"/>' for time, name in files]
    _write(path, [*lines, "</Collection>", "</VTKFile>"])


def _xdmf(stored: Sequence[Entry]) -> list[str]:
    collection = '<Grid Name="particles" GridType="Collection" CollectionType="Temporal">'
    lines = ['<?xml version="1.0"?>', '<Xdmf Version="2.0">', "<Domain>", collection]
    for each in stored:
        count = each.particles
        rows = (
            f'<DataItem Format="Binary" Endian="Little" NumberType="Float" Precision="4" '
            f'Dimensions="{count} 6" Seek="{frames.particles_begin(count)}">'
            f"frames/{frames.name(each.frame, '.ply')}</DataItem>"
        )
        positions, velocities = (
            f'<DataItem ItemType="HyperSlab" Dimensions="{count} 3">'
            f'<DataItem Format="XML" Dimensions="3 2">0 {first} 1 1 {count} 3</DataItem>'
            f"{rows}</DataItem>"
            for first in (0, 3)
        )
        lines += [
            f'<Grid Name="particles"><Time Value="{each.time!r}"/>',
            f'<Topology TopologyType="Polyvertex" NumberOfElements="{count}"/>',
            f'<Geometry GeometryType="XYZ">{positions}</Geometry>',
            f'<Attribute Name="velocity" AttributeType="Vector" Center="Node">{velocities}'
            "</Attribute></Grid>",
        ]
    return [*lines, "</Grid>", "</Domain>", "</Xdmf>"]


def _write(path: Path, lines: Sequence[str]) -> None:
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")
