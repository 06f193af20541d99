"""Flows with known answers, which `fluidsim verify` runs and describes on a page with plots."""
