"""The five MCP servers: transport and wiring only; each is a process with one role and its own secret."""
