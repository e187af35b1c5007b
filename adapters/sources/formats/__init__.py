"""Formats: the forms of file that Twokey reads, one file of code a family."""
