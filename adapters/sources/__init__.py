"""The sources of raw files: archives on disk and a synthetic market."""
