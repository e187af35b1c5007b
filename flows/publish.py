"""Publishing: the files of a run, made again from what is stored, so that a run cut short leaves none behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.canonical import canonical_json, plain_decimal, sha256_of, sha256_text
from core.domain.decision import Decision
from core.domain.hindrance import Hindrance
from core.domain.order import Proposal
from core.domain.scores import Score, Scores, ScoreSet
from core.domain.slot import MAIN_BOOK, Run
from core.domain.ticket import IssuedTicket
from flows.books import ConfigBook, DecisionBook, RunBook, ScoreBook, Voided

Write = Callable[[str, str], None]
Hinder = Callable[[IssuedTicket], Sequence[Hindrance]]


@dataclass(frozen=True)
class Outcome:
    """Everything that a run stored."""

    run: Run
    scores: ScoreSet | None
    proposal: Proposal | None
    decision: Decision | None
    issued: IssuedTicket


@dataclass(frozen=True)
class PublishDoors:
    """What publishing may use: it reads a run's rows, adds its manifest and writes files.

    `hinder` says what makes a ticket not to be executed at the moment that its files are written.
    """

    runs: RunBook
    scores: ScoreBook
    decisions: DecisionBook
    config: ConfigBook
    write: Write
    render: Callable[[IssuedTicket], str]
    versions: Callable[[], dict[str, str]]
    hinder: Hinder


def publish(
    issued: IssuedTicket, doors: PublishDoors, *, voided: Sequence[Voided] = (), with_ticket: bool = True
) -> Outcome:
    """Write a run's signals, trades, ticket and manifest; doing it again writes the same bytes.

    Of the older revisions that it stands in the place of, the tickets are kept beside it, marked void, and no trades are.
    A ticket that is void itself is written as that, and above one that something hinders stands what it is; the manifest holds
    the hashes of its files as they were without. Without `with_ticket` its own files are left to whoever delivers it.
    """
    run_id = issued.seal.run_id
    run, kept = doors.runs.run(run_id), doors.decisions.decision(run_id)
    if run is None:
        raise ValueError(f"{issued.ticket.ticket_id} names {run_id}, which is not there")
    outcome = Outcome(
        run, doors.scores.scores(run_id), doors.decisions.proposal(run_id), kept[0] if kept else None, issued
    )
    files = _files(outcome, doors)
    for old in voided:
        if old.issued.ticket.revision == run.revision:
            publish_void(old, doors)
            return outcome
        if old.issued.ticket.revision < run.revision:
            files |= _void_tickets(old, f"-r{old.issued.ticket.revision}", doors)
            files = _void_trades(old, doors) | files
    above = _hindered_tickets(issued, doors) if with_ticket else {}
    for name, text in files.items():
        if with_ticket or not name.startswith("tickets/"):
            doors.write(name, above.get(name, text))
    manifest = doors.config.manifest(run_id) or _manifest(outcome, files, doors.versions())
    doors.config.add_manifest(run_id, manifest)
    doors.write(f"runs/{run_id}/manifest.json", manifest + "\n")
    signals = files.get(f"signals/{_stem(issued)}.csv")
    # Of the main book alone, and of no slot before the newest: an old ticket asked for again is not the latest word.
    is_newest = run.slot.book == MAIN_BOOK and run.slot.label == doors.runs.last_slot(run.slot.book)
    if signals is not None and is_newest:
        doors.write("signals/latest.csv", signals)
    return outcome


def publish_void(voided: Voided, doors: PublishDoors) -> None:
    """Write over a ticket's files, and those of its trades, that it is void."""
    for name, text in (_void_tickets(voided, "", doors) | _void_trades(voided, doors)).items():
        doors.write(name, text)


def ticket_json(issued: IssuedTicket, voided: Voided | None = None, hindered: Sequence[Hindrance] = ()) -> str:
    """Give a ticket's JSON: the decision bytes under `ticket`, their hash, the sealed footer, and what stands beside them.

    That is what made it void, and what makes it not to be executed at the moment that it was asked for.
    """
    ticket = issued.ticket
    facts = {"hash": ticket.hash, "seal": issued.seal, "short_hash": ticket.short_hash, "ticket": ticket}
    beside = {"void": None if voided is None else _void(voided), "hindrances": list(hindered)}
    return canonical_json(facts | {name: told for name, told in beside.items() if told})


def void_words(voided: Voided) -> str:
    """Say which revision stands in a void ticket's place, and who wanted it."""
    revision = voided.issued.ticket.revision + 1
    return f"Revision {revision} stands in the place of this ticket: {voided.by} said {voided.reason!r}."


def void_banner(voided: Voided) -> str:
    """Give what stands above a void ticket's Markdown."""
    return f"> **VOID.** {void_words(voided)} Do not execute anything of it.\n\n"


