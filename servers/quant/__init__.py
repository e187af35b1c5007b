"""The server of quant: scores, and backtests as jobs."""
