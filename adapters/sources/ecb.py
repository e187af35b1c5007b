"""The source `ecb`: the European Central Bank's reference rates of all days, one zip over HTTP."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from adapters.sources.formats.opened import whole
from adapters.sources.http import CutShort, Door, HttpSource, Question, Refused, Reply, new_session
from flows.ports import RawFile

PROVIDER = "ecb"
FILE = "eurofxref-hist.zip"
# The rates of a working day are published around 16:00 in Frankfurt.
PUBLISHED, FRANKFURT = time(16), ZoneInfo("Europe/Berlin")
SATURDAY = 5


def last_publication(at: datetime, told_after: timedelta) -> datetime:
    """Give the instant since which the newest rates are there: so long after 16:00 of the last weekday.

    A holiday of the bank counts as a weekday: the file is asked for once, and is unchanged.
    """
    day = at.astimezone(FRANKFURT).date()
    while True:
        published = (datetime.combine(day, PUBLISHED, FRANKFURT) + told_after).astimezone(UTC)
        if day.weekday() < SATURDAY and published <= at:
            return published
        day -= timedelta(days=1)


def question(address: str, since: datetime) -> Question:
    """Say what is asked."""
    asked = f"{address}/stats/eurofxref/{FILE}"
    file = RawFile(provider=PROVIDER, name=f"fetched/{FILE}", format="ecb_zip", origin=asked, content=b"")
    return Question("rates", asked, file, since, "ecb_nothing")


def judge(asked: Question, reply: Reply) -> RawFile:
    """Take an answer if it is a whole zip with the one file of rates; raises CutShort or Refused otherwise."""
    if reply.status != 200:
        raise Refused(f"answered {reply.status}")
    if reply.is_page:
        raise Refused("answered with a page (HTML), not a zip")
    try:
        with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
            names = archive.namelist()
            head = _read(archive, names[0])[:9] if names else b""
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise CutShort(f"not a whole zip: {error}") from error
    # RuntimeError: encrypted, or compressed in a way that nobody here can undo. ValueError: too large, or no time or name.
    except (RuntimeError, OSError, ValueError) as error:
        raise Refused(f"the zip ({len(reply.body)} bytes) cannot be read: {error}") from error
    if len(names) != 1 or not head.startswith(b"Date,"):
        raise Refused(f"the zip holds {names} beginning {head!r}; it must hold one CSV of rates")
    return asked.answered(reply)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return whole(file)


def ecb_source(address: str, since: datetime, door: Door) -> HttpSource:
    """Make the source; it has one question."""
    session = new_session()

    def ask(asked: Question) -> RawFile:
        return door.client.get(session, asked.address, lambda reply: judge(asked, reply))

    return HttpSource(PROVIDER, [question(address, since)], ask, door=door)
