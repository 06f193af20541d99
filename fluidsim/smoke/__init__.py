"""Smoke: advection, conservative transport, heat and fire, and the step."""
