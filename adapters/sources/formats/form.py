"""A format: one form of file, how it is known, and how it becomes bars, actions, factors, fixings or levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast, get_args

from core.domain.bars import BasisKind, Parsed
from core.domain.provider import Provider
from flows.ports import RawRecord, SourceError

HEAD_BYTES = 512


@dataclass(frozen=True)
class Format:
    """One form of file: who provides it, what its prices are expressed in, and the two functions that know it.

    `recognises` takes the file's name in small letters and its first 512 bytes. `basis` is None where a file holds no
    prices or, with `is_restated`, where the provider adjusts them anew with each split and the bytes do not say as of
    which day. The provider `person` is who writes a file themselves. `symbol_of` takes the file's name and gives the
    provider's symbol where the name tells it.
    """

    name: str
    provider: Provider | Literal["person"]
    recognises: Callable[[str, bytes], bool]
    parse: Callable[[RawRecord, bytes], Parsed]
    basis: BasisKind | None = None
    is_restated: bool = False
    symbol_of: Callable[[str], str | None] = lambda name: None


def provider_of(record: RawRecord) -> Provider:
    """Give who provided a stored file; raises SourceError for somebody unknown."""
    if record.provider not in get_args(Provider):
        raise SourceError(f"{record.name}: provider {record.provider} is not one of {', '.join(get_args(Provider))}")
    return cast(Provider, record.provider)


def file_name(record: RawRecord) -> str:
    """Give a stored file's name without its collection."""
    return record.name.rpartition("/")[2]


def never(name: str, head: bytes) -> bool:
    """Recognise nothing: such files come from a source that knows what it fetched."""
    return False
