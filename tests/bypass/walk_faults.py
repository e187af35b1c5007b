"""What goes wrong around the hostile walk: files that are edited, hidden or spoilt, broken connections, forged proposals."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import cast

from adapters.postgres.runs import PgDecisions
from core.domain.decision import Decision
from core.domain.facts import Seen
from core.domain.order import OrderLine, Proposal, Side
from core.domain.slot import RunId
from core.gate import Gate
from core.money import to_pence
from flows.books import DecisionBook
from flows.daily import run_of
from flows.decide import NotReady, propose
from flows.score import score
from tests.bypass.walk_world import World

# --- what a person edits -----------------------------------------------------------------------------------------------


ALL_INSTRUMENTS = "[all]"


def edit_policy(world: World, book: str, key: str, value: str) -> str:
    """Let a person give a key of a book's policy another value, or write what nobody can read."""
    path = world.workspace.policy_path(book)
    if book not in world.workspace.books():
        raise NotReady(f"there is no book {book}")
    text = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"^(\s*{re.escape(key)}:) .*$", re.MULTILINE)
    if not pattern.search(text):
        raise NotReady(f"{key} is no key of {path.name}")
    if value == ALL_INSTRUMENTS:
        rows = world.originals["universe.csv"].splitlines()[1:]
        value = f"[{', '.join(row.partition(',')[0] for row in rows)}]"
    path.write_text(pattern.sub(rf"\g<1> {value}", text, count=1), encoding="utf-8")
    return f"{key} {value}"


def restore_policy(world: World, book: str) -> str:
    """Let a person take back every edit of a book's policy."""
    path = world.workspace.policy_path(book)
    path.write_text(world.originals[path.name], encoding="utf-8")
    return "restored"


def edit_universe(world: World, how: str) -> str:
    """Let a person edit the universe: instruments that are no longer held as underlying, that go, or that come."""
    path = world.home / "universe.csv"
    lines = world.originals["universe.csv"].splitlines()
    head, rows = lines[0], lines[1:]
    match how:
        case "cfd only":
            rows = [row.replace(",equity,yes,", ",equity,no,") for row in rows]
        case "fewer":
            rows = [row for number, row in enumerate(rows) if number % 3 or row.startswith("SPY")]
        case "a coin":
            rows.append("BTC-USD,BTC.V,BTC-USD,BTC,CRYPTO,USD,crypto,no,,2016-03-14,,,")
        case "long names":
            rows = [_long(row) for row in rows]
        case "the index only as a CFD":
            rows = [re.sub(",yes,", ",no,", row) if row.startswith("SPY,") else row for row in rows]
        case "no sense":
            rows.append(rows[0])
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return how


def _long(row: str) -> str:
    cells = row.split(",")
    if cells[0] != "SPY":
        cells[0] = cells[0].ljust(500, "W")
    return ",".join(cells)


UNIVERSES = (*["as shipped"] * 6, "cfd only", "fewer", "a coin", "long names", "no sense", "the index only as a CFD")

# --- what breaks ------------------------------------------------------------------------------------------------------


def spoil(world: World, what: str) -> str:
    """Break something of the workspace; it stays broken until it is mended."""
    if what not in world.broken:
        try:
            world.broken[what] = SPOILERS[what](world)
        except FileNotFoundError as error:
            raise NotReady(f"{what}: it is not there to be broken") from error
    return what


def mend(world: World) -> str:
    """Put everything right that is broken."""
    count = len(world.broken)
    world.mend()
    return f"{count} mended"


def _rewritten(path: Path, content: bytes) -> Callable[[], None]:
    before, mode = path.read_bytes(), path.stat().st_mode
    path.write_bytes(content)

    def put_back() -> None:
        path.write_bytes(before)
        path.chmod(mode)

    return put_back


def _edited(path: Path, old: bytes, new: bytes) -> Callable[[], None]:
    return _rewritten(path, path.read_bytes().replace(old, new))


def _moved(path: Path) -> Callable[[], None]:
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)

    def put_back() -> None:
        aside.rename(path)

    return put_back


