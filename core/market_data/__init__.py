"""Room of market data: clean bars, quality, exchange rates."""
