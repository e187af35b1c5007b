"""Kernels are compiled once, and again when anything that they are made of is written anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.quant.kernels import compile_kernels
from tests.conftest import ROOT

USE = """
import sys
import numpy as np
from core.quant.bars import Bars
from core.quant.codes import codes
from core.quant.feature_sets import feature_set
from core.quant.features import features, features_on_last

weekly = feature_set("weekly")
assert "numba" not in sys.modules, "naming a feature loads the compiler"
x = np.random.default_rng(1).random((40, 5)) + 1
bars = Bars(x, x, x, x, x, x, x[:, 0].copy())
features_on_last(bars, weekly)
codes(features(bars, weekly), np.ones(x.shape, dtype=bool))
from core.indicators.ranks import coded
from core.indicators.tape import run
print(*(sum(one.stats.cache_misses.values()) for one in (run, coded)))
"""
CALLER = """
from core.indicators.compiled import compiled
import called

@compiled
def answer(x):
    return called.part(x)

print(answer(1.0), sum(answer.stats.cache_misses.values()))
"""
CALLED = """
from core.indicators.compiled import inner
MORE = {more}

@inner
def part(x):
    return x + MORE
"""


def run_python(*arguments: str, folder: Path = ROOT, **environment: str) -> str:
    """Run Python in a process of its own and give what it printed."""
    paths = os.pathsep.join([str(ROOT), str(folder)])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=kept | {"PYTHONPATH": paths} | environment,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_a_second_process_does_not_compile_again():
    """What one process compiled the next one reads; and only one that computes features loads the compiler."""
    compile_kernels()

    assert run_python("-c", USE) == "0 0"


@pytest.mark.slow
def test_a_kernel_is_compiled_anew_when_what_it_calls_elsewhere_changes(tmp_path):
    """A constant of another file is frozen into the machine code: neither it nor the caller may stay."""
    (tmp_path / "caller.py").write_text(CALLER, encoding="utf-8")
    told = []

    for more in (1, 1, 2):
        (tmp_path / "called.py").write_text(CALLED.format(more=float(more)), encoding="utf-8")
        told.append(run_python("caller.py", folder=tmp_path, PYTHONDONTWRITEBYTECODE="1"))

    assert told == ["2.0 1", "2.0 0", "3.0 1"]


@pytest.mark.slow
def test_where_no_folder_can_be_written_each_process_compiles_for_itself(tmp_path):
    """A cache that can not be is no error."""
    (tmp_path / "caller.py").write_text(CALLER, encoding="utf-8")
    (tmp_path / "called.py").write_text(CALLED.format(more=1.0), encoding="utf-8")
    (tmp_path / "__pycache__").write_text("no folder", encoding="utf-8")

    told = run_python(
        "caller.py", folder=tmp_path, PYTHONDONTWRITEBYTECODE="1", HOME="/dev/null", XDG_CACHE_HOME="/dev/null"
    )

    assert told.split()[0] == "2.0"
