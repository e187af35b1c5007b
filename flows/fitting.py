"""Fitting: models that were made of the same inputs before are taken as they are, and the others are made and kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from core.quant.parameters import RankerParameters
from core.quant.training import (
    FitMany,
    Fits,
    Fitted,
    TrainingSet,
    fitted_from_text,
    fitted_to_text,
    inputs_of,
)
from core.quant.windows import Window
from flows.ports import ModelStore


def fits_kept_in(store: ModelStore, fit_many: FitMany) -> FitMany:
    """Give a way to fit windows that asks a store first; what it must fit itself is kept as soon as it is there.

    A walk that is cut short has kept the models it came to, each whole, and the next one goes on from there.
    """

    def fit(learn: TrainingSet, windows: Sequence[Window], parameters: RankerParameters) -> Fits:
        keys = [inputs_of(learn, window, parameters) for window in windows]
        kept = [_kept(store, key) for key in keys]
        lacking = [window for window, one in zip(windows, kept, strict=True) if one is None]
        with closing(fit_many(learn, lacking, parameters)) as fresh:
            for key, one in zip(keys, kept, strict=True):
                if one is None:
                    one = next(fresh)
                    store.put(key, fitted_to_text(one))
                yield one

    return fit


def _kept(store: ModelStore, key: str) -> Fitted | None:
    text = store.get(key)
    fitted = None if text is None else fitted_from_text(text)
    if fitted is not None and fitted.inputs != key:
        raise ValueError(f"the model kept as {key} was made of {fitted.inputs}; remove it, and it is made again")
    return fitted
