"""The command line: transport and wiring only."""
