"""quantstats over session returns and a benchmark's: its HTML tear sheet; prints seconds, figures and size as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

# No window is opened.
os.environ["MPLBACKEND"] = "Agg"


def main() -> None:
    """Read days and two returns a line from the first argument, write the page to the second, time some runs of it."""
    source, page, runs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    began = time.perf_counter()
    import pandas as pd
    import quantstats as qs

    imported = time.perf_counter() - began
    read = pd.read_csv(source, index_col=0, parse_dates=True)
    ours, benchmark = read["ours"], read["benchmark"]
    times = []
    for _ in range(runs + 1):
        start, began = time.perf_counter(), time.process_time()
        qs.reports.html(ours, benchmark=benchmark, output=str(page))
        times.append((time.perf_counter() - start, time.process_time() - began))
    figures = {
        "whole": float(qs.stats.comp(ours)),
        "volatility": float(qs.stats.volatility(ours)),
        "sharpe": float(qs.stats.sharpe(ours)),
        "sortino": float(qs.stats.sortino(ours)),
        "drawdown": float(qs.stats.max_drawdown(ours)),
    }
    told = {"first": times[0], "runs": times[1:], "imported": imported, "bytes": page.stat().st_size}
    print(json.dumps({**told, "figures": figures}))


if __name__ == "__main__":
    main()
