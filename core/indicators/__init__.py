"""Formulas on arrays that know no instrument."""
