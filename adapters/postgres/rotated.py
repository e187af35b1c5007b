"""The rotations of the riskguard's key that the chain of events keeps, held against those of the folder of keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adapters.keys import ROTATION, Rotation, rotation_problem, rotation_texts, rotations
from adapters.postgres.chain import Chain
from adapters.postgres.connect import Session
from adapters.postgres.people import PgConfig
from core.canonical import sha256_text
from core.domain.facts import AuditHead, AuditState


class PgRotations:
    """Reads the rotations that the chain keeps; as the desk, records those that it lacks."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def hashes(self) -> frozenset[str]:
        """Give the hash of each rotation's text; what was changed in the database has none that a file could have."""
        return frozenset(sha256_text(text) for text in self.texts())

    def texts(self) -> tuple[str, ...]:
        """Give each rotation's text, the first recorded first."""
        query = "SELECT body FROM config_version WHERE kind = %s ORDER BY id"
        return tuple(row["body"] for row in self._session.all(query, (ROTATION,)))

    def record(self, public_dir: Path) -> tuple[Rotation, ...]:
        """Record the rotations of a folder that the chain lacks, and give these; raises KeyProblem if one is not whole."""
        told, known = zip(rotations(public_dir), rotation_texts(public_dir), strict=True), self.hashes()
        lacking = [(one, text) for one, text in told if sha256_text(text) not in known]
        for _, text in lacking:
            PgConfig(self._session).add_config(ROTATION, sha256_text(text), text)
        return tuple(one for one, _ in lacking)


class ChainAndKeys:
    """The chain as something new may rest on it: whole, and keeping the rotations of the folder of keys and no others."""

    def __init__(self, chain: Chain, rotated: PgRotations, public_dir: Path) -> None:
        self._chain, self._rotated, self._public_dir = chain, rotated, public_dir

    def head(self) -> AuditHead:
        """Give the last event."""
        return self._chain.head()

    def verify_on(self, kept: Sequence[AuditHead]) -> AuditState:
        """Verify the chain as it does, then the rotations."""
        state = self._chain.verify_on(kept)
        if state.problem is not None:
            return state
        return replace(state, problem=rotation_problem(self._public_dir, self._rotated.hashes()))
