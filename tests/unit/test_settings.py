"""Settings: what the shipped files say, what contradicts itself, and what the hash depends on."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from core.domain.instrument import Instrument, Period, Universe
from core.settings import desk_objections, universe_objections
from core.settings_limits import Limits
from core.settings_schema import policy_schema
from core.settings_text import parse_desk, parse_policy
from tests.unit.shipped import CONFIG, DESK, POLICY, changed, policy, problems


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give every leaf of nested mappings with its path."""
    if not isinstance(value, dict):
        yield path, value
        return
    for key, item in value.items():
        yield from leaves(item, (*path, key))


# --- what is shipped --------------------------------------------------------------------------------------------------


def test_the_shipped_policy_binds_as_agreed():
    """The numbers that a person is told about are those of the file, exactly."""
    shipped = policy()

    assert (shipped.book, shipped.account, shipped.base_currency) == ("main", "etoro", "GBP")
    assert (shipped.execution.venue, shipped.opening_cash) == ("paper", Decimal("10000"))
    assert (shipped.schedule.run_from, shipped.schedule.run_until) == (time(8), time(9))
    assert (shipped.schedule.timezone, shipped.schedule.rebalance) == ("Europe/London", "weekly")
    assert shipped.limits == Limits(
        long_only=True,
        underlying_only=True,
        leverage_max=0,
        positions_max=15,
        weight_max=Decimal("0.1"),
        cash_buffer_min=Decimal("0.05"),
        turnover_max=Decimal("0.3"),
        order_value_min=Decimal(25),
        order_value_max=Decimal(5000),
        trades_max=60,
        value_traded_share_max=Decimal("0.01"),
        sector_weight_max=Decimal("0.6"),
        correlation_max=Decimal("0.9"),
        correlation_sessions=63,
        cluster_weight_max=Decimal("0.5"),
        price_move_max=Decimal("0.4"),
        losing_sessions_max=10,
        cooldown_sessions=3,
        drawdown_max=Decimal("0.2"),
        daily_loss_max=Decimal("0.1"),
        no_buy=(),
    )
    assert (shipped.sizing.tiny_delta, shipped.sizing.quantity_step) == (Decimal("0.005"), Decimal("0.0001"))
    assert (shipped.execution.window_opens_minutes, shipped.execution.window_closes_minutes) == (5, 60)
    assert (shipped.execution.skip_above_bps, shipped.execution.confirm_within_hours) == (Decimal(200), 24)
    assert (shipped.data.benchmark, shipped.data.benchmark_age_sessions_max) == ("SPY", 0)
    assert (shipped.data.coverage_min, shipped.data.fx_age_days_max) == (Decimal("0.98"), 6)
    assert shipped.costs.dividend_withholding == Decimal("0.15")
    assert shipped.strategy.parameters == {"lookback_sessions": 252, "skip_sessions": 21, "hold_rank_multiple": 2}
    assert list(shipped.rollout.model_dump().values()) == [Decimal(text) for text in ("0", "1", "0.1", "1")]


def test_the_shipped_policy_fits_the_shipped_desk():
    """The book's account is listed, in the book's currency."""
    desk = parse_desk(DESK, "desk.yml")

    assert desk_objections(policy(), desk) == ()
    assert desk.gross_max == 1
    assert desk.weight_max == Decimal("0.25")
    assert desk.backup_after_run


@pytest.mark.parametrize("text", [POLICY, DESK], ids=["policy", "desk"])
def test_every_shipped_key_is_explained(text):
    """A comment stands directly above each key (above the first key of a list item for the item itself)."""
    lines = text.splitlines()
    keys = [at for at, line in enumerate(lines) if line.strip() and not line.strip().startswith("#")]

    assert len(keys) > 5
    assert [lines[at] for at in keys if not lines[at - 1].strip().startswith("#")] == []