def _folder_for(path: Path) -> Callable[[], None]:
    """Let a folder stand where a file is read."""
    bring_back = _moved(path)
    path.mkdir()

    def put_back() -> None:
        path.rmdir()
        bring_back()

    return put_back


def _connections(world: World) -> Callable[[], None]:
    world.break_connections()
    return lambda: None


def _heads(world: World) -> Callable[[], None]:
    """Let a head that no chain ever had stand among those kept outside."""
    path = world.workspace.heads
    text = path.read_text(encoding="utf-8")
    before, _, last = text.rstrip("\n").rpartition("\n")
    with_one = f"{before}\n" * bool(before) + re.sub(r'"hash":"[0-9a-f]{8}', '"hash":"00000000', last) + "\n"
    path.write_text(with_one, encoding="utf-8")

    def put_back() -> None:
        # Heads kept meanwhile stay: only the one that was falsified is put right.
        path.write_text(text + path.read_text(encoding="utf-8")[len(with_one) :], encoding="utf-8")

    return put_back


def _clean_set(world: World) -> Path:
    return world.root / "data" / "clean"


def _calendar(world: World) -> Path:
    return next((world.root / "data" / "clean").glob("calendar-XNYS-*.json"))


DESK_WEIGHT = b"weight_max: "
SPOILERS: dict[str, Callable[[World], Callable[[], None]]] = {
    "connections": _connections,
    "heads": _heads,
    "heads unreadable": lambda world: _folder_for(world.workspace.heads),
    "key missing": lambda world: _moved(world.workspace.private_key),
    "public key missing": lambda world: _moved(next(world.workspace.public_keys.glob("*.pub"))),
    "key garbled": lambda world: _rewritten(world.workspace.private_key, b"no key\n"),
    "clean set missing": lambda world: _moved(_clean_set(world) / "CURRENT"),
    "clean set spoilt": lambda world: _moved(next((_clean_set(world) / "snapshots").iterdir())),
    "calendar garbled": lambda world: _rewritten(_calendar(world), b"no calendar\n"),
    "policy unreadable": lambda world: _rewritten(world.home / "policy.yml", b"version: \xff\x00"),
    "policy refused": lambda world: _edited(world.home / "policy.yml", b"leverage_max: 0", b"leverage_max: 2"),
    "desk gross": lambda world: _edited(world.home / "desk.yml", b"gross_max: 1.0", b"gross_max: 0.001"),
    "desk weight": lambda world: _edited(world.home / "desk.yml", DESK_WEIGHT, b"weight_max: 0.001 #"),
    "desk unreadable": lambda world: _rewritten(world.home / "desk.yml", b"accounts: 3\n"),
}

# --- what is forged ---------------------------------------------------------------------------------------------------


# Splits on the session after the last bar, as was announced; see the shelf that worlds are copied from.
SPLITS = "XOM"


@dataclass
class Caught:
    """Decisions as they are kept, with no proposal: what would be proposed is kept nowhere and stays in hand."""

    kept: DecisionBook
    proposals: list[Proposal] = field(default_factory=list)

    def proposal(self, run_id: RunId) -> None:
        """Give none: it is to be made."""

    def add_proposal(self, run_id: RunId, proposal: Proposal) -> Proposal:
        """Hold on to a proposal."""
        self.proposals.append(proposal)
        return proposal

    def decision(self, run_id: RunId) -> tuple[Decision, Seen] | None:
        """Give an earlier day's decision."""
        return self.kept.decision(run_id)


def forge(world: World, book: str, run_id: str, how: str) -> str:
    """Put a proposal that nobody planned in the honest one's place, with the riskguard's own connection."""
    kept = PgDecisions(world.desk.session("riskguard"))
    if kept.proposal(run_id) is not None:
        raise NotReady(f"{run_id} has its proposal")
    setup, caught = world.desk.configuration(book).setup, Caught(kept)
    doors = world.desk.day_doors(world.moment(book))
    score(run_of(world.day(), setup, doors), setup, doors.score)
    gate = propose(run_id, setup, replace(doors.decide, decisions=cast(DecisionBook, caught)))
    if not caught.proposals:
        raise NotReady(f"{run_id} can have no proposal: {_closed(gate)}")
    honest = caught.proposals[0]
    if not honest.lines:
        honest = replace(honest, lines=_older_lines(world, kept))
    kept.add_proposal(run_id, FORGERIES[how](honest))
    return how


