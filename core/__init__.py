"""The deterministic core: every money and risk decision, as values in and values out."""
