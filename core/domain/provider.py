"""Who tells prices and rates, by the names that raw files, configuration and findings have."""

from __future__ import annotations

from typing import Literal

PriceSource = Literal[
    "yahoo",
    "stooq",
    "alphavantage",
    "ibkr",
    "quandl",
    "quantconnect",
    "coinbase",
    "cboe",
    "fred",
    "oanda",
    "synthetic",
]
# The European Central Bank tells rates and no prices.
Provider = Literal[PriceSource, "ecb"]
