"""How the pictures and the video of a run are made: declared once, for flags and stored runs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluidsim.parsing import exposure, lasting_place, number, picture_size, whole
from fluidsim.render.presets import PRESETS


def _flag(default: Any, **flag: Any) -> Any:
    """A field with what argparse is told of its flag."""
    return field(default=default, metadata=flag)


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """Each field is a flag of `fluidsim run` and `fluidsim render`; its metadata are the flag's.

    `view`: flags of which only one may be given. None: as the scene's `View` says.
    """

    size: tuple[int, int] = _flag(
        (1280, 720), type=picture_size, metavar="WxH", help="of the pictures in pixels (1280x720)"
    )
    fps: int | None = _flag(
        None, type=whole(1, 240), help="frames a second of the video (real time, or 30)"
    )
    preset: str | None = _flag(
        None, choices=list(PRESETS), help="background, floor and light (studio; smoke: dark)"
    )
    orbit: float | None = _flag(
        None, view=True, type=number, metavar="DEGREES", help="turn the camera over the video"
    )
    camera: Path | None = _flag(  # noqa: RUF009
        None, view=True, type=lasting_place, metavar="FILE.json", help="keyframes of the camera"
    )
    exposure: float = _flag(
        0.0, type=exposure, metavar="S", help="seconds that blur a moving liquid (0)"
    )
    supersample: int = _flag(1, type=whole(1, 8), metavar="N", help="average N x N pixels (1)")
    caption: bool = _flag(True, help="no text on the pictures")

    def pictures(self) -> PictureOptions:
        """These options alone."""
        names = (each.name for each in dataclasses.fields(PictureOptions))
        return PictureOptions(**{name: getattr(self, name) for name in names})

    def changed(self, given: dict[str, Any]) -> PictureOptions:
        """With other values for some, by name; a camera given takes the place of an orbit."""
        kept = self.pictures()
        if given.keys() & {"orbit", "camera"}:
            kept = dataclasses.replace(kept, orbit=None, camera=None)
        return dataclasses.replace(kept, **given)
