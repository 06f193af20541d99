"""`fluidsim upres`: the smoke of a stored run again on a finer grid, with turbulence added.

Kim, Thuerey, James & Gross 2008, "Wavelet turbulence for fluid simulation".
"""
