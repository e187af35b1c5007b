"""Qlib's binary format read back with the standard library alone, knowing nothing of who wrote it."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

Series = dict[str, float]


def calendar_of(files: Mapping[str, bytes]) -> list[str]:
    """Give the days of the calendar."""
    return files["calendars/day.txt"].decode().split("\n")[:-1]


def list_of(files: Mapping[str, bytes], name: str) -> list[tuple[str, str, str]]:
    """Give the lines of a list: who, from when, until when."""
    lines = files[f"instruments/{name}.txt"].decode().split("\n")
    assert lines.pop() == "", "a list ends with a line's end"
    return [(who, first, last) for who, first, last in (line.split("\t") for line in lines)]


def series_of(files: Mapping[str, bytes], folder: str, field: str) -> Series:
    """Give a field of an instrument by day, absent values left out."""
    content = files[f"features/{folder}/{field}.day.bin"]
    assert len(content) >= 8, "a start index and a value at least"
    start, *values = (one for (one,) in struct.iter_unpack("<f", content))
    days = calendar_of(files)[int(start) : int(start) + len(values)]
    assert len(days) == len(values), "no value stands behind the calendar's end"
    return {day: value for day, value in zip(days, values, strict=True) if not math.isnan(value)}
