"""The grid, its cells and rows, and how loops over them are dealt to threads."""
