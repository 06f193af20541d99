"""Flows with known answers: `fluidsim verify` runs them and writes a page with tables and plots."""
