"""Measures of equity curves and returns."""
