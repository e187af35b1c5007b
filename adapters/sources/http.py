"""Fetching over HTTP: one gentle client a provider, and a source that asks a question a symbol and gives raw files."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

from curl_cffi.curl import CURL_WRITEFUNC_ERROR
from curl_cffi.requests import Response, Session, exceptions

from core.settings_sources import ProviderSettings
from flows.ports import RawFile, RawRecord, SourceError

T = TypeVar("T")
log = logging.getLogger(__name__)

TOO_MANY, SERVER_ERRORS = 429, 500
# So many questions in a row without an answer, and the provider is left alone: it is down, or shows everybody a notice.
FAILURES_IN_A_ROW = 5
BACKOFF_SECONDS = 1.0
REDIRECTS_MAX = 5
MEGABYTE = 1_000_000


class Refused(SourceError):
    """A question got no usable answer; asking again would not help, or did not."""


class Stopped(SourceError):
    """The provider wants no more questions for now; says why."""


class CutShort(Exception):
    """An answer is not whole; it may be asked for again."""


@dataclass(frozen=True)
class Reply:
    """An answer as it came: its status, its headers by name in small letters, and the exact bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_page(self) -> bool:
        """Say whether the body is a page for people: a notice, a form, a wall."""
        return self.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def reply_of(response: Response) -> Reply:
    """Read what is needed of an answer."""
    headers = {name.lower(): value or "" for name, value in response.headers.items()}
    return Reply(response.status_code, headers, response.content)


def bounded(send: Callable[..., Response], megabytes_max: int) -> Response:
    """Send a request and take its answer, decompressed, up to a size; raises Refused as soon as it is larger."""
    chunks: list[bytes] = []
    left = megabytes_max * MEGABYTE

    def take(chunk: bytes) -> int:
        nonlocal left
        left -= len(chunk)
        chunks.append(chunk if left >= 0 else b"")
        return len(chunk) if left >= 0 else CURL_WRITEFUNC_ERROR

    try:
        response = send(content_callback=take)
    except exceptions.RequestException as error:
        if left < 0:
            words = f"the answer is larger than {megabytes_max} MB (answer_megabytes_max in config/sources.yml)"
            raise Refused(f"{words}; nothing of it is kept") from error
        raise
    response.content = b"".join(chunks)
    return response


@dataclass(frozen=True)
class Wanted:
    """Whose bars are wanted: the provider's symbol, the first and last day, and since when an answer holds the last of them.

    An answer that came before `again` and does not hold the last day, though it should, is asked for once more.
    """

    symbol: str
    first: date
    last: date
    since: datetime
    again: datetime


@dataclass(frozen=True)
class Question:
    """What is asked: about whom, at which address, which file a good answer becomes, and since when it would be current.

    Where bars are `wanted`, an answer without the last of them is late, and is not current for long.
    An answer that tells nothing is stored too, as a note in the format `silent` under a name of its own: so it is known that
    the provider was asked, and what it told before stays as it was and when it was.
    """

    subject: str
    address: str
    file: RawFile
    since: datetime
    silent: str
    wanted: Wanted | None = None

    @property
    def names(self) -> tuple[str, str, str]:
        """Give the names of a good answer, of one that says that there is nothing, and of one with the bytes of before."""
        return self.file.name, f"{self.file.name}.nothing", f"{self.file.name}.unchanged"

    def answered(self, reply: Reply) -> RawFile:
        """Give the file of a good answer."""
        return replace(self.file, content=reply.body)

    def unanswered(self, reply: Reply) -> RawFile:
        """Give the note that the provider had nothing: its own words."""
        return replace(self.file, name=self.names[1], format=self.silent, content=reply.body)

    def unchanged(self, sha256: str) -> RawFile:
        """Give the note that the answer was, byte for byte, the one that is stored."""
        words = f"asked for what is told since {self.since.isoformat()}: still the bytes with SHA-256 {sha256}\n"
        return replace(self.file, name=self.names[2], format=self.silent, content=words.encode())


