"""The tables of docs/figures.md; `python -m fluidsim.figures docs/figures.md` measures them."""
