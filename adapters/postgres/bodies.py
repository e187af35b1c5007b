"""Bodies: values as the canonical text that a row holds, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from core.canonical import canonical_json, sha256_text
from flows.books import StoreError

T = TypeVar("T")

dump = canonical_json


def load(kind: type[T], text: str, *, of: str | None = None, digest: str | None = None) -> T:
    """Read a value of a type from its canonical text; `of` is what it is of, in the words of an error.

    Raises StoreError when the text does not have the hash it was kept with, or is no such value: whoever wrote the row
    wrote both, so somebody has changed it since.
    """
    name = of or f"what is stored as {getattr(kind, '__name__', kind)}"
    if digest is not None and sha256_text(text) != digest:
        raise changed(name, "it does not have the hash that it was kept with")
    with reading(name):
        value: T = _adapter(kind).validate_json(text)  # type: ignore[arg-type]  # mypy does not see that types are hashable
    return value


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what goes wrong in making a value of what is stored into a StoreError that names it and says what to do."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise changed(name, f"it cannot be read: {f'{place}: ' if place else ''}{first['msg']}") from error
    except (ValueError, LookupError, TypeError, StopIteration) as error:
        raise changed(name, f"it cannot be read: {error}") from error


def changed(name: str, why: str) -> StoreError:
    """Give the error of something stored that is not what was stored."""
    return StoreError(f"{name} was changed in the database: {why}; run `twokey audit verify`")


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
