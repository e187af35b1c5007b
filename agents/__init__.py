"""Agents: the prompts that assistants work by, and the code that reads them."""
