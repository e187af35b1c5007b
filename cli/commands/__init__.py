"""The commands: what each does, in the words of the flows."""
