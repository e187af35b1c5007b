"""Core decides, the shell carries: no clock, file, network, randomness, environment or print in `core/`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.names import calls, dotted_name, imported_names, is_within, references, texts
from tests.house.tree import Source, assert_none, floor_sources, violations

# Whatever stands at or below these names reaches out of the process, or differs from one run to the next.
WORLD = (
    *("os", "io", "pathlib", "tempfile", "shutil", "glob", "sqlite3", "pickle", "shelve", "logging", "platform"),
    *("socket", "ssl", "http", "urllib", "subprocess", "asyncio", "threading", "multiprocessing", "concurrent"),
    *("time", "random", "secrets", "uuid.uuid1", "uuid.uuid4"),
    *("sys.argv", "sys.stdin", "sys.stdout", "sys.stderr", "sys.path", "sys.modules"),
    *("pyarrow.parquet", "pyarrow.csv", "pyarrow.feather", "pyarrow.fs"),
    *("numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile", "numpy.memmap"),
    *("numpy.save", "numpy.savez", "numpy.savez_compressed", "numpy.savetxt"),
)
# `hash` of a string differs between processes; `id` between runs.
BUILTINS = ("open", "print", "input", "breakpoint", "eval", "exec", "__import__", "hash", "id")
CLOCK_METHODS = ("now", "utcnow", "today", "monotonic", "perf_counter")
FILE_METHODS = (
    *("read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "mkdir", "unlink", "tofile", "save_model"),
    *("to_parquet", "to_pickle", "to_feather", "to_hdf", "to_sql", "to_excel"),
)
CLOCK_WORDS = ("now", "today")
# The only ways into numpy's randomness: each takes its seed or its generator as an argument.
SEEDED = ("default_rng", "Generator", "BitGenerator", "SeedSequence", "PCG64", "Philox")


def impure(source: Source) -> Iterator[str]:
    """Find what a file of core does beyond turning values into values."""
    for name, node in references(source.tree):
        if is_within(name, WORLD) or name.startswith("pandas.read_"):
            yield source.at(node, f"uses {name}")
        if is_within(name, ["numpy.random"]) and name.split(".")[2:3] and name.split(".")[2] not in SEEDED:
            yield source.at(node, f"uses {name}, a random source without a seed of its own")
    for name, call in calls(source.tree):
        yield from _impure_call(source, name, call)


def _impure_call(source: Source, name: str, call: ast.Call) -> Iterator[str]:
    last = name.rsplit(".", 1)[-1]
    if name in {f".{builtin}" for builtin in BUILTINS}:
        yield source.at(call, f"calls {last}()")
    if isinstance(call.func, ast.Attribute) and last in (*CLOCK_METHODS, *FILE_METHODS):
        yield source.at(call, f"calls .{last}()")
    if is_within(name, ["numpy", "pandas"]) and set(texts(call.args)) & set(CLOCK_WORDS):
        yield source.at(call, f"asks {name} for the time")
    if last == "default_rng" and _is_unseeded(call):
        yield source.at(call, "makes a random generator without a seed")
    if isinstance(call.func, ast.Attribute) and last == "sample" and not _has(call, "random_state"):
        yield source.at(call, "samples without random_state")
    if isinstance(call.func, ast.Attribute) and last == "astimezone" and not call.args and not call.keywords:
        yield source.at(call, "reads the machine's time zone")
    if last == "to_csv" and (call.args or _has(call, "path_or_buf")):
        yield source.at(call, "writes a file")


def _is_unseeded(call: ast.Call) -> bool:
    given = [*call.args, *(word.value for word in call.keywords)]
    return not given or any(isinstance(value, ast.Constant) and value.value is None for value in given)


def _has(call: ast.Call, keyword: str) -> bool:
    return any(word.arg == keyword for word in call.keywords)


def test_core_reaches_for_nothing_outside_its_arguments():
    """No file of core holds an impure name or call."""
    assert_none(violations(impure, floor_sources("core")))


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import datetime as when; when.now()",
        "import datetime; datetime.date.today()",
        "import time; time.time()",
        "from time import perf_counter as tick; tick()",
        "clock.now()",
        "import pandas as pd; pd.Timestamp.now()",
        "import pandas as pd; pd.Timestamp('now')",
        "import numpy as np; np.datetime64('today')",
        "open('x')",
        "from pathlib import Path; Path('x')",
        "path.read_text()",
        "import pandas as pd; pd.read_parquet('x')",
        "frame.to_parquet('x')",
        "frame.to_csv('x')",
        "booster.save_model('x')",
        "import numpy as np; np.load('x')",
        "import os; os.environ['X']",
        "from os import getenv; getenv('X')",
        "import sys; sys.argv",
        "import random; random.random()",
        "import numpy as np; np.random.normal()",
        "from numpy import random; random.seed(1)",
        "import numpy as np; np.random.default_rng()",
        "from numpy.random import default_rng; default_rng(None)",
        "frame.sample(3)",
        "import uuid; uuid.uuid4()",
        "print('x')",
        "hash('x')",
        "instant.astimezone()",
        "import socket; socket.socket()",
        "import logging; logging.info('x')",
    ],
)
def test_sees_each_way_out_of_core(line):
    """Every planted way to reach the world is found."""
    assert list(impure(Source("core/planted.py", line)))


@pytest.mark.parametrize(
    "line",
    [
        "import numpy as np; np.random.default_rng(7).normal()",
        "import numpy as np; x: np.random.Generator",
        "def f(time): return time.hour",
        "from datetime import time; time(9, 30)",
        "def f(bar): return bar.open",
        "frame.to_csv()",
        "frame.sample(3, random_state=7)",
        "instant.astimezone(UTC)",
        "import hashlib; hashlib.sha256(b'x')",
        "text = 'print the news now'",
    ],
)
def test_lets_pure_code_be(line):
    """Names that only look like the world are left alone."""
    assert list(impure(Source("core/planted.py", line))) == []


def test_resolves_what_an_alias_stands_for():
    """An alias hides nothing: names are spelled in full before they are judged."""
    tree = ast.parse("import numpy.random as dice\ndice.normal")
    chain = next(node for node in ast.walk(tree) if isinstance(node, ast.Attribute))

    assert dotted_name(chain, imported_names(tree)) == "numpy.random.normal"
