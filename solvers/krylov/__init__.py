"""Preconditioned conjugate gradients: the loop, and the vectors that it works on.

`pcg` is the loop over any `pcg.Workspace`. Three workspaces hold what the solvers share:
`vector_space` (torch tensors or NumPy arrays), `matrix_space` (unknowns and a CSR matrix) and
`row_space` (padded rows for CPU kernels).
"""
