"""Bodies: values as the canonical text that a row holds, and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

from core.canonical import canonical_json

T = TypeVar("T")

dump = canonical_json


def load(kind: type[T], text: str) -> T:
    """Read a value of a type from its canonical text; raises pydantic's ValidationError when it is not one."""
    value: T = _adapter(kind).validate_json(text)  # type: ignore[arg-type]  # mypy does not see that types are hashable
    return value


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
