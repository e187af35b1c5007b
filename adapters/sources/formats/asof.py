"""What Yahoo told on each evening: raw bars of two days a symbol, each with the day on whose evening they were collected."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import numpy as np

from adapters.sources.formats.columns import parquet_bars
from adapters.sources.formats.form import Format, file_name
from adapters.sources.formats.opened import GZIP_MAGIC, tar_member
from adapters.sources.formats.rows import PRINTED_SHORT, Layout, parsed_bars
from core.domain.bars import BAR_FIELDS, Basis, Parsed
from flows.ports import RawRecord, SourceError

_EVENING = re.compile(r"(\d{8})[.]tar[.]gz")


def _is_parquet(name: str, head: bytes) -> bool:
    return name.endswith("_asof.parquet") and head.startswith(b"PAR1")


def _parse_parquet(record: RawRecord, content: bytes) -> Parsed:
    parsed = parquet_bars(record, content, Basis("raw"), adj_close="adj_close")
    if parsed.bars is None or parsed.bars.known_on is None:
        raise SourceError(f"{record.name}: column snapshot is missing; it must hold the evening of each row")
    return parsed


def _is_evening(name: str, head: bytes) -> bool:
    return _EVENING.fullmatch(name) is not None and head.startswith(GZIP_MAGIC)


def _parse_evening(record: RawRecord, content: bytes) -> Parsed:
    match = _EVENING.fullmatch(file_name(record).lower())
    if match is None:
        raise SourceError(f"{record.name}: no day in the name; it must be like 20150409.tar.gz")
    text = tar_member(record, content, "prices.csv")
    if not text:
        return Parsed(unread=(f"{record.name}: prices.csv is empty: nothing was told on that evening",))
    # From the summer of 2015 on the prices are numbers of 32 bits, printed with six decimals.
    layout = Layout("date", {name: name for name in BAR_FIELDS}, symbol_column="symbol", digits=PRINTED_SHORT)
    parsed = parsed_bars(record, text, layout, basis=Basis("raw"))
    if parsed.bars is None:
        return parsed
    evening = np.full(len(parsed.bars.session), date.fromisoformat(match[1]), dtype="datetime64[D]")
    return replace(parsed, bars=replace(parsed.bars, known_on=evening))


ASOF_FORMATS = (
    Format("asof_parquet", "yahoo", _is_parquet, _parse_parquet, "raw"),
    Format("asof_evening", "yahoo", _is_evening, _parse_evening, "raw"),
)
