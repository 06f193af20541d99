"""The README's tables of figures; `python -m fluidsim.figures README.md` measures them anew."""