@dataclass(frozen=True)
class Timing:
    """How time passes: a clock that only goes forward, a nap (None: one that a stop ends), and what jitter is drawn from."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] | None = None
    draw: random.Random = field(default_factory=random.Random)


def new_session() -> Session[Response]:
    """Make a session whose timeouts bound a whole answer, and that notices a body shorter than announced."""
    return Session(max_redirects=REDIRECTS_MAX)


class Client:
    """Asks one provider: not faster than it wants, again only what is safe to ask twice, and not at all once stopped."""

    def __init__(self, settings: ProviderSettings, timing: Timing | None = None) -> None:
        """Keep how gently the provider is asked."""
        self.settings = settings
        self.requests = 0
        self._timing = timing or Timing()
        self._halted = threading.Event()
        self._sleep = self._timing.sleep or self._halted.wait
        self._lock = threading.Lock()
        self._free_at = 0.0

    def begin(self) -> None:
        """Begin anew, after a stop too."""
        self._halted.clear()
        self.requests = 0

    def stop(self) -> None:
        """Send nothing more, and let who waits give up."""
        self._halted.set()

    def ask(self, send: Callable[[], Response], judge: Callable[[Response], T]) -> T:
        """Send a request that may be sent twice, until `judge` takes the answer.

        Tried again, with growing waits, are: no answer in time, a connection that broke, 429, 5xx, and what the judge
        calls cut short. Raises Refused when the tries are used up or the judge refuses, Stopped when the provider is not
        to be asked any more.
        """
        attempt = 0
        while True:
            self._wait_for_turn()
            try:
                return self._tried(send, judge)
            except _Again as failed:
                attempt += 1
                self._back_off(failed, attempt)

    def get(self, session: Session[Response], address: str, judge: Callable[[Reply], T]) -> T:
        """Ask for an address."""
        send = partial(session.get, address, timeout=self.settings.timeout_seconds)
        whole = partial(bounded, send, self.settings.answer_megabytes_max)
        return self.ask(whole, lambda response: judge(reply_of(response)))

    def _tried(self, send: Callable[[], Response], judge: Callable[[Response], T]) -> T:
        try:
            response = send()
        except exceptions.RequestException as error:
            raise _on_the_way(error) from error
        status = response.status_code
        if status == TOO_MANY or status >= SERVER_ERRORS:
            raise _Again(f"answered {status}", status == TOO_MANY, _retry_after(reply_of(response).headers))
        try:
            return judge(response)
        except CutShort as error:
            raise _Again(str(error)) from error

    def _wait_for_turn(self) -> None:
        """Wait until the next request may begin; each that waits has a turn of its own."""
        with self._lock:
            now = self._timing.monotonic()
            mine = max(now, self._free_at)
            self._free_at = mine + self.settings.pause_milliseconds / 1000
        if mine > now:
            self._sleep(mine - now)
        if self._halted.is_set():
            raise Stopped("was not asked any more")
        with self._lock:
            self.requests += 1

    def _back_off(self, failed: _Again, attempt: int) -> None:
        """Wait before another try; a provider that has too many questions is left alone by all.

        Raises Refused or Stopped when there is no further try.
        """
        if attempt == self.settings.tries:
            words = f"{failed} ({attempt} tries)"
            raise Stopped(words) if failed.is_limit else Refused(words)
        grown = BACKOFF_SECONDS * 2 ** (attempt - 1) * self._timing.draw.uniform(0.5, 1.0)
        wait = grown if failed.after is None else failed.after
        if wait > self.settings.wait_seconds_max:
            most = self.settings.wait_seconds_max
            raise Stopped(f"{failed} and asks to wait {wait:.0f} s; wait_seconds_max is {most}")
        if failed.is_limit or failed.after is not None:
            with self._lock:
                self._free_at = max(self._free_at, self._timing.monotonic() + wait)
        else:
            self._sleep(wait)


class _Again(Exception):
    """A try that came to nothing and may be made again: whether for too many questions, and what wait was asked for."""

    def __init__(self, words: str, is_limit: bool = False, after: float | None = None) -> None:
        super().__init__(words)
        self.is_limit = is_limit
        self.after = after


def _on_the_way(error: exceptions.RequestException) -> _Again:
    """Tell what broke on the way; raises Refused where the same would break again."""
    words = f"{type(error).__name__}: {str(error).partition('. See ')[0]}"
    lasting = (exceptions.InvalidURL, exceptions.InvalidSchema, exceptions.SSLError, exceptions.TooManyRedirects)
    if isinstance(error, lasting):
        raise Refused(words) from error
    return _Again(words)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds that a provider asks to wait, told as seconds or as an instant against its own clock."""
    told = headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        until, now = parsedate_to_datetime(told), parsedate_to_datetime(headers["date"])
    except (ValueError, KeyError):
        return None
    return max(0.0, (until.astimezone(UTC) - now.astimezone(UTC)).total_seconds())


# --- the source -------------------------------------------------------------------------------------------------------


def _nobody(total: int, what: str) -> Callable[[str], None]:
    """Look on in silence."""
    return lambda subject: None


@dataclass(frozen=True)
class Door:
    """How a source goes out: its client, where it looks what is stored already, and who looks on.

    `watch` is told how many questions a source has, and gives what is called with the subject of each that is done.
    `last_told` finds the last day of which a stored file has a bar.
    """

    client: Client
    records: Callable[[], Sequence[RawRecord]] = tuple
    watch: Callable[[int, str], Callable[[str], None]] = _nobody
    last_told: Callable[[RawRecord], date | None] | None = None


@dataclass
class Tally:
    """How many questions a source had, and what came of them."""

    wanted: int = 0
    known: int = 0
    files: int = 0
    unchanged: int = 0
    nothing: int = 0
    failed: int = 0
    requests: int = 0


