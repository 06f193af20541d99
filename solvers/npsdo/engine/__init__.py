"""The learned cycle on the CPU: kernels that compute what `networks.SymmetricCycle` defines.

`engine` prepares a system and runs the cycle; `layout` defines how levels lie in memory. `setup`
runs the kernels of `images`, `windows` and `stencils`; `kernels` and `transfers` are the cycle,
`band` smooths the cells that the network does not know, and `space` is the CG around it.
"""
