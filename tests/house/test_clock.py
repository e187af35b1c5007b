"""The clock is an argument: nobody calls `now()` outside `adapters/clock.py`, tests included."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.names import calls, is_within, texts
from tests.house.tree import Source, assert_none, python_sources, violations

# The clock itself, and the tests that hold it against the machine's.
ALLOWED_ENDS = ("adapters/clock.py", "adapters/test_clock.py")
METHODS = ("now", "utcnow", "today")
# Durations (`monotonic`, `perf_counter`) and `sleep` tell no time of day.
READINGS = ("time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.asctime", "time.strftime")
WORDS = ("now", "today")
# Our clock, and the database's own: a column that the database fills.
CLOCKS = ("adapters.clock", "sqlalchemy.func", "sqlmodel.func", "sqlalchemy.sql.func")


def reads_clock(source: Source) -> Iterator[str]:
    """Find where a file asks the machine what time it is."""
    if source.path.endswith(ALLOWED_ENDS):
        return
    for name, call in calls(source.tree):
        if _is_reading(name, call):
            yield source.at(call, f"calls {name.lstrip('.') or 'now'}(); take the instant or the clock as an argument")


def _is_reading(name: str, call: ast.Call) -> bool:
    holder, _, last = name.rpartition(".")
    if is_within(name, CLOCKS):
        return False
    if name.startswith(".") and "clock" in holder.rsplit(".", 1)[-1].lower():
        return False
    asks_in_words = is_within(name, ["pandas", "numpy"]) and bool(set(texts(call.args)) & set(WORDS))
    return last in METHODS or name in READINGS or asks_in_words


def test_only_the_clock_tells_the_time():
    """No file but the clock reads the time of day."""
    assert_none(violations(reads_clock, python_sources()))


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import UTC, datetime; datetime.now(UTC)",
        "import datetime as dt; dt.datetime.utcnow()",
        "from datetime import date; date.today()",
        "import time; time.time()",
        "from time import time_ns; time_ns()",
        "import pandas as pd; pd.Timestamp.now('UTC')",
        "import pandas as pd; pd.to_datetime('today')",
        "type(x).now()",
        "now()",
    ],
)
def test_sees_each_reading(line):
    """Every planted reading of the machine's clock is found."""
    assert list(reads_clock(Source("flows/planted.py", line)))


@pytest.mark.parametrize(
    "line",
    [
        "clock.now()",
        "self._clock.now()",
        "from adapters.clock import now; now()",
        "from sqlalchemy import func; func.now()",
        "import time; time.monotonic()",
        "x = bar.now",
    ],
)
def test_lets_a_clock_be_passed(line):
    """A clock that was handed in may be asked."""
    assert list(reads_clock(Source("flows/planted.py", line))) == []


def test_spares_the_clock_itself():
    """The one file that may read the time is left alone."""
    line = "from datetime import UTC, datetime; datetime.now(UTC)"

    assert list(reads_clock(Source("adapters/clock.py", line))) == []