def hindrance_banner(hindered: Sequence[Hindrance]) -> str:
    """Give what stands above the Markdown of a ticket that is not to be executed now."""
    return "".join(f"> **{one.head}.** {one.words}\n\n" for one in hindered)


def signals_csv(scores: Scores, stamps: Sequence[str] = ()) -> str:
    """Give scores as CSV: instrument, rank, score, what moved it most; then what could not be ranked, with the reason.

    Contributions are `feature=value`, the strongest first, separated by spaces; none where nothing was learned.

    The last column repeats the stamps: a row that is copied elsewhere still says SYNTHETIC, and no reader has to skip a line.
    """
    stamped = " ".join(stamps)
    lines = ["instrument,rank,score,contributions,note,stamps"]
    lines += [f"{score.instrument},{score.rank},{score.value},{_moved(score)},,{stamped}" for score in scores.ranked]
    lines += [f"{name},,,,{why},{stamped}" for name, why in scores.unranked]
    return "\n".join(lines) + "\n"


def _moved(score: Score) -> str:
    return " ".join(f"{name}={plain_decimal(value)}" for name, value in score.contributions)


def _files(outcome: Outcome, doors: PublishDoors) -> dict[str, str]:
    ticket, issued = outcome.issued.ticket, outcome.issued
    day = _stem(issued)
    files = {
        f"tickets/{ticket.ticket_id}.json": ticket_json(issued) + "\n",
        f"tickets/{ticket.ticket_id}.md": doors.render(issued),
    }
    if outcome.scores is not None and outcome.scores.scores is not None:
        files[f"signals/{day}.csv"] = signals_csv(outcome.scores.scores, ticket.stamps)
    if ticket.kind != "NO-TRADE" and outcome.proposal is not None:
        files[f"trades/proposed_{day}.json"] = canonical_json(vars(outcome.proposal) | {"stamps": ticket.stamps}) + "\n"
    if ticket.kind == "TRADE" and outcome.decision is not None:
        files[f"trades/approved_{day}.json"] = (
            canonical_json({"approved": outcome.decision.approved, "stamps": ticket.stamps, "seal": issued.seal}) + "\n"
        )
    return files


def _hindered_tickets(issued: IssuedTicket, doors: PublishDoors) -> dict[str, str]:
    """Give the files of a ticket that is not to be executed now; none where nothing hinders it."""
    hindered, name = doors.hinder(issued), f"tickets/{issued.ticket.ticket_id}"
    if not hindered:
        return {}
    text = hindrance_banner(hindered) + doors.render(issued)
    return {f"{name}.json": ticket_json(issued, hindered=hindered) + "\n", f"{name}.md": text}


def _void_tickets(voided: Voided, suffix: str, doors: PublishDoors) -> dict[str, str]:
    issued, ticket = voided.issued, voided.issued.ticket
    banner = void_banner(voided)
    name = f"tickets/{ticket.ticket_id}{suffix}"
    return {f"{name}.json": ticket_json(issued, voided) + "\n", f"{name}.md": banner + doors.render(issued)}


def _void_trades(voided: Voided, doors: PublishDoors) -> dict[str, str]:
    """Give, for each file of trades that the void ticket left, one in its place without any trade."""
    issued, day = voided.issued, _stem(voided.issued)
    text = canonical_json({"stamps": issued.ticket.stamps, "void": _void(voided)}) + "\n"
    names = [f"trades/approved_{day}.json"] if issued.ticket.kind == "TRADE" else []
    if issued.ticket.kind != "NO-TRADE" and doors.decisions.proposal(issued.seal.run_id) is not None:
        names.append(f"trades/proposed_{day}.json")
    return dict.fromkeys(names, text)


def _void(voided: Voided) -> dict[str, object]:
    ticket = voided.issued.ticket
    return {"ticket_id": ticket.ticket_id, "revision": ticket.revision, "by": voided.by, "reason": voided.reason}


def _stem(issued: IssuedTicket) -> str:
    ticket = issued.ticket
    day = ticket.day.isoformat()
    return day if ticket.book == MAIN_BOOK else f"{day}-{ticket.book}"


def _manifest(outcome: Outcome, files: dict[str, str], versions: dict[str, str]) -> str:
    run, parts = (
        outcome.run,
        {
            "scores": outcome.scores,
            "proposal": outcome.proposal,
            "decision": outcome.decision,
        },
    )
    return canonical_json(
        {
            "run": run,
            "stamps": outcome.issued.ticket.stamps,
            "inputs": {
                "policy": run.policy_hash,
                "universe": run.universe_hash,
                "calendar": run.calendar_hash,
                "clean_set": run.snapshot,
                "ledger_head": outcome.proposal.ledger_head if outcome.proposal else None,
            },
            "outputs": {name: sha256_of(part) for name, part in parts.items() if part is not None}
            | {"ticket": outcome.issued.ticket.hash},
            "files": {name: sha256_text(text) for name, text in files.items()},
            "versions": versions,
        }
    )
