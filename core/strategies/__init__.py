"""Room of strategies: panels in, scores out."""
