"""Backups: a dump counts only after it was restored and compared; restoring one is a person's act where anything is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from core.domain.backup import AcknowledgedLoss, Content, Manifest, differences
from core.domain.facts import AuditHead, LossHead
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

    def take_place(self, *, at: datetime | None) -> str | None:
        """Let the copy be the database in use; gives the name under which the one before it is kept.

        Without an instant, which is a part of that name, the one before it is dropped.
        """
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

    def read(self, name: str) -> Manifest:
        """Give the manifest of a good backup; raises BackupError saying what is wrong with it."""
        ...

    def path(self, name: str) -> Path:
        """Say where the dump of a backup is."""
        ...

    def drop(self, name: str) -> None:
        """Delete a backup."""
        ...


class LossKeeper(HeadKeeper, Protocol):
    """Keeps audit heads outside the database, those of backups too, and what a person said is lost of the chain."""

    def pin(self, head: AuditHead) -> None:
        """Keep a head even where a newer one is kept; one that is kept already changes nothing."""
        ...

    def give_up(self, loss: LossHead, said: AcknowledgedLoss) -> None:
        """Keep a person's acknowledgement of a loss, in words too: heads after `loss.after` kept before it count no more."""
        ...

    def losses(self) -> Sequence[AcknowledgedLoss]:
        """Give what persons said of every loss, oldest first, also where the chain that kept it is lost itself."""
        ...


@dataclass(frozen=True)
class BackupDoors:
    """What making and restoring backups may use; `acknowledge` adds a person's fact to the database, `losses` reads all."""

    dumps: Dumps
    folder: BackupFolder
    heads: LossKeeper
    twokey: str
    acknowledge: Callable[[AcknowledgedLoss], LossHead]
    losses: Callable[[], Sequence[AcknowledgedLoss]]


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
        # Outside first: by its last event a backup is later known for one of this chain.
        doors.heads.pin(content.head)
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


@dataclass(frozen=True)
class Outlook:
    """What restoring a backup would do: the database that stands there now, the heads kept outside, and how far they go."""

    manifest: Manifest
    standing: AuditHead | None
    kept: tuple[AuditHead, ...]

    @property
    def is_strange(self) -> bool:
        """Say whether the backup ends with an event that is older than a head kept outside, and is none of these."""
        head, heads = self.manifest.content.head, {(one.seq, one.hash) for one in self.kept}
        return bool(heads) and head.seq <= max(heads)[0] and (head.seq, head.hash) not in heads

    @property
    def replaces(self) -> int:
        """Give how many events the database in use holds, which would be put aside."""
        return self.standing.seq if self.standing else 0

    @property
    def known_to(self) -> int:
        """Give the newest event that is known of, in the database in use or outside of it."""
        return max([self.replaces, *(head.seq for head in self.kept)])

    @property
    def lost(self) -> int:
        """Give how many events that are known of are not in the backup."""
        return max(0, self.known_to - self.manifest.content.head.seq)


@dataclass(frozen=True)
class Acknowledged:
    """What a person said at a terminal: that so many events may be lost, who says so, and why."""

    lost: int
    by: str
    reason: str


@dataclass(frozen=True)
class RestoredBackup:
    """What was restored, the name under which the database before it is kept, and how many events were given up."""

    manifest: Manifest
    aside: str | None
    lost: int


def look_ahead(name: str, source: BackupFolder, doors: BackupDoors) -> Outlook:
    """Say what restoring a backup would do; raises BackupError when it is none, or its file is not the one written."""
    return Outlook(source.read(name), doors.dumps.head(), tuple(doors.heads.kept()))


def restore_backup(
    seen: Outlook, source: BackupFolder, doors: BackupDoors, *, at: datetime, said: Acknowledged | None = None
) -> RestoredBackup:
    """Restore a backup beside the database in use, prove it, and let it take that one's place in one step.

    Raises RestoreRefused when events would be lost that nobody gave up, or when what stands there is no longer what was
    `seen`; BackupError when the copy is not what was dumped, its chain does not hold what was kept outside, or a right is
    not as it must be. The database in use is as it was then.
    """
    head = seen.manifest.content.head
    if seen.is_strange:
        raise BackupError(
            f"{seen.manifest.name} was not restored: its last event, {head.seq}, is none of those whose hashes are kept"
            " outside; it is of another workspace, or of a history that was given up"
        )
    if (said.lost if said else 0) != seen.lost:
        raise RestoreRefused(_loss_words(seen))
    with doors.folder.alone():
        if look_ahead(seen.manifest.name, source, doors) != seen:
            raise RestoreRefused("the database, or what is kept outside of it, changed meanwhile: look again")
        with doors.dumps.restored(source.path(seen.manifest.name)) as copy:
            wrong = _wrong_with(copy, seen)
            if wrong:
                raise BackupError(f"{seen.manifest.name} was not restored: {'; '.join(wrong)}")
            aside = copy.take_place(at=at if seen.replaces else None)
        if said is not None and seen.lost:
            loss = AcknowledgedLoss(seen.manifest.name, head, seen.known_to, said.by, said.reason)
            _tell_again(doors)
            # The fact first: until its line is outside too, the gate stays closed, and this can be done again.
            doors.heads.give_up(doors.acknowledge(loss), loss)
        doors.heads.keep(head)
    return RestoredBackup(seen.manifest, aside, seen.lost)


def _tell_again(doors: BackupDoors) -> None:
    """Tell the restored chain of earlier losses too that it does not keep: a chain that kept them is lost now itself."""
    known = doors.losses()
    for earlier in doors.heads.losses():
        if earlier not in known:
            doors.acknowledge(earlier)


def _wrong_with(copy: DatabaseCopy, seen: Outlook) -> list[str]:
    """Say everything that is wrong with a restored copy, once it is brought up to date."""
    wanted, found = seen.manifest.content, copy.content()
    said = list(differences(wanted, found, is_same_server=wanted.server == found.server))
    if said:
        return said
    said += [f"rights: {problem}" for problem in copy.finish()]
    problem = copy.problem([*(head for head in seen.kept if head.seq <= wanted.head.seq), wanted.head])
    return said if problem is None else [*said, f"the audit chain does not verify: {problem}"]


def _loss_words(seen: Outlook) -> str:
    last = seen.manifest.content.head.seq
    return (
        f"{seen.manifest.name} ends with event {last}, and event {seen.known_to} is known: {seen.lost} events would be lost,"
        f" which a person must acknowledge at a terminal; `twokey restore --latest` takes the newest backup"
    )
