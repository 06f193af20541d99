"""Closed curves and surfaces of splines: their points, and what of them is closest to others."""
