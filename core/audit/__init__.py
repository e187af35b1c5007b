"""Auditing: why a figure stands where it does, down to the facts under it, each number computed again."""
