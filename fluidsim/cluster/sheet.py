"""A contact sheet: a row a run, its pictures at a quarter, half, three quarters and the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from fluidsim.errors import SimulationError
from fluidsim.files import replacing
from fluidsim.store.run_folder import read_run

MOMENTS = (0.25, 0.5, 0.75, 1.0)  # of the frames that a run has
WIDTH, GAP, HEAD = 320, 6, 24  # pixels: of a picture, between them, of a row's title
TALLEST = 16_000  # pixels, of a sheet: many runs have smaller pictures
INK, PAPER = (29, 39, 51), (250, 251, 252)


def write_sheet(runs: Sequence[tuple[str, Path]], path: Path) -> Path | None:
    """Write the sheet of runs, each with its name and its folder; None if none has a picture."""
    rows = [(f"{name}   {title}", files) for name, folder in runs for title, files in _row(folder)]
    if not rows:
        return None
    with Image.open(rows[0][1][0]) as first:
        shape = first.height / first.width
    width = max(32, min(WIDTH, round((TALLEST / len(rows) - HEAD - GAP) / shape)))
    height = round(width * shape)
    size = (len(MOMENTS) * (width + GAP) + GAP, len(rows) * (HEAD + height + GAP) + GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(sheet), _font()
    for number, (title, files) in enumerate(rows):
        top = GAP + number * (HEAD + height + GAP)
        draw.text((GAP + 2, top + HEAD / 2), title, fill=INK, font=font, anchor="lm")
        for column, file in enumerate(files):
            with Image.open(file) as picture:
                small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
            sheet.paste(small, (GAP + column * (width + GAP), top + HEAD))
    with replacing(path) as temporary:
        sheet.save(temporary)
    return path


def _row(folder: Path) -> list[tuple[str, list[Path]]]:
    """The times and the pictures of a run; nothing if one of these is missing."""
    try:
        frames = read_run(folder)[1]
    except SimulationError:
        return []
    if not frames:
        return []
    chosen = [frames[max(0, round(moment * len(frames)) - 1)] for moment in MOMENTS]
    files = [folder / "frames" / f"{frame['frame']:04d}.png" for frame in chosen]
    times = ", ".join(f"{frame['time']:.3g}" for frame in chosen)
    return [(f"t = {times} s", files)] if all(file.exists() for file in files) else []


def _font() -> ImageFont.FreeTypeFont:
    place = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(place), 14)
