"""What stands between `solvers.solve` and a solver, so that its answer can be trusted.

`problem` brings a right-hand side to a common scale and judges pressures, `rounds` solves until
each part meets the tolerance. Around the solver stand, where they are needed: `periodic` for axes
that close to rings, `leaks` for nearly closed parts, `rescue` for weights of very different size.
`weights` looks at the weights.
"""
