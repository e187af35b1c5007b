"""Windows of a walk-forward: which weeks a model learns from, validates on, and is asked about, with nothing of the future."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.quant.parameters import RankerParameters

# The label of week j ends at the open after decision j + 1: it is known at the close of that session, so at decision j + 2
# at the latest, and never at decision j + 1.
KNOWN_AFTER_WEEKS = 2


@dataclass(frozen=True)
class Window:
    """Weeks by their numbers: a model learns from `train`, stops by `validate`, and scores `test`.

    It is trained at the close of the first week of `test`, and serves until the next one is.
    """

    train: range
    validate: range
    test: range


def windows(weeks: int, parameters: RankerParameters, first: int = 0) -> tuple[Window, ...]:
    """Give the windows of a walk-forward over weeks `first` to `weeks` - 1, by their test weeks, ascending.

    A window begins with week `first` until it has `window_weeks` (expanding), then rolls; there is none before it has
    `weeks_min`. It ends with the last week whose label is known at the close of the test week, less the embargo. Its last
    part (`validation_share`, rounded, one week at least) validates; between the two lies the same gap, so that no label
    that was learned from reaches past a decision that validates. The weeks of that gap teach nothing. A window's weeks
    hang on its own test week alone: more weeks after it change nothing.
    """
    gap = KNOWN_AFTER_WEEKS + parameters.embargo_weeks
    found = []
    for test in range(first + parameters.weeks_min - 1 + gap, weeks, parameters.retrain_weeks):
        stop = test - gap + 1
        start = max(first, stop - parameters.window_weeks)
        validate = stop - max(1, round(parameters.validation_share * (stop - start)))
        found.append(
            Window(
                train=range(start, validate - gap + 1),
                validate=range(validate, stop),
                test=range(test, min(test + parameters.retrain_weeks, weeks)),
            )
        )
    return tuple(found)


def leaks(window: Window, parameters: RankerParameters) -> tuple[str, ...]:
    """Say in which ways a window knows more than its day did, a sentence each; none where it is sound.

    A label of week j is known `KNOWN_AFTER_WEEKS` after it, and the embargo is added to that.
    """
    return tuple(_leaks(window, KNOWN_AFTER_WEEKS + parameters.embargo_weeks))


def _leaks(window: Window, gap: int) -> Iterator[str]:
    parts = {"train": window.train, "validate": window.validate, "test": window.test}
    for name, weeks in parts.items():
        if weeks.step != 1 or not weeks:
            yield f"{name} is {weeks}; it must be ascending weeks without a gap, one at least"
            return
    for learned, decided in (("train", "validate"), ("train", "test"), ("validate", "test")):
        last, begin = parts[learned][-1], parts[decided][0]
        if last + gap > begin:
            yield (
                f"{learned} ends with week {last}, whose label counts as known with week {last + gap};"
                f" {decided} begins with week {begin}"
            )
