"""Backups: a dump counts only after it was restored and compared; restoring one is a person's act where anything is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from core.domain.backup import Content, Manifest, differences
from core.domain.facts import AuditHead
from core.retention import expired
from flows.books import HeadKeeper, StoreError


class BackupError(StoreError):
    """A backup could not be made, or is none; says which and why."""


class RestoreRefused(ValueError):
    """A backup is not restored as asked; says why and what can be done."""


class DatabaseCopy(Protocol):
    """A dump that was restored beside the database in use, which it leaves as it is."""

    def content(self) -> Content:
        """Give what the copy holds."""
        ...

    def problem(self, kept: Sequence[AuditHead]) -> str | None:
        """Say what the audit chain of the copy finds wrong against heads kept outside; None when it verifies."""
        ...

    def finish(self) -> tuple[str, ...]:
        """Bring the copy up to date, give every role its rights, and say which rights are not as they must be."""
        ...

    def take_place(self, *, aside: str) -> str | None:
        """Let the copy be the database in use; gives under which name the one before it is kept, if there was one."""
        ...


class Dumps(Protocol):
    """Dumps the database in use, and restores dumps beside it."""

    def dump(self, path: Path) -> Content:
        """Dump the database into a file and give what it held at that moment."""
        ...

    def head(self) -> AuditHead | None:
        """Give the last event of the database in use; None when there is no database."""
        ...

    def restored(self, path: Path) -> AbstractContextManager[DatabaseCopy]:
        """Restore a dump beside the database in use; it is gone afterwards unless it took its place."""
        ...


@dataclass(frozen=True)
class Shelved:
    """The backups of a folder: the good ones, oldest first, and what is wrong with the others."""

    good: tuple[Manifest, ...]
    problems: tuple[str, ...]


class BackupFolder(Protocol):
    """Keeps dumps with their manifests; a dump without a manifest is no backup."""

    def alone(self) -> AbstractContextManager[None]:
        """Be the only one who makes or restores a backup of this workspace."""
        ...

    def making(self) -> AbstractContextManager[Path]:
        """Give a file for a dump that only its owner can read; it is gone afterwards unless it was kept."""
        ...

    def keep(self, path: Path, content: Content, *, at: datetime, twokey: str) -> Manifest:
        """Give a dump its name and its manifest, and keep both; once this returns they survive a power cut."""
        ...

    def shelved(self) -> Shelved:
        """Read every manifest, and hold every dump against the hash and the size in its manifest."""
        ...

    def path(self, name: str) -> Path:
        """Say where the dump of a backup is."""
        ...

    def drop(self, name: str) -> None:
        """Delete a backup."""
        ...


@dataclass(frozen=True)
class BackupDoors:
    """What making and restoring backups may use."""

    dumps: Dumps
    folder: BackupFolder
    heads: HeadKeeper
    twokey: str


@dataclass(frozen=True)
class MadeBackup:
    """A backup that was made and proven, the names of those that it made superfluous, and what was found unreadable."""

    manifest: Manifest
    dropped: tuple[str, ...]
    problems: tuple[str, ...]


def make_backup(doors: BackupDoors, *, at: datetime) -> MadeBackup:
    """Dump the database, restore the dump beside it, compare, and keep it only then; then drop what has expired.

    Raises BackupError when the restored copy is not what was dumped, or its audit chain does not verify; the dump is gone then.
    """
    with doors.folder.alone(), doors.folder.making() as path:
        # Kept before the dump, they are all in it; the chain may grow meanwhile.
        kept = doors.heads.kept()
        content = doors.dumps.dump(path)
        wrong = _trial(path, content, kept, doors.dumps)
        if wrong:
            raise BackupError(f"the backup was thrown away: restored for a trial, {'; '.join(wrong)}")
        manifest = doors.folder.keep(path, content, at=at, twokey=doors.twokey)
        shelved = doors.folder.shelved()
        return MadeBackup(manifest, _drop_expired(shelved, doors.folder), shelved.problems)


def _trial(path: Path, content: Content, kept: Sequence[AuditHead], dumps: Dumps) -> list[str]:
    """Restore a dump beside the database and say everything that is wrong with the copy."""
    try:
        with dumps.restored(path) as copy:
            said = list(differences(content, copy.content()))
            # Without a head outside nothing tells what the chain was; the dump's own would vouch for itself.
            problem = copy.problem([*kept, content.head] if kept else kept)
    except StoreError as error:
        return [str(error)]
    return said if problem is None else [*said, f"the audit chain does not verify: {problem}"]


def _drop_expired(shelved: Shelved, folder: BackupFolder) -> tuple[str, ...]:
    made: Mapping[str, datetime] = {manifest.name: manifest.made_at for manifest in shelved.good}
    gone = expired(made)
    for name in gone:
        folder.drop(name)
    return gone
