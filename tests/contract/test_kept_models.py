"""Kept models: whole or not there, damage is told and made good, and a walk goes on where another was cut short."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from adapters.files.models import FileModels
from core.quant.parameters import RankerParameters
from core.quant.training import fit_each
from core.quant.walk_forward import walk
from core.quant.windows import windows
from flows.fitting import fits_kept_in
from tests.unit.quant.planted import planted

QUICK = RankerParameters("any", weeks_min=20, trees_max=10, leaf_rows_min=30, l2=1.0)
LEARN = planted(41, weeks=30, instruments=30, features=3, known=0.3).learn
WINDOWS = windows(30, QUICK)
KEY, OTHER = "ab" * 32, "cd" * 32
DAMAGE = {
    "cut short": lambda content: content[:-1],
    "emptied": lambda content: b"",
    "one bit turned": lambda content: content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
    "another's first line": lambda content: content[:10] + b"0" + content[11:],
    "grown": lambda content: content + b"\n",
}


@pytest.fixture
def folder(tmp_path):
    """Give where models go; the folder is not there yet."""
    return tmp_path / "kept" / "models"


def counted(asked):
    """Give a way to fit that notes the windows that it is asked for."""

    def fit(learn, wanted, parameters):
        asked.extend(window.test[0] for window in wanted)
        yield from fit_each(learn, wanted, parameters)

    return fit


def test_what_was_kept_is_given_and_nothing_else(folder):
    """By its key, the last that was kept, also by another process; unknown is None."""
    store = FileModels(folder)
    assert store.get(KEY) is None
    store.put(KEY, "tree\nline two, £\r\n")
    store.put(OTHER, "")
    store.put(KEY, "tree\nline two, £\r\n")

    assert FileModels(folder).get(KEY) == store.get(KEY) == "tree\nline two, £\r\n"
    assert store.get(OTHER) == ""
    assert store.damaged() == ()


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_counts_as_not_kept_and_is_told(folder, kind):
    """Whatever happened to the file: nothing is given, the file is named, and keeping it again makes it good."""
    store = FileModels(folder)
    store.put(KEY, "tree\n" * 20)
    (path,) = folder.rglob("*.txt")
    path.write_bytes(DAMAGE[kind](path.read_bytes()))

    assert store.get(KEY) is None
    (told,) = store.damaged()
    assert str(path) in told
    store.put(KEY, "tree\n" * 20)
    assert store.get(KEY) == "tree\n" * 20


def test_a_repeat_takes_what_was_kept(folder):
    """The second walk fits nothing and comes to the same, bit for bit; another seed fits all."""
    first: list[int] = []
    second: list[int] = []
    third: list[int] = []
    found = [
        walk(LEARN, WINDOWS, QUICK, fit_many=fits_kept_in(FileModels(folder), counted(asked)))
        for asked in (first, second)
    ]
    other = RankerParameters(**{**vars(QUICK), "seed": 8})
    walk(LEARN, WINDOWS, other, fit_many=fits_kept_in(FileModels(folder), counted(third)))

    assert (first, second, third) == ([window.test[0] for window in WINDOWS], [], first)
    assert found[0].fitted == found[1].fitted
    np.testing.assert_array_equal(found[0].scores, found[1].scores)


def test_a_walk_goes_on_where_another_was_cut_short(folder):
    """Each model is kept as soon as it is there: the next walk fits the rest alone, and files begun and left do not count."""
    fit = fits_kept_in(FileModels(folder), fit_each)
    started = fit(LEARN, WINDOWS, QUICK)
    assert len(list(islice(started, 3))) == 3
    started.close()
    (folder / ".writing-x").write_bytes(b"half")

    asked: list[int] = []
    found = walk(LEARN, WINDOWS, QUICK, fit_many=fits_kept_in(FileModels(folder), counted(asked)))

    assert asked == [window.test[0] for window in WINDOWS[3:]]
    assert found.fitted == walk(LEARN, WINDOWS, QUICK, fit_many=fit_each).fitted


def test_a_damaged_model_is_made_again(folder):
    """One file damaged: one fit, the same models, and it is said."""
    kept = fits_kept_in(FileModels(folder), fit_each)
    found = walk(LEARN, WINDOWS, QUICK, fit_many=kept)
    path = next(folder.rglob(f"{found.fitted[2].inputs}.txt"))
    path.write_bytes(path.read_bytes().replace(b"Tree=1", b"Tree=2"))

    store = FileModels(folder)
    asked: list[int] = []
    again = walk(LEARN, WINDOWS, QUICK, fit_many=fits_kept_in(store, counted(asked)))

    assert asked == [WINDOWS[2].test[0]]
    assert again.fitted == found.fitted
    assert len(store.damaged()) == 1
    assert FileModels(folder).get(found.fitted[2].inputs) is not None


def test_a_model_under_anothers_name_is_refused(folder):
    """A file that somebody copied to another key is not taken for what it is not."""
    found = walk(LEARN, WINDOWS, QUICK, fit_many=fits_kept_in(FileModels(folder), fit_each))
    store = FileModels(folder)
    store.put(found.fitted[0].inputs, store.get(found.fitted[1].inputs) or "")

    with pytest.raises(ValueError, match="was made of"):
        walk(LEARN, WINDOWS, QUICK, fit_many=fits_kept_in(store, fit_each))
