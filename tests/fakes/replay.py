"""A server on loopback that answers as Stooq, Yahoo and the European Central Bank do, with faults where a test wants them."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

CHART = "/v8/finance/chart/"
CRUMB = "/v1/test/getcrumb"
LIMIT = b"Exceeded the daily hits limit"
PAGE = b"<!DOCTYPE html><html><body>Please accept our cookies</body></html>"


@dataclass(frozen=True)
class Answer:
    """What is sent: a status, headers and a body, which may be cut after some bytes of what was announced."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    is_measured: bool = True
    is_held: bool = False


@dataclass
class Seen:
    """What the server saw: every path with its query, how many were answered at once at most."""

    paths: list[str] = field(default_factory=list)
    at_once: int = 0
    at_once_max: int = 0

    def subjects(self) -> list[str]:
        """Give what was asked for, a name a request: Stooq's and Yahoo's symbols, or the last part of the path."""
        return [subject_of(path) for path in self.paths if not is_beside(path)]

    def counts(self) -> Counter[str]:
        """Count the requests for each subject."""
        return Counter(self.subjects())


class Replay:
    """Answers by subject: first the faults planned for it, one a request, then its body; 404 where there is none."""

    def __init__(self, bodies: Mapping[str, bytes | Answer]) -> None:
        """Keep what is answered, by symbol in small letters, or by the last part of a path."""
        self.bodies = {subject.lower(): body for subject, body in bodies.items()}
        self.seen = Seen()
        self.address = ""
        # What yfinance gets for itself: a cookie that is none, and a crumb.
        self.beside = {CRUMB: Answer(b"a.crumb")}
        # Held answers wait for this; a test that never lets go is let go when the server ends.
        self.let_go = threading.Event()
        # How many requests must be in before any is answered: shows that so many do come at once.
        self.together = 1
        self._faults: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._lock = threading.Condition()

    def plan(self, subject: str, *answers: Answer) -> None:
        """Answer the next requests for a subject so, before its body; `*` is whichever comes."""
        self._faults[subject.lower()].extend(answers)

    def answer(self, path: str) -> Answer:
        """Say what a request gets."""
        with self._lock:
            subject = subject_of(path)
            for planned in (subject, "*"):
                if self._faults[planned] and not is_beside(path):
                    return self._faults[planned].popleft()
            if is_beside(path):
                return self.beside.get(urlsplit(path).path, Answer(b""))
            body = self.bodies.get(subject, self.bodies.get("*", Answer(b"nothing here", status=404)))
            return body if isinstance(body, Answer) else Answer(body)

    @contextlib.contextmanager
    def counted(self, path: str) -> Iterator[None]:
        """Note a request, and how many are under way with it."""
        with self._lock:
            self.seen.paths.append(path)
            if not is_beside(path):
                self.seen.at_once += 1
                self.seen.at_once_max = max(self.seen.at_once_max, self.seen.at_once)
                self._lock.notify_all()
                self._lock.wait_for(lambda: self.seen.at_once_max >= self.together, timeout=20)
        try:
            yield
        finally:
            with self._lock:
                self.seen.at_once -= not is_beside(path)

    def wait_for(self, is_there: Callable[[], bool], seconds: float = 60) -> bool:
        """Wait until something is so, looking again at each request and every twentieth of a second."""
        with self._lock:
            for _ in range(int(seconds * 20)):
                if is_there():
                    return True
                self._lock.wait(0.05)
        return False


def subject_of(path: str) -> str:
    """Give what a request asks for, in small letters."""
    parts = urlsplit(path)
    asked = parse_qs(parts.query).get("s")
    return (asked[0] if asked else unquote(parts.path.rpartition("/")[2])).lower()


def is_beside(path: str) -> bool:
    """Say whether a request is one that yfinance makes for itself: a cookie, a crumb, a consent."""
    return not (path.startswith((CHART, "/q/d/l/", "/stats/")))


@contextlib.contextmanager
def replaying(bodies: Mapping[str, bytes | Answer]) -> Iterator[Replay]:
    """Run a server on a free port of 127.0.0.1 for as long as it is needed."""
    replay = Replay(bodies)
    server = _Server(("127.0.0.1", 0), _handler(replay))
    replay.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield replay
    finally:
        replay.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """A server that takes a client's early end for no news."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


def _handler(replay: Replay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        def do_GET(self) -> None:
            """Answer a request."""
            with replay.counted(self.path):
                answer = replay.answer(self.path)
                if answer.is_held:
                    replay.let_go.wait()
            # No byte leaves before the request is out of the count: who has the last one asks the next question at once.
            # Without the Date that a server adds: some tests say what the provider's clock shows.
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.is_measured:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut_at])
            self.wfile.flush()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    return Handler


# --- hand-made bodies -------------------------------------------------------------------------------------------------


def stooq_csv(days: Sequence[str], *, close: float = 10.0) -> bytes:
    """Give Stooq's CSV of flat bars."""
    rows = [f"{day},{close},{close},{close},{close},1000\r\n" for day in days]
    return "".join(["Date,Open,High,Low,Close,Volume\r\n", *rows]).encode()


def yahoo_chart(symbol: str, opens: Sequence[int], *, close: float = 10.0, currency: str = "USD") -> bytes:
    """Give Yahoo's chart of flat bars whose sessions open at these instants, long after the last of them closed."""
    flat = [close] * len(opens)
    quote = dict.fromkeys(("open", "high", "low", "close"), flat) | {"volume": [1000] * len(opens)}
    last = opens[-1] if opens else 0
    meta = {
        "currency": currency,
        "symbol": symbol,
        "exchangeTimezoneName": "America/New_York",
        "dataGranularity": "1d",
        "regularMarketTime": last + 6 * 3600 + 1800,
        "currentTradingPeriod": {"regular": {"start": last, "end": last + 6 * 3600 + 1800}},
    }
    bars = {"quote": [quote], "adjclose": [{"adjclose": flat}]} if opens else {"quote": [{}], "adjclose": [{}]}
    result = {"meta": meta, "indicators": bars} | ({"timestamp": list(opens)} if opens else {})
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def yahoo_error(code: str, description: str) -> bytes:
    """Give Yahoo's words for a chart that there is not."""
    return json.dumps({"chart": {"result": None, "error": {"code": code, "description": description}}}).encode()
