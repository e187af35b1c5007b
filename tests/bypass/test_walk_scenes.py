"""The scenes of the hostile walk, each told whole: all that is declared is met; and a second course, for a second process."""

from __future__ import annotations

import pytest

from tests.bypass.walk_course import course, held, told

SEED, CALLS = 20_260_102, 3_500


@pytest.mark.slow
def test_every_scene_comes_to_its_end_and_all_that_is_declared_is_met(shelf, capsys):
    """Every code of a tool, every rule, every gate open and closed, every cause of a NO-TRADE; and nothing gets by."""
    done = told(shelf)

    held(done, capsys)
    assert not any(done.missed().values()), done.missed()


@pytest.mark.slow
def test_nothing_gets_by_in_as_many_calls_again(shelf, capsys):
    """Another drawn order than that of the first course."""
    held(course(shelf, SEED, CALLS), capsys)
