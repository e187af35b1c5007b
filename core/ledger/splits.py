"""Splits in positions: what a split makes of units that were held the evening before, where bars are raw."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal

from core.domain.instrument import InstrumentId
from core.domain.panel import Panel, Split
from core.domain.posting import Entry, SplitFact, standing_entries
from core.domain.slot import BookName, VenueName
from core.ledger.post import post_split
from core.money import split_units

ZERO, ONE = Decimal(0), Decimal(1)
# What one unit became in each split of an instrument, oldest first.
Ratios = Mapping[InstrumentId, Sequence[tuple[date, Decimal]]]


def splits_in(panel: Panel, after: date, up_to: date) -> tuple[Split, ...]:
    """Give the splits with an ex-date after one day and up to another that units must follow, oldest first.

    These are the ones of columns of raw prices: adjusted prices are in the units of after the split on every day.
    """
    raw = {name for name, basis in zip(panel.instruments, panel.basis, strict=True) if basis and basis.kind == "raw"}
    return tuple(split for split in sorted(panel.splits) if after < split.session <= up_to and split.instrument in raw)


def splits_due(
    entries: Sequence[Entry], splits: Sequence[Split], *, step: Decimal, book: BookName, venue: VenueName, evidence: str
) -> tuple[SplitFact, ...]:
    """Give what the books lack of splits (oldest first) of what was held on the evenings before them.

    `entries` are in effective order. A fill from before a split that was posted after it makes what is lacking due in
    another fact, with a key of its own; where nothing is lacking there is none.
    """
    known = standing_entries(entries)
    due: list[SplitFact] = []
    for split in splits:
        held = sum((_units(one, split.instrument) for one in known if one.session < split.session), ZERO)
        posted = [_units(one, split.instrument) for one in known if (one.kind, one.session) == ("SPLIT", split.session)]
        lacking = split_units(held, split.ratio, step) - held - sum(posted, ZERO)
        if lacking:
            number = sum(units != 0 for units in posted)
            key = split_key(split, book, venue) + (f"-{number + 1}" if number else "")
            fact = SplitFact(key, book, venue, split.session, split.instrument, split.ratio, lacking, evidence)
            due.append(fact)
            known.append(post_split(fact))
    return tuple(due)


def splits_unposted(entries: Sequence[Entry], splits: Sequence[Split]) -> tuple[Split, ...]:
    """Give the splits that a book held units through and has no entry of; `entries` are those that stand."""
    posted = {(one.instrument, one.session) for one in entries if one.kind == "SPLIT"}
    return tuple(
        split
        for split in splits
        if (split.instrument, split.session) not in posted
        and sum((_units(one, split.instrument) for one in entries if one.session < split.session), ZERO) > 0
    )


def splits_left(
    entries: Sequence[Entry], splits: Sequence[Split], told: Collection[tuple[str, date]]
) -> tuple[Split, ...]:
    """Leave out the splits that a person told of, which a book follows by that, unless it follows the clean set already."""
    followed = {
        (one.instrument, one.session)
        for one in standing_entries(entries)
        if one.kind == "SPLIT" and not one.evidence.startswith("booked_fact:")
    }
    return tuple(
        one for one in splits if (one.instrument, one.session) in followed or (one.instrument, one.session) not in told
    )


def split_key(split: Split, book: BookName, venue: VenueName) -> str:
    """Name a split of what a book holds at a venue: it is posted once."""
    return f"SPLIT-{split.session:%Y%m%d}-{split.instrument}-{book}-{venue}"


def ratios_of(entries: Sequence[Entry]) -> Ratios:
    """Give what one unit became in each split that a book's entries, in effective order, tell of."""
    held: dict[InstrumentId, Decimal] = {}
    split: dict[tuple[InstrumentId, date], tuple[Decimal, Decimal]] = {}
    standing = standing_entries(entries)
    names = {entry.instrument for entry in standing if entry.kind == "SPLIT"}
    for entry in standing if names else ():
        if entry.instrument is None or entry.instrument not in names:
            continue
        now = held.get(entry.instrument, ZERO)
        held[entry.instrument] = after = now + _units(entry, entry.instrument)
        if entry.kind == "SPLIT":
            before, _ = split.get((entry.instrument, entry.session), (now, now))
            split[entry.instrument, entry.session] = before, after
    ratios: dict[InstrumentId, list[tuple[date, Decimal]]] = {}
    for (name, session), (before, after) in split.items():
        if before and after:
            ratios.setdefault(name, []).append((session, after / before))
    return ratios


def units_since(ratios: Ratios, instrument: InstrumentId, after: date, up_to: date) -> Decimal:
    """Give what one unit of a day's close has become by another's: one, unless the instrument was split in between."""
    became = ONE
    for session, ratio in ratios.get(instrument, ()):
        if after < session <= up_to:
            became *= ratio
    return became


def _units(entry: Entry, instrument: InstrumentId) -> Decimal:
    return sum((one.amount for one in entry.postings if (one.account, one.commodity) == ("units", instrument)), ZERO)
