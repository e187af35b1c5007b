"""DuckDB over `eod.parquet`: one symbol's ten years at a time, and a year of many; prints seconds and sums as JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import duckdb


def main() -> None:
    """Answer what was asked as JSON in the first argument."""
    asked = json.loads(sys.argv[1])
    connection = duckdb.connect()
    fields = ", ".join(asked["columns"])
    source = f"from read_parquet('{asked['parquet']}/*/*.parquet')"
    one = f"select {fields} {source} where instrument = ? order by session"
    many = f"select instrument, {fields} {source} where list_contains(?, instrument) and session between ? and ?"
    sums: list[float] = []
    times: list[float] = []
    for name in asked["symbols"]:
        start = time.perf_counter()
        rows: Any = connection.execute(one, [name]).fetchnumpy()
        times.append(time.perf_counter() - start)
        sums.append(float(rows["close"].sum()))
    years: list[float] = []
    for _ in range(10):
        start = time.perf_counter()
        connection.execute(many, [asked["names"], "2024-01-02", "2024-12-31"]).fetchnumpy()
        years.append(time.perf_counter() - start)
    print(json.dumps({"one": statistics.median(times), "year": statistics.median(years), "sums": sums}))


if __name__ == "__main__":
    main()
