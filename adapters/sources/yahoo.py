"""The source `yahoo`: one chart a symbol through yfinance, split-adjusted, with dividends and splits; the JSON as it came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote, urlsplit

from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import RequestException

from adapters.sources.http import (
    REDIRECTS_MAX,
    CutShort,
    Door,
    HttpSource,
    Question,
    Refused,
    Reply,
    Wanted,
    bounded,
    reply_of,
)
from core.domain.bars import Basis
from flows.ports import RawFile

PROVIDER = "yahoo"
# Where yfinance asks for charts; whoever configures another address has all of yfinance's requests go there.
ADDRESS = "https://query2.finance.yahoo.com"
CHART = "/v8/finance/chart/"
# What yfinance knows to put right itself, with a new cookie and crumb: it is handed the answer and asks again.
NO_CRUMB = (401, 403)


class _Judged(Exception):
    """An answer that yfinance has no part in: it goes past it, as it came."""

    def __init__(self, reply: Reply) -> None:
        """Keep the answer."""
        super().__init__(f"answered {reply.status}")
        self.reply = reply


def question(address: str, wanted: Wanted) -> Question:
    """Say what is asked: daily bars with their events, up to the instant at which the last session counts as told."""
    first = int(datetime.combine(wanted.first, time(), UTC).timestamp())
    days = f"period1={first}&period2={int(wanted.since.timestamp())}"
    kind = "interval=1d&includePrePost=false&events=div,splits,capitalGains"
    asked = f"{address}{CHART}{quote(wanted.symbol, safe='=')}?{days}&{kind}"
    file = RawFile(
        provider=PROVIDER,
        name=f"fetched/{wanted.symbol}.json",
        format="yahoo_chart_json",
        origin=asked,
        content=b"",
        symbol=wanted.symbol,
        basis=Basis("split-adjusted", wanted.last),
    )
    return Question(wanted.symbol, asked, file, wanted.since, "yahoo_nothing", wanted)


def judge(asked: Question, reply: Reply) -> RawFile:
    """Take an answer if it is the chart that was asked for, or says that there is nothing; raises Refused otherwise."""
    if reply.is_page:
        raise Refused(f"answered {reply.status} with a page (HTML), not JSON")
    try:
        chart = json.loads(reply.body)["chart"]
        error, results = chart.get("error") or {}, chart.get("result") or []
        words = str(error.get("description", ""))
        if error.get("code") == "Not Found" or "Data doesn't exist" in words:
            return asked.unanswered(reply)
        if reply.status != 200 or error or not results:
            raise Refused(f"answered {reply.status} {error.get('code', 'without a chart')}: {words[:120]}")
        meta, has_bars = results[0]["meta"], bool(results[0].get("timestamp"))
        told, step = str(meta["symbol"]), str(meta["dataGranularity"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise Refused(f"answered {reply.status} {reply.body[:80]!r}, which is no chart") from error
    if told.upper() != asked.subject.upper():
        raise Refused(f"the answer is of {told}; {asked.subject} was asked for")
    if step != "1d":
        raise Refused(f"the bars are of {step}; daily bars (1d) were asked for")
    return asked.answered(reply) if has_bars else asked.unanswered(reply)


def yahoo_source(address: str, wanted: Sequence[Wanted], door: Door, *, cookies: Path) -> HttpSource:
    """Make the source of some symbols; yfinance keeps its cookies in a folder."""
    lock, made = Lock(), list[Any]()

    def data() -> Any:
        with lock:
            if not made:
                made.append(_data(address, door, cookies))
            return made[0]

    def ask(asked: Question) -> RawFile:
        # Imported here: yfinance takes more than a second, and is needed only where something is asked.
        from yfinance.exceptions import YFException

        try:
            response = data().get(asked.address, timeout=door.client.settings.timeout_seconds)
        except _Judged as judged:
            return judge(asked, judged.reply)
        except (YFException, RequestException) as error:
            raise Refused(f"yfinance could not ask: {type(error).__name__} {error}") from error
        return judge(asked, reply_of(response))

    return HttpSource(PROVIDER, [question(address, one) for one in wanted], ask, door=door)


def _data(address: str, door: Door, cookies: Path) -> Any:
    """Give yfinance's own door to Yahoo (its cookies, crumb and consent), on a session of ours."""
    from yfinance import set_tz_cache_location
    from yfinance.data import YfData

    cookies.mkdir(parents=True, exist_ok=True)
    set_tz_cache_location(str(cookies))
    return YfData(session=_Moved(address, door))


class _Moved(Session[Response]):
    """A session for yfinance: it asks the configured address, and asks for charts as gently as any source does."""

    def __init__(self, address: str, door: Door) -> None:
        """Look like a browser, as yfinance's own session does."""
        super().__init__(impersonate="chrome", max_redirects=REDIRECTS_MAX)
        self._address = address
        self._client = door.client

    def request(self, *args: Any, **named: Any) -> Response:
        """Send a request; a chart is asked for again where that is safe, and yfinance sees only what it can put right."""
        named["url"] = _moved(named["url"], self._address)
        send = partial(bounded, partial(super().request, *args, **named), self._client.settings.answer_megabytes_max)
        if CHART not in named["url"]:
            return send()
        response, reply = self._client.ask(send, _whole)
        if reply.status < 400 or reply.status in NO_CRUMB:
            return response
        raise _Judged(reply)


def _moved(address: str, to: str) -> str:
    """Give the address to ask instead of one of yfinance's: the configured one, where that is not Yahoo's own."""
    if to == ADDRESS or address.startswith(f"{to}/"):
        return address
    asked = urlsplit(address)
    return f"{to}{asked.path or '/'}{f'?{asked.query}' if asked.query else ''}"


def _whole(response: Response) -> tuple[Response, Reply]:
    """Take an answer whose JSON has an end; raises CutShort for any other."""
    reply = reply_of(response)
    if reply.status == 200 and not reply.is_page:
        try:
            json.loads(reply.body)
        except ValueError as error:
            raise CutShort(f"the JSON has no end: the answer was cut ({error})") from error
    return response, reply
