"""What is kept in files: raw bytes for ever, clean sets by their hash."""