def test_the_committed_schema_is_the_generated_one():
    """`config/policy.schema.json` is made by `policy_schema()`, and the policy's first line points to it."""
    assert (CONFIG / "policy.schema.json").read_text(encoding="utf-8") == policy_schema()
    assert POLICY.splitlines()[0] == "# yaml-language-server: $schema=policy.schema.json"


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("limits", "weight_max"), "0.1"),
        (("limits", "weight_max"), 1.5),
        (("limits", "positions_max"), 0),
        (("schedule", "run_from"), "8:00"),
        (("execution", "venue"), "etoro"),
        (("book",), None),
        (("colour",), "blue"),
    ],
)
def test_the_schema_tells_an_editor_what_the_parser_tells_a_person(path, wrong):
    """The shipped policy is valid under the schema; a change that the parser refuses is not."""
    # A loader of text only, so that 08:00 stays what it is for an editor (YAML 1.2).
    plain = json.loads(json.dumps(yaml.safe_load(POLICY.replace("08:00", "'08:00'").replace("09:00", "'09:00'"))))
    jsonschema = importlib.import_module("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(policy_schema()))
    assert list(validator.iter_errors(plain)) == []

    inner = plain
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = wrong

    assert len(list(validator.iter_errors(plain))) == 1


@pytest.mark.parametrize("wrong", [0.1, "0.1", True, None])
def test_only_a_decimal_is_a_decimal_in_code_too(wrong):
    """The type refuses floats and texts wherever a policy is made, not only in the file."""
    fields = {**policy().limits.model_dump(), "weight_max": wrong}

    with pytest.raises(ValidationError, match="weight_max"):
        Limits.model_validate(fields)


def test_a_policy_cannot_be_changed():
    """A policy that was read stays what was read."""
    with pytest.raises(ValidationError, match="frozen"):
        policy().limits.weight_max = Decimal(1)


# --- contradictions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "refused", "message"),
    [
        (
            [("run_until: 09:00", "run_until: 08:01")],
            [("run_until: 09:00", "run_until: 08:00")],
            "schedule.run_until was 08:00; it must be after run_from (08:00)",
        ),
        (
            [("window_closes_minutes: 60", "window_closes_minutes: 6")],
            [("window_closes_minutes: 60", "window_closes_minutes: 5")],
            "execution.window_closes_minutes was 5; it must be above window_opens_minutes (5)",
        ),
        (
            [("phase_b: 0.10", "phase_b: 1")],
            [("phase_c: 1.0", "phase_c: 0.09")],
            "rollout.phase_b was 0.10; the pilot must be at most phase_c (0.09)",
        ),
        (
            [("positions_max: 15", "positions_max: 1"), ("weight_max: 0.10", "weight_max: 0.95")],
            [("positions_max: 15", "positions_max: 1"), ("weight_max: 0.10", "weight_max: 0.951")],
            "limits.weight_max was 0.951; with positions_max 1 and cash_buffer_min 0.05 it must be at most 0.95",
        ),
        (
            [("risk_off: cash_allowed", "risk_off: always_invested"), ("weight_max: 0.10", "weight_max: 0.07")],
            [("risk_off: cash_allowed", "risk_off: always_invested"), ("weight_max: 0.10", "weight_max: 0.06")],
            "risk_off was always_invested, but positions_max 15 x weight_max 0.06 = 0.90 can never reach 0.95",
        ),
        (
            [("tiny_delta: 0.005", "tiny_delta: 0.10")],
            [("tiny_delta: 0.005", "tiny_delta: 0.11")],
            "sizing.tiny_delta was 0.11; above limits.weight_max (0.10) every first purchase counts as tiny",
        ),
        (
            [("quantity_step: 0.0001", "quantity_step: 0.25"), ("fractions: quantity_step", "fractions: whole_units")],
            [("quantity_step: 0.0001", "quantity_step: 0.3"), ("fractions: quantity_step", "fractions: whole_units")],
            "sizing.fractions was whole_units; a unit is no multiple of quantity_step (0.3)",
        ),
        (
            [("  jump_max: 1.4", "  jump_max: 2.25")],
            [("  jump_max: 1.4", "  jump_max: 2.26")],
            "data.news_jump_max was 2.25; it must be at least jump_max (2.26)",
        ),
    ],
)
def test_what_cannot_hold_together_is_refused_at_the_edge(allowed, refused, message):
    """The last values that agree are read; one step further the policy is refused."""
    assert policy(*allowed).book == "main"

    assert [told.split(": ", 1)[1].startswith(message) for told in problems(changed(*refused))] == [True]


def test_limits_that_never_bind_are_a_choice_and_no_contradiction():
    """With cash allowed a book need not be filled; with several positions a cap may be as wide as wanted."""
    assert policy(("weight_max: 0.10", "weight_max: 1")).limits.weight_max == 1
    assert policy(("positions_max: 15", "positions_max: 3")).limits.positions_max == 3


