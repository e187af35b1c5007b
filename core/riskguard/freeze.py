"""The freeze: in a phase with real money nothing that decides may change without a person's word."""

from __future__ import annotations

from collections.abc import Iterator

from core.domain.facts import Standing, Unread
from core.domain.freeze import FREEZING, FROZEN_KINDS, Freeze
from core.gate import Finding, block

CHECK = "configuration"
WAY_OUT = "undo the change, or `twokey rollout change-window --by NAME --reason WORDS`"


def freeze_findings(standing: Standing) -> Iterator[Finding]:
    """Give a blocking finding for each thing that is not as the book's rollout phase froze it.

    Nothing is frozen where no phase was set, or in a phase without real money. A freeze that could not be read, or that lacks
    a hash, blocks too.
    """
    freeze = standing.freeze
    if isinstance(freeze, Unread):
        yield block(CHECK, "freeze", f"what is frozen could not be looked up: {freeze.why}")
    elif freeze is not None and freeze.phase in FREEZING:
        yield from _drifts(freeze)


def _drifts(freeze: Freeze) -> Iterator[Finding]:
    frozen = {item.kind: item for item in freeze.hashes}
    missing = [kind for kind in FROZEN_KINDS if kind not in frozen]
    if missing:
        words = f"phase {freeze.phase} has no frozen {', '.join(missing)}"
        yield block(
            CHECK, "freeze", f"{words}; `twokey rollout change-window --by NAME --reason WORDS` freezes what stands"
        )
    for kind in FROZEN_KINDS:
        if kind in frozen and frozen[kind].frozen != frozen[kind].now:
            item = frozen[kind]
            words = f"{kind} was {item.frozen[:8]} when it was frozen in phase {freeze.phase}, it is {item.now[:8]}"
            yield block(CHECK, kind, f"{words}; {WAY_OUT}")
