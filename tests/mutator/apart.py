"""One mutant in a process of its own: for tests with databases, whose connections no fork may share.

`python -m tests.mutator.apart MUTANT TEST...` puts in the mutant, told as one JSON object (null: none), runs the tests until
one fails, and ends as pytest does.
"""

from __future__ import annotations

import json
import sys

import pytest

from tests.mutator.guards import Mutant, mutated
from tests.mutator.patching import put_in
from tests.mutator.run import ROOT


def main() -> int:
    """Put in what is asked for and run the tests."""
    told, *tests = sys.argv[1:]
    fields = json.loads(told)
    if fields is not None:
        mutant = Mutant(**fields)
        text = (ROOT / mutant.path).read_text(encoding="utf-8")
        put_in(mutant, None if mutant.entry is not None else mutated(text, mutant), ROOT)
    return int(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]))


if __name__ == "__main__":
    sys.exit(main())
