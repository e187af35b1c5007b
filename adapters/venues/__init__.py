"""Venues: where trades are executed."""