class HttpSource:
    """Asks a provider a list of questions and gives the answers as raw files, in the order of the questions.

    At most `concurrency` questions are under way, and no file is held back that those before it do not hold up: whoever
    stores each file as it comes loses at most so many to a kill. What is stored already and current is not asked again.
    A question without an answer is told in `failures`; when a provider stops, or fails to answer five in a row, the rest is
    not asked and told too. Where nothing at all could be looked up, `fetch` raises SourceError.
    """

    def __init__(
        self,
        provider: str,
        questions: Sequence[Question],
        ask: Callable[[Question], RawFile],
        *,
        door: Door,
    ) -> None:
        """Keep what is asked, how one question is asked, and through which door."""
        self.provider = provider
        self.tally = Tally()
        self._questions = tuple(sorted(questions, key=lambda question: question.file.name))
        self._ask = ask
        self._client = door.client
        self._records = door.records
        self._watch = door.watch
        self._last_told = door.last_told
        self._failures: list[str] = []
        self._newest: dict[str, RawRecord] = {}

    def fetch(self) -> Generator[RawFile]:
        """Give the answers; raises SourceError, before the first, when there is none and nothing was known."""
        self._client.begin()
        self._failures.clear()
        due = self._due()
        self.tally = Tally(wanted=len(self._questions), known=len(self._questions) - len(due))
        answers = self._answers(due)
        first = next(answers, None)
        if first is None:
            if due and not self.tally.known:
                why = self._failures[0]
                raise SourceError(f"{self.provider}: none of {len(due)} questions was answered; the first: {why}")
            return answers
        return _following(first, answers)

    def skipped(self) -> Sequence[str]:
        """Name nothing: only what is in a known format is asked for."""
        return ()

    def failures(self) -> Sequence[str]:
        """Say what got no answer, in the order of asking."""
        return tuple(self._failures)

    def summary(self) -> str:
        """Say in one line what came of the last fetch."""
        told = self.tally
        return (
            f"{self.provider}: {told.files} fetched, {told.unchanged} unchanged, {told.nothing} without data,"
            f" {told.failed} not looked up, {told.known} known already, {told.requests} requests"
        )

    def _due(self) -> list[Question]:
        """Give the questions whose answer is not stored, or was given before there was anything new to tell."""
        self._newest = {record.name: record for record in self._records() if record.provider == self.provider}

        return [question for question in self._questions if not self._is_known(question)]

    def _is_known(self, question: Question) -> bool:
        answers = [self._newest[name] for name in question.names if name in self._newest]
        received_at = max((record.received_at for record in answers), default=None)
        if received_at is None or received_at < question.since:
            return False
        if question.wanted is None or self._last_told is None or received_at >= question.wanted.again:
            return True
        # Answered in time, but perhaps by a provider that was late itself, or had nothing for once.
        held = self._newest.get(question.file.name)
        last = None if held is None else self._last_told(held)
        return last is not None and last >= question.wanted.last

    def _answers(self, due: Sequence[Question]) -> Generator[RawFile]:
        waiting, running = deque(due), deque[tuple[Question, Future[RawFile]]]()
        step = self._watch(len(due), self.provider)
        in_a_row = 0
        pool = ThreadPoolExecutor(self._client.settings.concurrency, thread_name_prefix=f"ask-{self.provider}")
        try:
            while waiting or running:
                while waiting and len(running) < self._client.settings.concurrency:
                    question = waiting.popleft()
                    running.append((question, pool.submit(self._ask, question)))
                question, future = running.popleft()
                answer = self._answer(question, future)
                self.tally.requests = self._client.requests
                step(question.subject)
                in_a_row = in_a_row + 1 if isinstance(answer, SourceError) else 0
                if isinstance(answer, Stopped) or in_a_row == FAILURES_IN_A_ROW:
                    self._leave(waiting)
                if not isinstance(answer, SourceError):
                    yield answer
        finally:
            self._client.stop()
            pool.shutdown(cancel_futures=True)
            self.tally.requests = self._client.requests

    def _answer(self, question: Question, future: Future[RawFile]) -> RawFile | SourceError:
        """Wait for an answer and count it; a question that broke in our own hands is one more without an answer."""
        broken = future.exception()
        if isinstance(broken, Exception) and not isinstance(broken, SourceError):
            log.error("%s %s: the answer broke what read it", self.provider, question.subject, exc_info=broken)
            broken = Refused(f"the answer broke what read it: {type(broken).__name__}: {broken}")
        if isinstance(broken, SourceError):
            self._fail(question, str(broken))
            return broken
        file = future.result()
        before = self._newest.get(file.name)
        if before is not None and before.sha256 == hashlib.sha256(file.content).hexdigest():
            self.tally.unchanged += 1
            return question.unchanged(before.sha256)
        self.tally.files += file.name == question.file.name
        self.tally.nothing += file.name != question.file.name
        return file

    def _leave(self, waiting: deque[Question]) -> None:
        """Ask nothing more, and say so of each that waits."""
        self._client.stop()
        why = self._failures[-1].partition(": ")[2]
        for question in waiting:
            self._fail(question, f"not asked; {self.provider} was left alone ({why})")
        waiting.clear()

    def _fail(self, question: Question, words: str) -> None:
        self.tally.failed += 1
        self._failures.append(f"{self.provider} {question.subject}: {words}")


def _following(first: RawFile, rest: Generator[RawFile]) -> Generator[RawFile]:
    """Give a file and those after it; whoever stops listening ends the rest."""
    try:
        yield first
        yield from rest
    finally:
        rest.close()
