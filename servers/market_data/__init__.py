"""The server of market data: reads the clean set and the universe, writes nothing."""
