"""Liquids: particles, their surface, and the step."""
