"""Equivalent mutants: changed guards after which nothing is different, each with the proof; no test could see them.

None is known: a guard that nothing needs is taken out of the code.
"""

from __future__ import annotations

# By file, function, kind of change and guard, as `Mutant.key` gives them.
EQUIVALENT: dict[tuple[str, str, str, str], str] = {}
