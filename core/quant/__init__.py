"""Room of quant: ranking instruments."""
