"""Wiring: the operator's trusted door, with one connection a role and each flow handed its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from adapters import slot_time
from adapters.clock import SystemClock
from adapters.files.alerts import FileAlerts
from adapters.files.artefacts import Artefacts
from adapters.files.backups import BackupFiles
from adapters.files.clean_set import CleanFiles
from adapters.files.configuration import Configuration, read_account, read_configuration
from adapters.files.heads import FileHeads
from adapters.files.workspace import Workspace, need_workspace, remember_database
from adapters.keys import FileSigner, FileVerifier
from adapters.postgres.backup import PgDumps
from adapters.postgres.chain import Chain
from adapters.postgres.connect import Session
from adapters.postgres.journal import PgJournal, PgVenue
from adapters.postgres.location import Server
from adapters.postgres.models import PgModels
from adapters.postgres.people import PgConfig, PgPeople
from adapters.postgres.recorded import PgRecorded
from adapters.postgres.rights import Role
from adapters.postgres.rotated import ChainAndKeys, PgRotations
from adapters.postgres.runs import PgDecisions, PgRuns, PgScores
from adapters.postgres.tickets import PgConfirmations, PgTickets
from adapters.postgres.totals import PgTotals
from adapters.render.markdown import ticket_markdown
from adapters.slot_time import When as When
from adapters.venues.paper import PaperVenue
from adapters.versions import code_hash, made_with, versions
from core.domain.backup import AcknowledgedLoss
from core.domain.facts import LossHead
from core.domain.hindrance import Hindrance
from core.domain.ticket import IssuedTicket
from flows.backup import BackupDoors
from flows.confirm import ConfirmDoors
from flows.daily import DayDoors
from flows.decide import DecideDoors
from flows.hindered import HinderDoors, hindrances_shown
from flows.issue import IssueDoors
from flows.look import CurveCache, StandingBooks
from flows.portfolio import PortfolioDoors, write_portfolio
from flows.ports import CleanSet, Clock
from flows.publish import PublishDoors
from flows.replay import ReplayDoors
from flows.results import ResultDoors
from flows.score import ScoreDoors
from flows.settle import SettleDoors
from flows.setup import BookSetup


@dataclass
class Desk:
    """An open workspace: sessions are made as flows need them, and closed together."""

    workspace: Workspace

    def __post_init__(self) -> None:
        need_workspace(self.workspace.root)
        self._sessions: dict[str, Session] = {}
        self._server = Server(self.workspace.postgres, self.workspace.secrets, marker=self.workspace.database_marker)

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self._server.release()

    def session(self, role: Role) -> Session:
        """Give the connection of a role."""
        if role not in self._sessions:
            self._sessions[role] = Session(self._server.start(), role, self.workspace.secrets)
        return self._sessions[role]

    @cached_property
    def clean(self) -> CleanFiles:
        """Give the clean sets."""
        return CleanFiles(self.workspace.root / "data" / "clean")

    @cached_property
    def heads(self) -> FileHeads:
        """Give the audit heads kept outside the database."""
        return FileHeads(self.workspace.heads)

    @cached_property
    def chain(self) -> Chain:
        """Give the audit chain, as the riskguard reads it."""
        return Chain(self.session("riskguard"))

    @cached_property
    def journal(self) -> PgJournal:
        """Give the journal."""
        return PgJournal(self.session("ledger"))

    @cached_property
    def verifier(self) -> FileVerifier:
        """Give the public keys."""
        return FileVerifier(self.workspace.public_keys)

    @cached_property
    def verifier_in_use(self) -> FileVerifier:
        """Give the public keys that something new may rest on: none that was rotated away, as folder and chain both say."""
        return FileVerifier(self.workspace.public_keys, chained=PgRotations(self.session("ticketing")).hashes)

    def configuration(self, book: str) -> Configuration:
        """Read a book's configuration, with what people verified."""
        return read_configuration(self.workspace, book, PgPeople(self.session("reader")).verifications())

    def account(self, book: str) -> tuple[BookSetup, ...]:
        """Read the setups of a book and of those that share its account at its venue, that book first."""
        return read_account(self.workspace, book, PgPeople(self.session("reader")).verifications())

    def day_doors(
        self,
        when: When,
        *,
        clean: CleanSet | None = None,
        cache: CurveCache | None = None,
        fresh: Callable[[], BookSetup] | None = None,
    ) -> DayDoors:
        """Wire the flows of a day.

        `clean` may be a clean set held in memory, `cache` the curves computed so far; `fresh` reads the configuration again.
        """
        clean, clock = clean or self.clean, when.clock
        return DayDoors(
            settle=self.settle_doors(clean),
            score=self.score_doors(clean),
            decide=self._decide_doors(clean, clock, cache),
            issue=replace(self._issue_doors(clock), fresh=fresh),
            publish=self.publish_doors,
            tickets=PgTickets(self.session("ticketing")),
            runs=PgRuns(self.session("desk")),
            config=PgConfig(self.session("desk")),
            chain=self.chain,
            heads=self.heads,
            clean=clean,
            today=when.today,
        )

    def score_doors(self, clean: CleanSet) -> ScoreDoors:
        """Wire training and scoring, as quant."""
        session = self.session("quant")
        return ScoreDoors(PgRuns(session), PgScores(session), clean, PgModels(session))

    def settle_doors(self, clean: CleanSet) -> SettleDoors:
        """Wire settling: the venue's reports as desk, the journal as ledger."""
        return SettleDoors(self.venue, self.journal, PgTickets(self.session("ledger")), clean, PaperVenue)

    @property
    def result_doors(self) -> ResultDoors:
        """Wire what results are made of, as reader."""
        reader = self.session("reader")
        return ResultDoors(PgRecorded(reader), self.clean, PgConfig(reader))

    @cached_property
    def venue(self) -> PgVenue:
        """Give what venues report, as desk."""
        return PgVenue(self.session("desk"))

    @cached_property
    def publish_doors(self) -> PublishDoors:
        """Wire publishing, as ticketing, whose server publishes too."""
        session, write = self.session("ticketing"), Artefacts(self.workspace.root).write
        runs, scores, decisions = PgRuns(session), PgScores(session), PgDecisions(session)
        config = PgConfig(session)
        return PublishDoors(runs, scores, decisions, config, write, ticket_markdown, made_with, hinder=self.hindrances)

    def hindrances(self, issued: IssuedTicket) -> tuple[Hindrance, ...]:
        """Give what makes a ticket not to be executed at this moment, whatever day is asked for."""
        reader, clock = self.session("reader"), SystemClock()
        doors = HinderDoors(PgPeople(reader), PgDecisions(reader), lambda book: self.configuration(book).setup.policy)
        return hindrances_shown(issued, PgTickets(reader), doors, now=clock.now())

    @cached_property
    def alerts(self) -> FileAlerts:
        """Give the alerts."""
        return FileAlerts(self.workspace.root / "logs" / "alerts.jsonl")

    @cached_property
    def backups(self) -> BackupFiles:
        """Give the folder of backups."""
        return BackupFiles(self.workspace.root / "backups")

    def changed(self) -> None:
        """Keep the audit head outside the database, and write what the books hold now."""
        self.heads.keep(self.chain.head())
        files = Artefacts(self.workspace.root)
        write_portfolio(PortfolioDoors(PgTotals(self.session("reader")), files.write, files.alone))

    @property
    def backup_doors(self) -> BackupDoors:
        """Wire backups, as the administrator: a dump holds every table, and a trial of it needs a database of its own."""
        dumps = PgDumps(self._server.start(), self._server.administrator(), self.workspace.secrets)
        return BackupDoors(dumps, self.backups, self.heads, versions()["twokey"], self._acknowledge_loss, self._losses)

    def _acknowledge_loss(self, loss: AcknowledgedLoss) -> LossHead:
        # A person's connection only now: before a restore there may be no database to log in to.
        return PgPeople(self.session("person")).acknowledge_loss(loss)

    def _losses(self) -> Sequence[AcknowledgedLoss]:
        return PgPeople(self.session("person")).losses()

    def make_database_anew(self) -> None:
        """Let a database be made anew where the one that the workspace had is gone; raises DatabaseError if it is elsewhere."""
        self._server.make_anew()

    def remember_database(self) -> None:
        """Keep where the database is, if it is elsewhere."""
        remember_database(self.workspace, self._server.elsewhere())

    @property
    def confirm_doors(self) -> ConfirmDoors:
        """Wire confirming, as confirm."""
        session = self.session("confirm")
        return ConfirmDoors(PgTickets(session), PgConfirmations(session), PgJournal(session), self.clean)

    @property
    def replay_doors(self) -> ReplayDoors:
        """Wire replaying, as reader."""
        reader = self.session("reader")
        return ReplayDoors(
            PgRuns(reader),
            PgScores(reader),
            PgModels(reader),
            PgDecisions(reader),
            PgTickets(reader),
            PgJournal(reader),
            self.clean,
            self.verifier,
        )

    def _decide_doors(self, clean: CleanSet, clock: Clock, cache: CurveCache | None) -> DecideDoors:
        session = self.session("riskguard")
        people, tickets, journal = PgPeople(session), PgTickets(session), self._riskguard_journal
        chain = ChainAndKeys(self.chain, PgRotations(session), self.workspace.public_keys)
        return DecideDoors(
            runs=PgRuns(session),
            scores=PgScores(session),
            decisions=PgDecisions(session),
            standing=StandingBooks(chain, self.heads, people, tickets, journal, code_hash),
            halting=people,
            clean=clean,
            signer=self._signer,
            clock=clock,
            cache=cache,
        )

    def _issue_doors(self, clock: Clock) -> IssueDoors:
        session = self.session("ticketing")
        return IssueDoors(
            runs=PgRuns(session),
            scores=PgScores(session),
            decisions=PgDecisions(session),
            tickets=PgTickets(session),
            journal=self._ticketing_journal,
            people=PgPeople(session),
            chain=Chain(session),
            verifier=self.verifier_in_use,
            clock=clock,
        )

    @cached_property
    def _signer(self) -> FileSigner:
        return FileSigner(self.workspace.private_key)

    @cached_property
    def _riskguard_journal(self) -> PgJournal:
        return PgJournal(self.session("riskguard"))

    @cached_property
    def _ticketing_journal(self) -> PgJournal:
        return PgJournal(self.session("ticketing"))

    def keep(self, configuration: Configuration) -> None:
        """Keep a configuration by its hashes, so that a run that another door opens can be replayed."""
        for kind, (digest, text) in configuration.texts.items():
            PgConfig(self.session("desk")).add_config(kind, digest, text)


def when(configuration: Configuration, on: date | None) -> When:
    """Say when a slot is decided: now, or as it would have been at the slot of another day."""
    return slot_time.when(configuration.setup.policy, on, SystemClock())
