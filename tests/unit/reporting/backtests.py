"""Backtests for tests: made of draws, with an edge or without, and of any length."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np

from core.domain.backtest import Backtest, Fit, Origin, Track, Trial

ORIGIN = Origin("a" * 64, "b" * 64, "c" * 64, "d" * 64, "e" * 64, "f" * 64)
SECTORS = ("Energy", "Health", "Information Technology", "", "Financials", "Utilities")
NAMES = ("Equal weight", "Momentum")


def dates(count, first="2019-01-04"):
    """Make weekdays from a Friday on."""
    return np.busday_offset(np.datetime64(first), np.arange(count))


def track(name, equity, seed=0):
    """Make a track that holds fifteen instruments, trades a tenth on each fifth session and pays for it."""
    equity = np.asarray(equity, dtype=float)
    count = len(equity)
    is_traded = (np.arange(count) % 5 == 1).astype(float)
    invested = 0.95 + 0.02 * np.sin(np.arange(count) + seed)
    income = np.where(np.arange(count) % 60 == 59, 40.0, 0.0)
    return Track(name, equity, invested, np.full(count, 15.0), 0.1 * is_traded, 12.0 * is_traded, income)


def made(sessions=600, instruments=24, *, edge=0.0, seed=7, seeds=200):
    """Make a backtest of so many closes; `edge` is what a week's scores tell of its returns, as a correlation."""
    dice = np.random.Generator(np.random.PCG64(seed))
    days = dates(sessions)
    weeks = days[np.arange(0, sessions, 5)]
    shape = (len(weeks), instruments)
    realised = dice.normal(0.0, 0.03, shape)
    scores = edge * realised / 0.03 + np.sqrt(1.0 - edge**2) * dice.normal(0.0, 1.0, shape)
    order = np.argsort(np.argsort(-scores, axis=1), axis=1)
    weights = np.where(order < 6, 0.95 / 6, 0.0)
    # A part of what is wanted, differing from week to week, and something that was not sold yet.
    held = weights * (0.3 + 0.1 * (np.arange(len(weeks)) % 6))[:, None] + np.where(order == 7, 0.04, 0.0)
    market = dice.normal(0.0004, 0.009, sessions)
    excess = np.repeat((held * realised).sum(axis=1), 5)[:sessions] / 5.0
    ours = market + np.concatenate([[0.0], excess[:-1]])[:sessions] if sessions else market
    realised[-1:] = np.nan

    def equity(steps):
        """Compound steps from the capital on."""
        return 100_000.0 * np.exp(np.concatenate([[0.0], np.cumsum(steps[1:])]))[:sessions]

    baselines = [track("SPY", equity(market))]
    baselines += [
        track(name, equity(market + dice.normal(0, 0.003, sessions)), at + 1) for at, name in enumerate(NAMES)
    ]
    luck = np.stack([dice.normal(0.25, 0.12, seeds), dice.normal(0.03, 0.02, seeds)], axis=1)
    first = days[0].astype(object) if sessions else date(2019, 1, 4)
    return Backtest(
        book="main",
        strategy="ranker",
        mode="research",
        base="GBP",
        capital=Decimal(100_000),
        first=first,
        last=days[-1].astype(object) if sessions else first,
        sessions=days,
        instruments=tuple(f"US-T{at:02}" for at in range(instruments)),
        sectors=tuple(SECTORS[at % len(SECTORS)] for at in range(instruments)),
        main=track("ranker", equity(ours), 9),
        baselines=tuple(baselines),
        weeks=weeks,
        scores=scores,
        realised=realised,
        weights=weights,
        held=held,
        bound=np.arange(len(weeks)) % 3 == 0,
        luck=luck,
        fits=fits(weeks),
        importance=(("mom_12w", 120.0), ("vol_4w", 60.0), ("rsi_14", 20.0)),
        trials=trials(),
        survivorship="Survivorship: the members of 2025 alone; what left before is not there.",
        knowledge="Knowledge: assumed, of the close of each day.",
        origin=ORIGIN,
    )


def fits(weeks):
    """Make a training for each decision."""
    told = [day.astype(object) for day in weeks]
    return tuple(
        Fit(
            day,
            day - timedelta(days=1100),
            day - timedelta(days=21),
            15_000,
            80 + at % 7,
            0.02 - 0.001 * (at % 9),
            f"{at:064x}",
        )
        for at, day in enumerate(told)
    )


def trials(count=3):
    """Make what was tried before."""
    return tuple(
        Trial(
            datetime(2026, 1, 1 + at, 9, tzinfo=UTC),
            f"{at:064x}",
            "ranker",
            date(2019, 1, 4),
            date(2021, 4, 22),
            600,
            0.01 * at,
        )
        for at in range(count)
    )


def cut(backtest, sessions):
    """Give only the first closes of a backtest."""

    def shortened(one):
        """Cut each array of a track."""
        names = ("equity", "invested", "positions", "turnover", "cost", "income")
        return replace(one, **{name: getattr(one, name)[:sessions] for name in names})

    weeks = backtest.weeks[backtest.weeks <= backtest.sessions[sessions - 1]] if sessions else backtest.weeks[:0]
    return replace(
        backtest,
        sessions=backtest.sessions[:sessions],
        main=shortened(backtest.main),
        baselines=tuple(map(shortened, backtest.baselines)),
        weeks=weeks,
        scores=backtest.scores[: len(weeks)],
        realised=backtest.realised[: len(weeks)],
        weights=backtest.weights[: len(weeks)],
        held=backtest.held[: len(weeks)],
        bound=backtest.bound[: len(weeks)],
    )
