"""`python -m benchmarks [--shared DIR]`: run every benchmark, each part in a process of its own, and print the tables."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import decision, features, ledger, ledger_store, market_data, report, research, walk_forward

DEFAULT_SHARED = Path(__file__).resolve().parents[2] / "shared"


def main() -> None:
    """Run all benchmarks and print what they measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--shared", type=Path, default=DEFAULT_SHARED, help="the folder with the recorded market data")
    parser.add_argument("--peers", type=Path, help="a Python that has the peers' packages (see benchmarks/peers.txt)")
    parser.add_argument("--qlib", type=Path, help="a Python that has Qlib (see benchmarks/peers-qlib.txt)")
    parser.add_argument("--instruments", type=int, default=800, help="instruments of the features' panel")
    parser.add_argument("--largest", type=int, default=10_000, help="instruments at the end of the curve")
    parser.add_argument("--fills", type=int, default=300_000, help="fills at the end of the ledger's curves")
    arguments = parser.parse_args()
    print(decision.report())
    with tempfile.TemporaryDirectory(prefix="twokey-bench-") as folder:
        print(market_data.report(Path(folder), arguments.shared, arguments.peers, largest=arguments.largest))
    with tempfile.TemporaryDirectory(prefix="twokey-bench-") as folder:
        print(ledger.report(Path(folder), arguments.peers, largest=arguments.fills))
    with tempfile.TemporaryDirectory(prefix="twokey-bench-") as folder:
        print(ledger_store.report(Path(folder), largest=arguments.fills))
    with tempfile.TemporaryDirectory(prefix="twokey-bench-") as folder:
        print(report.report(Path(folder), arguments.peers))
    with tempfile.TemporaryDirectory(prefix="twokey-bench-") as folder:
        print(research.report(Path(folder), arguments.peers))
    with tempfile.TemporaryDirectory(prefix="twokey-bench-") as folder:
        print(walk_forward.report(Path(folder)))
    with tempfile.TemporaryDirectory(prefix="twokey-bench-") as folder:
        print(features.report(Path(folder), arguments.peers, arguments.qlib, instruments=arguments.instruments))


if __name__ == "__main__":
    main()