@pytest.mark.parametrize(
    ("until", "place", "is_in_time"),
    [
        ("13:35", "Europe/London", True),
        ("13:36", "Europe/London", False),
        ("09:35", "America/New_York", True),
        ("09:36", "America/New_York", False),
        ("22:35", "Asia/Tokyo", True),
        ("22:36", "Asia/Tokyo", False),
        ("09:35", "America/Santiago", True),
        ("09:36", "America/Santiago", False),
    ],
)
def test_the_run_must_be_over_before_the_window_opens_on_every_day_of_the_year(until, place, is_in_time):
    """In the weeks between the two changes of clocks the window opens an hour earlier in London: that day decides."""
    text = changed(("run_until: 09:00", f"run_until: {until}"), ("timezone: Europe/London", f"timezone: {place}"))

    if is_in_time:
        assert parse_policy(text, "p.yml").schedule.timezone == place
    else:
        (told,) = problems(text)
        assert f"schedule.run_until was {until} {place}; it must not be after the execution window opens" in told


# --- the hash ---------------------------------------------------------------------------------------------------------


def test_the_hash_is_of_the_content_alone():
    """Comments, layout, order of keys, trailing zeros and the order of bans do not count."""
    bare = "\n".join(line for line in POLICY.splitlines() if line.strip() and not line.strip().startswith("#"))
    head, tail = bare.split("schedule:\n")
    moved = f"schedule:\n{tail}\n{head}"

    assert parse_policy(moved, "p.yml").hash == policy().hash
    assert policy(("weight_max: 0.10", "weight_max: 0.1"), ("phase_a: 1.0", "phase_a: 1")).hash == policy().hash
    assert policy(("no_buy: []", "no_buy: [A, B]")).hash == policy(("no_buy: []", "no_buy: [B, A]")).hash


def test_the_hash_of_the_shipped_policy_is_written_down():
    """A change of the canonical form is seen: stored approvals carry this hash."""
    assert policy().hash == HASH_OF_SHIPPED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("opening_cash: 10000", "opening_cash: 10000.01"),
        ("rebalance: weekly", "rebalance: daily"),
        ("run_from: 08:00", "run_from: 08:01"),
        ("run_until: 09:00", "run_until: 09:01"),
        ("no_buy: []", "no_buy: [TSLA]"),
        ("source_order: [yahoo, stooq]", "source_order: [stooq, yahoo]"),
        ("skip_sessions: 21", "skip_sessions: 22"),
        ("venue: paper", "venue: manual"),
        ("phase_b: 0.10", "phase_b: 0.11"),
    ],
)
def test_any_other_content_has_another_hash(old, new):
    """One changed value, wherever it stands, changes the hash."""
    assert policy((old, new)).hash != policy().hash


def test_every_value_counts_in_the_hash():
    """No field is left out of the canonical bytes."""
    hashed = {path for path, _ in leaves(policy().model_dump(mode="json"))}

    assert hashed == {path for path, _ in leaves(yaml.safe_load(POLICY))}
    assert ("strategy", "parameters", "skip_sessions") in hashed


# --- desk and universe ------------------------------------------------------------------------------------------------


def test_two_accounts_of_one_name_are_refused():
    """An account is found by its name."""
    account = "  - {name: a, venue_name: e, currency: GBP, taxable: true, lots: FIFO}\n"

    assert problems(
        f"version: 1\naccounts:\n{account}{account}gross_max: 1\nweight_max: 1\nbackup_after_run: true\n", parse_desk
    ) == ("p.yml:2: accounts name a 2 times; each account needs a name of its own",)


def test_a_book_must_fit_its_desk():
    """An account that is not listed, or is in another currency, is told."""
    desk = parse_desk(DESK, "desk.yml")

    assert desk_objections(policy(("account: etoro", "account: isa")), desk) == (
        "account was isa; the desk lists etoro",
    )
    assert desk_objections(policy(("base_currency: GBP", "base_currency: EUR")), desk) == (
        "base_currency was EUR; account etoro is in GBP",
    )


def test_a_misspelt_ban_is_told():
    """A no-buy name or benchmark that the universe does not list would bind nothing."""
    listed = Instrument(
        "TSLA", "TSLA.US", "TSLA", "TSLA", "NASDAQ", "USD", "equity", True, None, (Period(date(2016, 1, 4)),), ""
    )
    banned = policy(("no_buy: []", "no_buy: [TSLA, TSAL]"), ("accepted_bars: []", "accepted_bars: [TSLB 2024-06-10]"))

    assert universe_objections(banned, Universe((listed,))) == (
        "data.benchmark names SPY, which the universe does not list",
        "limits.no_buy names TSAL, which the universe does not list",
        "data.accepted_bars names TSLB, which the universe does not list",
    )


HASH_OF_SHIPPED = "de1a581a6cf60f0609bb90c72e4dbd1b840bc3f401d13cb1cea15e04922e16d1"
