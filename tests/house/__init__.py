"""The rules of the house that a machine can hold: each a check, its limit, and planted violations to find."""
