"""What liquids and smoke share: time steps, pressure, viscosity, extrapolation."""
