"""Spray, foam and bubbles, made from the stored frames of a liquid."""
