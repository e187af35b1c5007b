"""The search for cycles: off inside, as it was afterwards, whatever happens there."""

from __future__ import annotations

import gc

import pytest

from core.uncollected import uncollected


@pytest.mark.parametrize("was_enabled", [True, False])
def test_the_search_is_off_inside_and_as_it_was_afterwards(was_enabled):
    """Also after an error, and where it was off before."""
    before = gc.isenabled()
    try:
        (gc.enable if was_enabled else gc.disable)()
        with uncollected():
            inside = gc.isenabled()
        with pytest.raises(ValueError, match="inside"), uncollected():
            raise ValueError("inside")
        assert (inside, gc.isenabled()) == (False, was_enabled)
    finally:
        (gc.enable if before else gc.disable)()
