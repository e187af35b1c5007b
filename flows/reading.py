"""Reading: which stored file of each name counts, and what it holds; what did not change since is not read anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from core.canonical import sha256_text
from core.domain.bars import Bars, Parsed
from core.gate import Finding, note
from core.market_data.digest import Digest, Heard, Remembered, digest_of
from core.market_data.retold import retelling_of
from core.settings import DataRules
from flows.ports import Parser, RawRecord, RawStore, SourceError

# So many answers before the newest are looked at: a provider that told less all the while means it.
_ANSWERS_BEFORE = 5
# How many stored files are read side by side: more hold more in memory.
_READERS = 2


@dataclass(frozen=True, eq=False)
class Counted:
    """A stored file that counts: its digest, and what was read from it unless that was known before."""

    record: RawRecord
    digest: Digest
    parsed: Parsed | None

    @property
    def path(self) -> str:
        """Give where it is stored."""
        return self.record.path


@dataclass(frozen=True, eq=False)
class Reading:
    """The files that count, oldest first, a sentence for each that could not be read, and what is to be said of retellings.

    `heard` is what is worth remembering, by name.
    """

    files: tuple[Counted, ...]
    failures: tuple[str, ...]
    findings: tuple[Finding, ...]
    heard: Mapping[str, Heard]


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads stored files; `known` is what an ingest before left, `read` holds what was read already, by path."""

    raw: RawStore
    parser: Parser
    rules: DataRules
    known: Remembered | None = None
    read: Mapping[str, Parsed] = field(default_factory=dict)

    def counted(self) -> Reading:
        """Read the newest file of each name that can be believed, oldest first; one before it counts otherwise.

        Every file that decides this is held against the hash that it was stored with, whether it is parsed or not.
        """
        versions: dict[tuple[str, str], list[tuple[int, RawRecord]]] = defaultdict(list)
        for at, record in enumerate(self.raw.records()):
            versions[record.provider, record.name].append((at, record))
        # Half of reading is unpacking and arithmetic, beside which another file can be read.
        with ThreadPoolExecutor(_READERS) as pool:
            names = list(pool.map(self._of_name, versions.values()))
        files = [name.counted for name in sorted(names, key=lambda one: one.at) if name.counted is not None]
        keys = ["/".join(key) for key in versions]
        return Reading(
            files=tuple(files),
            failures=tuple(words for name in names for words in name.failures),
            findings=tuple(finding for name in names for finding in name.findings),
            heard={key: name.heard for key, name in zip(keys, names, strict=True) if name.heard is not None},
        )

    def parsed(self, files: Iterable[Counted]) -> list[Counted]:
        """Give files with what is in them, those read that were not."""
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(self._with_rows, files))

    def _with_rows(self, one: Counted) -> Counted:
        if one.parsed is not None:
            return one
        return replace(one, parsed=self.parser.parse(one.record, self.raw.read(one.record)))

    def _of_name(self, of_name: Sequence[tuple[int, RawRecord]]) -> _Name:
        """Read the newest file of a name that can be believed."""
        known = self._known(of_name)
        if known is not None:
            return known
        name, place = _Name(), 0
        for place in reversed(range(len(of_name))):
            if (newest := self._readable(of_name[place], name)) is not None:
                name.at, name.counted = of_name[place][0], newest
                self._believe(name, of_name[max(0, place - _ANSWERS_BEFORE) : place])
                break
        start = max(0, place - _ANSWERS_BEFORE)
        if name.is_lasting:
            name.heard = Heard(
                of=stands_for(record for _, record in of_name[start:]),
                depth=len(of_name) - start,
                path=None if name.counted is None else name.counted.path,
                looked_at=tuple(sorted(set(name.looked_at))),
                failures=tuple(name.failures),
                findings=tuple(name.findings),
            )
        return name

    def _believe(self, name: _Name, late: Sequence[tuple[int, RawRecord]]) -> None:
        """Hold the newest answer about a symbol against the last believed one, which counts where too much of it is gone.

        Broken answers may come in a row, and the second must not be measured by the first: where a late one was larger, each
        of the late ones is held against the one believed before it. A provider that goes on telling less means it.
        """
        now, gone_max = name.counted, float(self.rules.history_gone_max)
        if now is None or now.parsed is None or now.record.symbol is None or now.parsed.bars is None:
            return
        is_smaller = any(record.size * (1 - gone_max / 2) > now.record.size for _, record in late)
        # Why an older answer could not be read was said when it came.
        aside = _Name()
        believed: tuple[int, Counted, Bars] | None = None
        for stored in late if is_smaller else late[-1:]:
            read = self._readable(stored, aside)
            bars = None if read is None or read.parsed is None else read.parsed.bars
            if read is None or bars is None:
                continue
            if believed is None or not retelling_of(believed[2], bars, gone_max=gone_max).is_stub:
                believed = (stored[0], read, bars)
        name.looked_at += aside.looked_at
        name.is_lasting &= aside.is_lasting
        if believed is None:
            return
        at, before, bars = believed
        told = retelling_of(bars, now.parsed.bars, gone_max=gone_max)
        if told.is_stub:
            name.failures.append(f"{now.record.path}: {'; '.join(told.words)}; {before.record.path} counts")
            name.at, name.counted = at, before
        else:
            where = f"{now.record.provider} {now.record.symbol}"
            name.findings += [note("data", where, f"{words}, in {now.record.path}") for words in told.words]

    def _known(self, of_name: Sequence[tuple[int, RawRecord]]) -> _Name | None:
        """Give what the ingest before heard of a name, if nothing came since that could change it."""
        record = of_name[-1][1]
        heard = None if self.known is None else self.known.heard.get(f"{record.provider}/{record.name}")
        if self.known is None or heard is None or heard.of != stands_for(one for _, one in of_name[-heard.depth :]):
            return None
        name = _Name(failures=list(heard.failures), findings=list(heard.findings), heard=heard)
        for at, one in of_name[-heard.depth :]:
            if one.path in heard.looked_at:
                self.raw.read(one)
            if one.path == heard.path:
                name.at, name.counted = at, Counted(one, self.known.digests[one.path], None)
        return name

    def _readable(self, stored: tuple[int, RawRecord], name: _Name) -> Counted | None:
        """Read a stored file; what cannot be read is said."""
        record = stored[1]
        name.looked_at.append(record.path)
        content = self.raw.read(record)
        try:
            parsed = self.read[record.path] if record.path in self.read else self.parser.parse(record, content)
            return Counted(record, digest_of(parsed), parsed)
        except SourceError as error:
            name.failures.append(str(error))
        except MemoryError:
            name.is_lasting = False
            name.failures.append(f"{record.path} ({record.size} bytes): there was not room enough to read it")
        return None


def stands_for(records: Iterable[RawRecord]) -> str:
    """Give a text that other records would not have."""
    return sha256_text(repr(list(records)))


@dataclass
class _Name:
    """What came of reading a name: its place among the stored files, the file that counts, and what is to be said."""

    at: int = -1
    counted: Counted | None = None
    failures: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    # Where memory was short, another day may come to something else.
    is_lasting: bool = True
    heard: Heard | None = None
