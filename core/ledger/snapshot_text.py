"""Snapshot files: what a person or a broker says an account holds, in CSV or JSON, read strictly."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from core.canonical import sha256_text
from core.domain.venue import SnapshotFile, StatedCash, StatedPosition
from core.universe_text import CURRENCIES

COLUMNS = ("kind", "instrument", "quantity", "price", "currency", "broker_id")
# What stands above the table of a CSV file, each in a line of its own.
ABOVE = ("account", "as_of")
BYTES_MAX, ROWS_MAX, TOLD_MAX = 1_000_000, 5_000, 20
# Few enough digits for the sum of all rows to be exact.
_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)
_INSTRUMENT = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.^=/_-]{0,31}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,63}", re.ASCII)
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_NUMBER_WORDS = "write plain digits with a point, as 12.34"
_RIGHT = {
    "instrument": "write the symbol of config/universe.csv, as AAPL",
    "broker_id": "write letters, digits and . _ : / # - alone",
}
_INSTANT_WORDS = "write YYYY-MM-DDTHH:MM:SSZ, Z for UTC or an offset such as +01:00"
Cells = Mapping[str, str]


class SnapshotError(ValueError):
    """A snapshot file cannot be read; says of each problem where it stands, what was found and what would be right."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - TOLD_MAX
        super().__init__("\n".join([*self.problems[:TOLD_MAX], *([f"and {more} more"] if more > 0 else [])]))


@dataclass
class _Draft:
    """What was read so far, and what is wrong with it."""

    above: dict[str, str] = field(default_factory=dict)
    positions: list[StatedPosition] = field(default_factory=list)
    cash: list[StatedCash] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def parse_snapshot(content: bytes) -> SnapshotFile:
    """Read a snapshot file in CSV, or in JSON where it begins with a brace; raises SnapshotError with every problem.

    A file tells of the whole account: what it does not list is not there. At least one row of cash is needed.
    """
    text = _text(content)
    body = text.removeprefix("\ufeff")
    draft = _Draft()
    if body.lstrip().startswith("{"):
        _read_json(body, draft)
    else:
        _read_csv(body, draft)
    account, at = _account(draft), _as_of(draft)
    if not draft.cash and not draft.problems:
        draft.problems.append("no row of cash was found; write one for each currency, of 0 where there is none")
    if draft.problems:
        raise SnapshotError(tuple(draft.problems))
    return SnapshotFile(account, at, tuple(draft.positions), tuple(draft.cash), sha256_text(text), text)


def snapshot_csv(account: str, as_of: str, rows: Iterable[Sequence[str]]) -> str:
    """Give the text of a snapshot file in CSV, for what a person types; whoever reads it says what is wrong with it."""
    above = f"# account: {account}\n# as_of: {as_of}\n"
    return above + "".join(",".join(map(_quoted, row)) + "\n" for row in (COLUMNS, *rows))


def _quoted(cell: str) -> str:
    """Write a cell so that it is read as it is."""
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n') else cell


def _text(content: bytes) -> str:
    if len(content) > BYTES_MAX:
        raise SnapshotError((f"the file has {len(content)} bytes; at most {BYTES_MAX} are read",))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SnapshotError((f"line {line}: byte {error.start + 1} is no UTF-8; save the file as UTF-8",)) from error
    if not text.strip("\ufeff \r\n\t"):
        raise SnapshotError(("the file is empty; docs/RECONCILING.md has its form",))
    return text


# --- CSV --------------------------------------------------------------------------------------------------------------


def _read_csv(text: str, draft: _Draft) -> None:
    # Only these end a line, and not all that Python takes for an end.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    reader = csv.reader((line + "\n" for line in lines), strict=True)
    has_head, line = False, 1
    try:
        for cells in reader:
            own = [cell.strip() for cell in cells]
            if any(own) and not has_head:
                has_head = _read_head(f"line {line}", own, draft)
            elif any(own):
                _read_row(f"line {line}", own, draft)
            line = reader.line_num + 1
    except csv.Error as error:
        draft.problems.append(f"line {line}: {error}; write one row a line, cells separated by commas")
    if not has_head and not draft.problems:
        draft.problems.append(f"the table is missing; its first line is {','.join(COLUMNS)}")


def _read_head(place: str, cells: list[str], draft: _Draft) -> bool:
    """Read a line above the table, or the table's first; say whether the table begins."""
    if cells[0].startswith("#"):
        name, colon, value = ",".join(cells).rstrip(",").removeprefix("#").strip().partition(":")
        if name not in ABOVE or not colon or name in draft.above:
            draft.problems.append(
                f"{place}: was {cells[0]!r}; write `# account: NAME` and `# as_of: INSTANT`, each once"
            )
        else:
            draft.above[name] = value.strip()
        return False
    if tuple(cells) != COLUMNS:
        was = ",".join(cells)[:80]
        draft.problems.append(f"{place}: the table's first line was {was!r}; it must be {','.join(COLUMNS)}")
    return True


def _read_row(place: str, cells: list[str], draft: _Draft) -> None:
    if len(cells) != len(COLUMNS):
        draft.problems.append(f"{place}: {len(cells)} cells were found; write {len(COLUMNS)}: {','.join(COLUMNS)}")
        return
    row = {name: cell for name, cell in zip(COLUMNS, cells, strict=True) if cell}
    kind = row.pop("kind", "")
    if kind == "position":
        _add_position(place, row, draft)
    elif kind == "cash":
        _add_cash(place, row, draft)
    else:
        draft.problems.append(f"{place}, column kind: was {kind!r}; write position or cash")


