"""Parquet of Alpha Vantage, as traded, and of Interactive Brokers, split-adjusted; neither tells adjusted closes."""

from __future__ import annotations

from adapters.sources.formats.columns import parquet_bars
from adapters.sources.formats.form import Format
from core.domain.bars import Basis, Parsed
from flows.ports import RawRecord


def _is_alphavantage(name: str, head: bytes) -> bool:
    return name.endswith("_raw_alphavantage.parquet") and head.startswith(b"PAR1")


def _parse_alphavantage(record: RawRecord, content: bytes) -> Parsed:
    return parquet_bars(record, content, Basis("raw"), adj_close=None)


def _is_ibkr(name: str, head: bytes) -> bool:
    return name.endswith("_daily_ibkr.parquet") and head.startswith(b"PAR1")


def _parse_ibkr(record: RawRecord, content: bytes) -> Parsed:
    return parquet_bars(record, content, record.basis or Basis("split-adjusted"), adj_close=None)


VENDOR_FORMATS = (
    Format("alphavantage_parquet", "alphavantage", _is_alphavantage, _parse_alphavantage, "raw"),
    Format("ibkr_parquet", "ibkr", _is_ibkr, _parse_ibkr, "split-adjusted"),
)
