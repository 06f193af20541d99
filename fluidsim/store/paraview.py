"""Indices of a run's stored frames with their times, which ParaView opens as one animation.

RUN_DIR/particles.xmf  liquid: positions and velocities out of the .ply files themselves (XDMF;
                       a .pvd index may not name .ply files, whose velocities VTK would drop)
RUN_DIR/smoke.pvd      smoke: the .vti files
RUN_DIR/solids.pvd     moving solids: their .vti files
RUN_DIR/pressure.pvd   liquid, and smoke in 2D: the .vti files of the pressure
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fluidsim.files import replacing
from fluidsim.store import frames
from fluidsim.store.run_folder import FrameRecord

_PVD = (
    '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1">\n<Collection>',
    "</Collection>\n</VTKFile>",
)
_GRIDS = {"smoke.pvd": ".vti", "solids.pvd": "-solids.vti", "pressure.pvd": "-pressure.vti"}
_XDMF = (
    '<?xml version="1.0"?>\n<Xdmf Version="2.0">\n<Domain>\n'
    '<Grid Name="particles" GridType="Collection" CollectionType="Temporal">',
    "</Grid>\n</Domain>\n</Xdmf>",
)


class Entry(NamedTuple):
    """A frame as the indices list it."""

    frame: int
    time: float
    particles: int

    @classmethod
    def of(cls, record: FrameRecord) -> Entry:
        """The entry for a frame of the log."""
        return cls(record.frame, record.time, record.particles)


class Indices:
    """The indices of the run in a folder; every `add` leaves them whole and up to date."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._entries: dict[str, list[str]] = {}

    def add(self, *stored: Entry) -> None:
        """Append frames that are stored, and write the indices."""
        for each in stored:
            if self._holds(frames.name(each.frame, ".ply")):
                self._entries.setdefault("particles.xmf", []).append(_xdmf_entry(each))
            for index, suffix in _GRIDS.items():
                if self._holds(name := frames.name(each.frame, suffix)):
                    entry = _pvd_entry(each.time, f"frames/{name}")
                    self._entries.setdefault(index, []).append(entry)
        for name, entries in self._entries.items():
            _write(self._folder / name, _XDMF if name.endswith(".xmf") else _PVD, entries)

    def _holds(self, name: str) -> bool:
        return (self._folder / "frames" / name).exists()


def write_pvd(path: Path, files: Sequence[tuple[float, str]]) -> None:
    """A ParaView collection of (time in s, path relative to the index)."""
    _write(path, _PVD, [_pvd_entry(time, name) for time, name in files])


def _pvd_entry(time: float, name: str) -> str:
    return f'<DataSet timestep="{time!r}" file="{name}"/>'


def _xdmf_entry(each: Entry) -> str:
    """One frame: the columns 0 to 2 and 3 to 5 of the rows in its .ply file."""
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
    lines = [
        f'<Grid Name="particles"><Time Value="{each.time!r}"/>',
        f'<Topology TopologyType="Polyvertex" NumberOfElements="{count}"/>',
        f'<Geometry GeometryType="XYZ">{positions}</Geometry>',
        f'<Attribute Name="velocity" AttributeType="Vector" Center="Node">{velocities}',
        "</Attribute></Grid>",
    ]
    return "\n".join(lines)


def _write(path: Path, around: tuple[str, str], entries: Sequence[str]) -> None:
    with replacing(path) as temporary:
        temporary.write_text("\n".join([around[0], *entries, around[1], ""]), encoding="ascii")
