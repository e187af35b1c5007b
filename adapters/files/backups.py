"""The folder of backups: each a dump with a manifest beside it, readable by their owner alone."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from adapters.files.atomic import locked, sync_folder, write_whole
from core.canonical import canonical_json
from core.domain.backup import Content, Manifest
from flows.backup import BackupError, Shelved

OWNER_ONLY = 0o600
DUMP, MANIFEST = ".dump", ".json"
_MAKING = ".making-"


class BackupFiles:
    """Backups as files NAME.dump and NAME.json of one folder; the manifest is written last, and makes it a backup."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def alone(self) -> AbstractContextManager[None]:
        """Be the only one who makes or restores a backup of this workspace; whoever comes second waits."""
        return locked(self._folder / ".lock")

    @contextmanager
    def making(self) -> Iterator[Path]:
        """Give a file for a dump that only its owner can read; it is gone afterwards unless it was kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob(f"{_MAKING}*"):
            left.unlink()  # of a process that was killed: whoever calls this is alone
        handle, name = tempfile.mkstemp(prefix=_MAKING, dir=self._folder)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def keep(self, path: Path, content: Content, *, at: datetime, twokey: str) -> Manifest:
        """Give a dump its name and its manifest, and keep both; once this returns they survive a power cut."""
        name = self._free_name(at)
        sha256, size = _digest(path)
        manifest = Manifest(name, at, twokey, content, sha256, size)
        path.chmod(OWNER_ONLY)
        _sync(path)
        path.rename(self.path(name))
        sync_folder(self._folder)
        write_whole(self._manifest_path(name), f"{canonical_json(manifest)}\n".encode(), mode=OWNER_ONLY)
        return manifest

    def shelved(self) -> Shelved:
        """Read every manifest, and hold every dump against the hash and the size in its manifest."""
        good, problems = [], []
        for path in sorted(self._folder.glob(f"*{MANIFEST}")):
            try:
                good.append(self.read(path.stem))
            except BackupError as error:
                problems.append(str(error))
        known = {path.stem for path in self._folder.glob(f"*{MANIFEST}")}
        for path in sorted(self._folder.glob(f"*{DUMP}")):
            if path.stem not in known and not path.name.startswith("."):
                problems.append(f"{path.name} has no manifest {path.stem}{MANIFEST} beside it, so it is no backup")
        return Shelved(tuple(sorted(good, key=lambda one: (one.made_at, one.name))), tuple(problems))

    def read(self, name: str) -> Manifest:
        """Give the manifest of a good backup; raises BackupError naming the file and what is wrong with it."""
        path = self._manifest_path(name)
        try:
            manifest = _MANIFEST.validate_json(path.read_bytes())
            sha256, size = _digest(self.path(name))
        except ValidationError as error:
            raise BackupError(
                f"{path.name} is no manifest of a backup: {error.error_count()} things are wrong"
            ) from error
        except OSError as error:
            raise BackupError(f"backup {name} could not be read: {error}") from error
        if manifest.name != name:
            raise BackupError(f"{path.name} is the manifest of {manifest.name}; a backup keeps its name")
        if (sha256, size) != (manifest.sha256, manifest.size):
            raise BackupError(
                f"{name}{DUMP} is not the file that was written: it has {size} bytes and SHA-256 {sha256[:16]}...,"
                f" its manifest says {manifest.size} bytes and {manifest.sha256[:16]}..."
            )
        return manifest

    def path(self, name: str) -> Path:
        """Say where the dump of a backup is."""
        return self._folder / f"{name}{DUMP}"

    def drop(self, name: str) -> None:
        """Delete a backup, the manifest first: what is left of one that was cut short is no backup."""
        self._manifest_path(name).unlink()
        self.path(name).unlink()
        sync_folder(self._folder)

    def _manifest_path(self, name: str) -> Path:
        return self._folder / f"{name}{MANIFEST}"

    def _free_name(self, at: datetime) -> str:
        first = f"twokey-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        number = 1
        name = first
        while self.path(name).exists() or self._manifest_path(name).exists():
            number += 1
            name = f"{first}-{number:03}"
        return name


_MANIFEST: TypeAdapter[Manifest] = TypeAdapter(Manifest)


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return sha256, file.tell()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