# --- JSON -------------------------------------------------------------------------------------------------------------


def _read_json(text: str, draft: _Draft) -> None:
    try:
        # Numbers are read as they are written: no digit passes through a float.
        told = json.loads(text, object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=_constant)
    except json.JSONDecodeError as error:
        draft.problems.append(f"line {error.lineno}, character {error.colno}: {error.msg}; this is no JSON")
        return
    except (SnapshotError, RecursionError) as error:
        draft.problems.append(str(error) if isinstance(error, SnapshotError) else "lists stand in lists too deep")
        return
    for name in told.keys() - {*ABOVE, "positions", "cash"}:
        draft.problems.append(f"key {name!r} is unknown; the keys are account, as_of, positions and cash")
    draft.above = {name: told[name] for name in ABOVE if isinstance(told.get(name), str)}
    for place, row in _json_rows(told, "positions", COLUMNS[1:], draft):
        _add_position(place, row, draft)
    for place, row in _json_rows(told, "cash", ("quantity", "currency"), draft):
        _add_cash(place, row, draft)


def _json_rows(told: Mapping[str, Any], key: str, columns: Sequence[str], draft: _Draft) -> Iterable[tuple[str, Cells]]:
    rows = told.get(key)
    if not isinstance(rows, list):
        draft.problems.append(f"key {key}: a list of rows with {', '.join(columns)} is needed")
        return
    for at, row in enumerate(rows):
        place = f"{key}[{at}]"
        if not isinstance(row, dict) or not row.keys() <= set(columns):
            draft.problems.append(f"{place}: write an object with keys of {', '.join(columns)} and no other")
            continue
        wrong = [name for name, cell in row.items() if not isinstance(cell, str | None)]
        draft.problems += [f"{place}, column {name}: write a text or a number" for name in wrong]
        if not wrong:
            yield place, {name: cell.strip() for name, cell in row.items() if cell is not None and cell.strip()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SnapshotError((f"key {twice!r} stands twice in one object; write it once",))
    return found


def _constant(name: str) -> Any:
    raise SnapshotError((f"{name} is no number; {_NUMBER_WORDS}",))


# --- rows -------------------------------------------------------------------------------------------------------------


def _add_position(place: str, row: Cells, draft: _Draft) -> None:
    problems: list[str] = []
    name = _read(row, "instrument", _INSTRUMENT, place=place, problems=problems)
    quantity = _number(place, row, "quantity", problems)
    price = _number(place, row, "price", problems) if "price" in row else None
    currency = _currency(place, row, problems) if "price" in row or "currency" in row else None
    broker_id = _read(row, "broker_id", _ID, place=place, problems=problems) if "broker_id" in row else None
    if quantity == 0:
        problems.append(f"{place}, column quantity: was 0; leave a row out of which nothing is held")
    if price is not None and price <= 0:
        problems.append(f"{place}, column price: was {price}; it must be positive, or left out where there is none")
    problems += _too_many(place, draft)
    draft.problems += problems
    if not problems and name is not None and quantity is not None:
        draft.positions.append(StatedPosition(place, name, quantity, price, currency, broker_id))


def _add_cash(place: str, row: Cells, draft: _Draft) -> None:
    problems: list[str] = []
    amount, currency = _number(place, row, "quantity", problems), _currency(place, row, problems)
    for column in ("instrument", "price", "broker_id"):
        if column in row:
            problems.append(f"{place}, column {column}: was {row[column]!r}; leave it empty in a row of cash")
    before = next((one.place for one in draft.cash if one.currency == currency), None)
    if before is not None:
        problems.append(
            f"{place}, column currency: {currency} stands in {before} too; write one row of cash a currency"
        )
    problems += _too_many(place, draft)
    draft.problems += problems
    if not problems and amount is not None and currency is not None:
        draft.cash.append(StatedCash(place, currency, amount))


def _too_many(place: str, draft: _Draft) -> list[str]:
    is_full = len(draft.positions) + len(draft.cash) >= ROWS_MAX
    return [f"{place}: at most {ROWS_MAX} rows are read"] if is_full else []


def _read(row: Cells, column: str, form: re.Pattern[str], *, place: str, problems: list[str]) -> str | None:
    text = row.get(column, "")
    if form.fullmatch(text):
        return text
    problems.append(f"{place}, column {column}: was {text[:80]!r}; {_RIGHT.get(column, _NUMBER_WORDS)}")
    return None


def _number(place: str, row: Cells, column: str, problems: list[str]) -> Decimal | None:
    text = _read(row, column, _NUMBER, place=place, problems=problems)
    return None if text is None else Decimal(text)


def _currency(place: str, row: Cells, problems: list[str]) -> str | None:
    text = row.get("currency", "")
    if text in CURRENCIES:
        return text
    problems.append(f"{place}, column currency: was {text[:80]!r}; write a code of three capital letters, as USD")
    return None


def _account(draft: _Draft) -> str:
    text = draft.above.get("account", "")
    if not _ACCOUNT.fullmatch(text):
        draft.problems.append(f"account was {text[:80]!r}; write the name of the account in config/desk.yml, as etoro")
    return text


def _as_of(draft: _Draft) -> datetime:
    text = draft.above.get("as_of", "")
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None and "T" in text:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    draft.problems.append(f"as_of was {text[:80]!r}; {_INSTANT_WORDS}")
    return datetime(1970, 1, 1, tzinfo=UTC)
