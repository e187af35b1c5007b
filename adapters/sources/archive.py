"""The source `archive`: files that somebody recorded, from folders on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from adapters.sources.formats.form import HEAD_BYTES, Format
from adapters.sources.formats.registry import DEFECTS_OF, FORMATS, reason_to_skip, recognise
from core.domain.bars import Basis
from core.settings_fields import OnlyOne, Section
from core.settings_text import parse_section
from flows.ports import RawFile, SourceError


def _as_day(value: object) -> object:
    """Take YYYY-MM-DD for a day; anything else is the strict type's to refuse."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


class Collection(Section):
    """A folder of recorded prices: who provided them, and what they are expressed in as of which day."""

    folder: Annotated[str, Field(min_length=1, description="the folder's name, without a path, such as sp500_yahoo")]
    provider: Literal["yahoo"]
    basis: Literal["split-adjusted"]
    as_of: Annotated[date, BeforeValidator(_as_day), Field(description="a day as YYYY-MM-DD, such as 2026-03-13")]
    reads: Annotated[
        Literal["everything", "defects"],
        Field(description="everything, or defects: its bad rows are told and no bar of it is used"),
    ] = "everything"


class Archives(Section):
    """The collections that are known by their folder's name: `config/archives.yml`."""

    version: OnlyOne
    collections: Annotated[tuple[Collection, ...], Field(description="a list of collections")]

    def by_folder(self) -> dict[str, Collection]:
        """Give the collections by the name of their folder."""
        return {collection.folder: collection for collection in self.collections}


def parse_archives(text: str, where: str) -> Archives:
    """Read the known collections; `where` is the file's name for messages. Raises SettingsError with all problems."""
    return parse_section(Archives, text, where)


class ArchiveSource:
    """Gives the files of folders (with all that is below them) and single files that are in a known format."""

    def __init__(self, paths: Sequence[Path], known: Mapping[str, Collection]) -> None:
        """Keep where to look, and what is known of collections by their folder's name."""
        self._paths = tuple(paths)
        self._known = known

    def fetch(self) -> Iterator[RawFile]:
        """Give the files in the order of their names; raises SourceError, before the first, when it cannot look."""
        found = self._look()
        return (self._raw_file(one) for one in found if one.form is not None)

    def skipped(self) -> Sequence[str]:
        """Name the files that were there and are in no known format."""
        return [f"{one.name}{f' ({one.reason})' if one.reason else ''}" for one in self._look() if one.form is None]

    def failures(self) -> Sequence[str]:
        """Name nothing: it can look at everything, or raises."""
        return ()

    def _look(self) -> list[_Found]:
        found: dict[Path, _Found] = {}
        for path in self._paths:
            found |= {one.path: one for one in _found_at(path)}
        ordered = sorted(found.values(), key=lambda one: one.name)
        for earlier, later in pairwise(ordered):
            if earlier.name == later.name and earlier.form and later.form:
                raise SourceError(f"{earlier.path} and {later.path} are both {later.name}; one would replace the other")
        return ordered

    def _raw_file(self, found: _Found) -> RawFile:
        form, known = found.form, self._known.get(found.path.parent.name)
        if form is None:
            raise ValueError(f"{found.name} is in no known format")
        basis = Basis(form.basis) if form.basis else None
        if form.is_restated and known is not None:
            basis = Basis(known.basis, known.as_of)
        return RawFile(
            provider=form.provider,
            name=found.name,
            format=f"{DEFECTS_OF}{form.name}" if known is not None and known.reads == "defects" else form.name,
            origin=f"archive {found.name}",
            content=_read(found.path),
            symbol=form.symbol_of(found.path.name),
            basis=basis,
        )


@dataclass(frozen=True)
class _Found:
    """A file that was looked at: its path, its name with its folder, its format, or why it is in none where that is known."""

    path: Path
    name: str
    form: Format | None
    reason: str | None


def _found_at(path: Path) -> list[_Found]:
    """Look at a file or at everything below a folder; raises SourceError when there is nothing that can be read."""
    formats = ", ".join(one.name for one in FORMATS)
    try:
        if not path.exists():
            raise SourceError(f"{path}: there is no such file or folder; give one that holds files of {formats}")
        paths = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        found = [_look_at(one.resolve()) for one in paths]
    except OSError as error:
        raise SourceError(f"{path}: could not be looked at: {error}") from error
    if all(one.form is None for one in found):
        what = f"none of its {len(found)} files is" if path.is_dir() else "it is not"
        raise SourceError(f"{path}: {what} in a known format; known are {formats}")
    return found


def _look_at(path: Path) -> _Found:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    form = recognise(path.name, head)
    reason = None if form else reason_to_skip(path.name, head)
    return _Found(path, f"{path.parent.name}/{path.name}", form, reason)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: could not be read: {error}") from error
