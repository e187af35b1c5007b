"""Run by Qlib's own interpreter: asks Qlib for all that an export holds, and prints it as JSON."""

import json
import sys

import qlib
from qlib.data import D

FIELDS = ["open", "high", "low", "close", "volume", "factor", "change"]


def spans_of(name):
    """Give a list as Qlib reads it."""
    told = D.list_instruments(D.instruments(name), as_list=False)
    return {who: [[str(first.date()), str(last.date())] for first, last in spans] for who, spans in told.items()}


def main():
    """Ask Qlib."""
    qlib.init(provider_uri=sys.argv[1], region="us", kernels=1, expression_cache=None, dataset_cache=None)
    asked = ["$" + name for name in FIELDS] + ["$close/Ref($close, 1)-1"]
    table = D.features(D.instruments("all"), asked)
    table.columns = [*FIELDS, "return"]
    rows = [
        [who, str(day.date()), *(None if one != one else one for one in values)]
        for (who, day), values in zip(table.index, table.astype("float64").values.tolist(), strict=True)
    ]
    lists = {name: spans_of(name) for name in ("all", "universe", "holdable")}
    named = D.features(sys.argv[2:], ["$close"])
    found = sorted(named.index.get_level_values("instrument").unique())
    told = {"calendar": [str(day.date()) for day in D.calendar()], "lists": lists, "rows": rows, "named": found}
    sys.stdout.write(json.dumps(told) + "\n")


main()
