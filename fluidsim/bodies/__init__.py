"""Rigid bodies that the liquid moves and that move the liquid: mass, motion, coupling, contacts."""