def _older_lines(world: World, kept: PgDecisions) -> tuple[OrderLine, ...]:
    """Give the newest lines that were ever proposed, where the day has none of its own."""
    for row in world.desk.session("riskguard").all("SELECT run_id FROM proposal ORDER BY id DESC LIMIT 20"):
        found = kept.proposal(row["run_id"])
        if found is not None and found.lines:
            return found.lines
    return ()


def _closed(gate: Gate[Proposal]) -> str:
    return ", ".join(finding.check for finding in gate.findings if finding.severity == "block")


def _each(change: Callable[[OrderLine], OrderLine]) -> Callable[[Proposal], Proposal]:
    return lambda proposal: replace(proposal, lines=tuple(change(line) for line in proposal.lines))


def _times(factor: Decimal) -> Callable[[OrderLine], OrderLine]:
    def bigger(line: OrderLine) -> OrderLine:
        return replace(
            line,
            quantity=line.quantity * factor,
            notional=to_pence(line.notional * factor),
            notional_quote=line.notional_quote * factor,
        )

    return bigger


def _twice(proposal: Proposal) -> Proposal:
    return _added(proposal, proposal.lines)


def _against_each_other(proposal: Proposal) -> Proposal:
    turned: dict[Side, Side] = {"buy": "sell", "sell": "buy"}
    return _added(proposal, [replace(line, side=turned[line.side]) for line in proposal.lines[:3]])


def _crowd(proposal: Proposal) -> Proposal:
    """Buy a little of a hundred instruments at once."""
    return _added(proposal, [replace(line, instrument=name) for line in proposal.lines[:1] for name in CROWD])


def _in_pieces(proposal: Proposal) -> Proposal:
    """Split each line into four quarters: together too much, each by itself small."""
    quarter = _times(Decimal("0.25"))
    pieces = [quarter(line) for line in proposal.lines for _ in range(4)]
    return replace(proposal, lines=_numbered(pieces))


def _added(proposal: Proposal, lines: tuple[OrderLine, ...] | list[OrderLine]) -> Proposal:
    return replace(proposal, lines=_numbered([*proposal.lines, *lines]))


def _numbered(lines: list[OrderLine]) -> tuple[OrderLine, ...]:
    return tuple(replace(line, line=number) for number, line in enumerate(lines, start=1))


_UNIVERSE = Path(__file__).parents[2] / "config" / "universe.csv"
CROWD = [row.partition(",")[0] for row in _UNIVERSE.read_text(encoding="utf-8").splitlines()[1:]]
FORGERIES: dict[str, Callable[[Proposal], Proposal]] = {
    "honest": lambda proposal: proposal,
    "short": _each(lambda line: replace(line, side="sell", effect="close")),
    "stranger": _each(lambda line: replace(line, instrument=f"{line.instrument[:8]}Z")),
    "index": _each(lambda line: replace(line, instrument="SPY")),
    "off the mark": _each(lambda line: replace(line, price=line.price * Decimal("1.01"))),
    "worse than meant": _each(lambda line: replace(line, worst_price=line.price * Decimal("1.3"))),
    "pending": _each(lambda line: replace(line, instrument=SPLITS)),
    "far off the mark": _each(lambda line: replace(line, price=line.price * 3)),
    "off the step": _each(lambda line: replace(line, quantity=line.quantity + Decimal("0.000001"))),
    "nothing": _each(lambda line: replace(line, quantity=Decimal(0))),
    "below zero": _each(lambda line: replace(line, quantity=-line.quantity)),
    "ten times": _each(_times(Decimal(10))),
    "a million times": _each(_times(Decimal(1_000_000))),
    "a hundredth": _each(_times(Decimal("0.01"))),
    "twice": _twice,
    "against each other": _against_each_other,
    "in pieces": _in_pieces,
    "a crowd": _crowd,
    "richer": lambda proposal: replace(proposal, equity=proposal.equity * 10),
    "other head": lambda proposal: replace(proposal, ledger_head="1:forged"),
}
