"""Work on many objects that hold no cycles, with Python's search for cycles put off until it is done."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let nothing inside be interrupted by the search for cycles; it is as it was afterwards, however that ends.

    Of many objects without a cycle among them, looking for cycles again and again takes longer than making them. Results are
    the same; two threads at once only put the search off for as long as either of them needs.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
