"""The registry of formats: every form of file that Twokey reads, and the parser over all of them."""

from __future__ import annotations

import re
from dataclasses import replace

from adapters.sources.formats.announced import ANNOUNCED_FORMATS, told_ahead
from adapters.sources.formats.asof import ASOF_FORMATS
from adapters.sources.formats.crypto import CRYPTO_FORMATS
from adapters.sources.formats.ecb import ECB_FORMATS
from adapters.sources.formats.form import Format
from adapters.sources.formats.indices import INDEX_FORMATS
from adapters.sources.formats.intraday import INTRADAY_FORMATS
from adapters.sources.formats.lean import LEAN_FORMATS
from adapters.sources.formats.opened import head_text, header, zip_head
from adapters.sources.formats.stooq import STOOQ_FORMATS
from adapters.sources.formats.vendors import VENDOR_FORMATS
from adapters.sources.formats.wiki import WIKI_FORMATS
from adapters.sources.formats.yahoo import YAHOO_FORMATS
from adapters.sources.formats.yahoo_chart import YAHOO_CHART_FORMATS
from core.domain.bars import Parsed
from flows.ports import RawRecord, SourceError

# A new format is one record in its family's tuple; the first that recognises a file reads it.
FORMATS: tuple[Format, ...] = (
    *YAHOO_FORMATS,
    *YAHOO_CHART_FORMATS,
    *STOOQ_FORMATS,
    *ECB_FORMATS,
    *ASOF_FORMATS,
    *VENDOR_FORMATS,
    *LEAN_FORMATS,
    *WIKI_FORMATS,
    *CRYPTO_FORMATS,
    *INDEX_FORMATS,
    *INTRADAY_FORMATS,
    *ANNOUNCED_FORMATS,
)

# Before a format's name: the file is read for the rows that cannot be read, and nothing else of it counts.
DEFECTS_OF = "defects:"


class FormatParser:
    """Reads any raw file of a known format."""

    def parse(self, record: RawRecord, content: bytes) -> Parsed:
        """Read one raw file; raises SourceError naming the file and what was wrong when nothing can be read."""
        known = {one.name: one for one in FORMATS}
        name = record.format.removeprefix(DEFECTS_OF)
        if name not in known:
            raise SourceError(f"{record.name}: format {record.format} is not one of {', '.join(known)}")
        parsed = known[name].parse(record, content)
        if name != record.format:
            parsed = Parsed(unread=parsed.unread)
        return replace(parsed, file=record.name, announced=(*parsed.announced, *told_ahead(parsed.actions, record)))


def recognise(name: str, head: bytes) -> Format | None:
    """Give the format of a file by its name and first bytes, or None when it is in none of ours."""
    return next((one for one in FORMATS if one.recognises(name.lower(), head)), None)


def reason_to_skip(name: str, head: bytes) -> str | None:
    """Say why a file in no known format is none of ours, or None where nobody thought of it."""
    if not head:
        return "empty"
    text = head_text(head)
    if match := re.search(r"/v\d/finance/(options|quote|search)", text):
        return f"an answer to a question for {match[1]}, not prices"
    if match := re.search(r"interval=(\d+[mhk])", text):
        return f"bars of {match[1]}; only daily bars are read"
    if match := re.search(r"-(1wk|1h|15m)-", name.lower()):
        return f"bars of {match[1]}; only daily bars are read"
    if header(head)[0] == "file.link":
        return "metadata of a download"
    if name.lower().endswith("_quote.zip") and zip_head(head)[0]:
        return "quotes beside the trades of the same market"
    return None
