"""The source `stooq`: one CSV a symbol over HTTP, total-return as of the session up to which it was asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from urllib.parse import quote

from adapters.sources.formats.stooq import DOWNLOAD_COLUMNS
from adapters.sources.http import CutShort, Door, HttpSource, Question, Refused, Reply, Stopped, Wanted, new_session
from core.domain.bars import Basis
from flows.ports import RawFile

PROVIDER = "stooq"
LIMIT = b"exceeded the daily hits limit"
HEADER = ",".join((*DOWNLOAD_COLUMNS, "Volume"))
NOTHING = (b"no data", b"brak danych")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def question(address: str, wanted: Wanted) -> Question:
    """Say what is asked: bars up to the last completed session, so that none of a running one can come."""
    symbol = wanted.symbol.lower()
    days = f"d1={wanted.first:%Y%m%d}&d2={wanted.last:%Y%m%d}"
    asked = f"{address}/q/d/l/?s={quote(symbol, safe='')}&{days}&i=d"
    file = RawFile(
        provider=PROVIDER,
        name=f"fetched/{symbol.replace('.', '_')}_d.csv",
        format="stooq_csv",
        origin=asked,
        content=b"",
        symbol=symbol,
        basis=Basis("total-return", wanted.last),
    )
    return Question(wanted.symbol, asked, file, wanted.since, "stooq_nothing", wanted)


def judge(asked: Question, reply: Reply, last: date) -> RawFile:
    """Take an answer if it is the CSV that was asked for, or says that there is nothing.

    Raises Stopped when the day's questions are used up, CutShort when the answer is not whole, Refused for anything else.
    """
    body, told = reply.body, reply.body[:400].strip().lower()
    if LIMIT in told:
        raise Stopped("the day's questions are used up (Exceeded the daily hits limit); ask again tomorrow")
    if reply.status != 200:
        raise Refused(f"answered {reply.status}")
    if reply.is_page:
        raise Refused("answered with a page (HTML), not CSV")
    if not told:
        raise CutShort("answered with nothing at all (an empty body)")
    if told.rstrip(b".") in NOTHING:
        return asked.unanswered(reply)
    objection = _objection(asked, reply, last)
    if objection is not None:
        raise Refused(objection)
    if not body.endswith(b"\n"):
        raise CutShort("the last line has no end: the answer was cut")
    return asked.answered(reply) if body.count(b"\n") > 1 else asked.unanswered(reply)


def _objection(asked: Question, reply: Reply, last: date) -> str | None:
    """Say what is wrong with a CSV: its header, the symbol that it names, or a bar of a session that is not over."""
    head, *rows = reply.body.decode("utf-8-sig", errors="replace").splitlines()
    if not rows and not reply.body.endswith(b"\n") and HEADER.startswith(head):
        raise CutShort("the header has no end: the answer was cut")
    columns = tuple(head.split(","))
    if columns not in (DOWNLOAD_COLUMNS, (*DOWNLOAD_COLUMNS, "Volume")):
        return f"the header was {head[:80]!r}; it must be {HEADER}"
    named = re.search(r'filename="?([^";]+)', reply.headers.get("content-disposition", ""))
    wanted = asked.file.name.rpartition("/")[2]
    if named and named[1].strip().lower() != wanted:
        return f"the answer is {named[1]}; {wanted} was asked for"
    # A line that begins with no day is the parser's to tell, by its number.
    newest = max((row[:10] for row in rows if DAY.match(row)), default="")
    if newest > last.isoformat():
        return f"it holds a bar of {newest}; bars up to {last} were asked for, and later sessions may not be over"
    return None


def stooq_source(address: str, wanted: Sequence[Wanted], door: Door) -> HttpSource:
    """Make the source of some symbols."""
    session = new_session()
    last_of = {one.symbol: one.last for one in wanted}

    def ask(asked: Question) -> RawFile:
        return door.client.get(session, asked.address, lambda reply: judge(asked, reply, last_of[asked.subject]))

    return HttpSource(PROVIDER, [question(address, one) for one in wanted], ask, door=door)
