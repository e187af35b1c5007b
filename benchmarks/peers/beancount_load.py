"""beancount over a file of fills: parse and book it, and sum its lots; prints seconds, positions, costs and gains as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from decimal import Decimal

# Read from its own cache a file is not computed.
os.environ["BEANCOUNT_DISABLE_LOAD_CACHE"] = "1"

from beancount import loader


def main() -> None:
    """Load the file named in the first argument."""
    units: dict[str, Decimal] = defaultdict(Decimal)
    costs: dict[str, Decimal] = defaultdict(Decimal)
    gains = Decimal(0)
    start, began = time.perf_counter(), time.process_time()
    entries, errors, _ = loader.load_file(sys.argv[1])
    for entry in entries:
        for posting in getattr(entry, "postings", ()):
            if posting.cost is not None:
                units[posting.account] += posting.units.number
                costs[posting.account] += posting.units.number * posting.cost.number
            elif posting.account == "Income:Gains":
                gains -= posting.units.number
    taken = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - began}
    assert not errors, errors[:3]
    held = {name.rpartition(":")[2]: name for name, number in units.items() if number}
    sums = {"units": units, "costs": costs}
    told = {what: {name: str(of[account]) for name, account in held.items()} for what, of in sums.items()}
    print(json.dumps({**taken, **told, "gains": str(gains)}))


if __name__ == "__main__":
    main()
