"""Choices that are learnt from what earlier ones cost."""
