"""Settings: what the shipped files say, what is refused and in which words, and what the hash depends on."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.domain.instrument import Instrument, Universe
from core.settings import Limits, Policy, desk_objections, universe_objections
from core.settings_schema import policy_schema
from core.settings_text import SettingsError, parse_desk, parse_policy

CONFIG = Path(__file__).parents[2] / "config"
POLICY = (CONFIG / "policy.yml").read_text(encoding="utf-8")
DESK = (CONFIG / "desk.yml").read_text(encoding="utf-8")


def changed(*changes: tuple[str, str]) -> str:
    """Give the shipped policy with some pieces of text replaced, each of which stands in it once."""
    text = POLICY
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def policy(*changes: tuple[str, str]) -> Policy:
    """Parse the shipped policy with some pieces of text replaced."""
    return parse_policy(changed(*changes), "policy.yml")


def problems(text: str, parse: Any = parse_policy) -> tuple[str, ...]:
    """Give what is said about a text that must be refused."""
    with pytest.raises(SettingsError) as refused:
        parse(text, "p.yml")
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def line_of(piece: str, text: str) -> int:
    """Give the line on which a piece of text first stands."""
    return text[: text.index(piece)].count("\n") + 1


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
        drawdown_max=Decimal("0.2"),
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


# --- what is refused, and in which words ------------------------------------------------------------------------------

FRACTION = "it must be a number from 0 to 1, such as 0.1"
COUNT = "it must be a whole number from 1 to 500"
CLOCK = "it must be a time of day as HH:MM, such as 08:00"
PLACE = "it must be a time zone of the IANA list, such as Europe/London"
NAME = "it must be a short name of small letters, digits, - and _ that starts with a letter, such as main"
BANS = "it must be a list of internal symbols, each once, such as [TSLA]; [] for none"
SOURCES = "it must be a list of yahoo, stooq or synthetic, each once, such as [yahoo, stooq]"


@pytest.mark.parametrize(
    ("key", "written", "found", "right"),
    [
        ("limits.weight_max", "'0.10'", "the text '0.10' in quotes", FRACTION),
        ("limits.weight_max", "10 %", "10 %", FRACTION),
        ("limits.weight_max", "1e-1", "1e-1", FRACTION),
        ("limits.weight_max", ".1", ".1", FRACTION),
        ("limits.weight_max", ".nan", ".nan", FRACTION),
        ("limits.weight_max", "0,10", "0,10", FRACTION),
        ("limits.weight_max", "true", "true", FRACTION),
        ("limits.weight_max", "1.000001", "1.000001", FRACTION),
        ("limits.weight_max", "-0.1", "-0.1", FRACTION),
        ("limits.weight_max", "", "nothing", FRACTION),
        ("limits.weight_max", "[0.1]", "a list", FRACTION),
        ("limits.weight_max", "{a: 1}", "a section", FRACTION),
        ("limits.cash_buffer_min", "1", "1", "it must be a number from 0 to below 1, such as 0.05"),
        ("limits.drawdown_max", "0", "0", "it must be a number above 0 and at most 1, such as 0.1"),
        ("costs.slippage_bps", "10001", "10001", "it must be basis points, a number from 0 to 10000, such as 5"),
        ("costs.commission", "-1", "-1", "it must be a number of 0 or more, such as 25"),
        ("sizing.quantity_step", "0", "0", "it must be a number above 0, such as 0.0001"),
        ("limits.positions_max", "15.0", "15.0", COUNT),
        ("limits.positions_max", "0x0F", "0x0F", COUNT),
        ("limits.positions_max", "017", "017", COUNT),
        ("limits.positions_max", "1_5", "1_5", COUNT),
        ("limits.positions_max", "501", "501", COUNT),
        ("limits.positions_max", "0", "0", COUNT),
        ("execution.window_opens_minutes", "1:30", "1:30", "it must be a whole number from 0 to 209"),
        ("limits.long_only", "yes", "yes", "it must be true"),
        ("limits.long_only", "True", "True", "it must be true"),
        ("limits.long_only", "false", "false", "it must be true"),
        ("limits.long_only", "1", "1", "it must be true"),
        ("limits.leverage_max", "false", "false", "it must be 0"),
        ("limits.leverage_max", "2", "2", "it must be 0"),
        ("version", "2", "2", "it must be 1"),
        ("version", "true", "true", "it must be 1"),
        ("schedule.run_from", "8:00", "8:00", CLOCK),
        ("schedule.run_from", "24:00", "24:00", CLOCK),
        ("schedule.run_from", "480", "480", CLOCK),
        ("schedule.timezone", "Europe", "Europe", PLACE),
        ("schedule.timezone", "BST1", "BST1", PLACE),
        ("book", "12", "12", NAME),
        ("book", "Main", "Main", NAME),
        ("base_currency", "gbp", "gbp", "it must be three capital letters, such as GBP"),
        ("execution.venue", "etoro", "etoro", "it must be paper or manual"),
        ("limits.no_buy", "TSLA", "TSLA", BANS),
        ("limits.no_buy", "[TSLA, TSLA]", "a list", BANS),
        ("data.source_order", "[]", "an empty list", SOURCES),
        ("data.source_order", "[yahoo, yahoo]", "a list", SOURCES),
        ("strategy.parameters.lookback_sessions", "true", "true", "it must be a number or a text"),
        ("strategy.parameters", "252", "252", "it must be a section of parameter names with their values"),
        ("costs", "5", "5", "it must be a section with the keys slippage_bps, spread_bps, fx_fee_bps,"),
    ],
)
def test_a_wrong_value_is_told_with_file_line_key_and_remedy(key, written, found, right):
    """The message names where it stands, what was found and what would be right."""
    last = key.split(".")[-1]
    text, count = re.subn(rf"(?m)^( *{last}:).*\n(?:(?={last}: *\n))?", rf"\1 {written}\n", POLICY, count=1)
    assert count == 1
    # A section that is written as a value has no keys of its own.
    if POLICY.count(f"{last}:\n"):
        text = without_children(text, last)

    told = problems(text)

    assert [one for one in told if one.startswith(f"p.yml:{line_of(f'{last}: ', text)}: {key} was {found}; {right}")]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("no_buy: []", "no_buy: [A, tsla]", "limits.no_buy[2] was tsla; it must be an internal symbol of the universe"),
        ("[yahoo, stooq]", "[yahu]", "data.source_order[1] was yahu; it must be yahoo or stooq or synthetic"),
        ("turnover_max:", "turnover_mx:", "limits.turnover_mx is unknown; did you mean turnover_max?"),
        ("  venue: paper", "  weight_max: 0.2", "execution.weight_max is unknown; it belongs under limits"),
        ("version: 1", "version: 1\nversion: 1", "version stands twice, first on line 8; keep one"),
    ],
)
def test_a_wrong_item_or_key_is_told_with_a_hint(old, new, message):
    """Items are counted from one; an unknown key is told with the nearest known one, or with where it belongs."""
    line = line_of(old, POLICY) + new.count("\n")

    assert any(told.startswith(f"p.yml:{line}: {message}") for told in problems(changed((old, new))))


def test_a_missing_key_is_told_at_its_section():
    """A key or a whole section that is not there is told with what it must be."""
    text = changed(("  weight_max: 0.10\n", ""), ("reconciliation:", "reconciled:"))

    told = problems(text)

    assert f"p.yml:{line_of('limits:', text)}: limits.weight_max is missing; {FRACTION}" in told
    assert (
        f"p.yml:{line_of('version:', text)}: reconciliation is missing; it must be a section with the keys"
        " required_every_days, units_tolerance, cash_tolerance"
    ) in told
    assert f"p.yml:{line_of('reconciled:', text)}: reconciled is unknown; did you mean reconciliation?" in told
    assert len(told) == 3


def test_all_mistakes_are_told_at_once_in_the_order_of_lines():
    """Four mistakes of different kinds in four sections give four messages, first line first."""
    text = changed(
        ("phase_b: 0.10", "phase_b: ten"),
        ("positions_max: 15", "positions_max: many"),
        ("commission: 0", "comission: 0"),
        ("run_until: 09:00", "run_until: 07:00"),
    )

    told = problems(text)

    assert [message.split(" ")[1] for message in told] == [
        "schedule.run_until",
        "limits.positions_max",
        "costs.commission",
        "costs.comission",
        "rollout.phase_b",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.yml:1: the file is empty; it must hold `key: value` lines"),
        ("# only a comment\n", "p.yml:1: the file is empty; it must hold `key: value` lines"),
        ("\ufeff", "p.yml:1: the file is empty; it must hold `key: value` lines"),
        ("- a\n- b\n", "p.yml:1: found a list; the file must hold `key: value` lines"),
        ("version:\t1\n", "p.yml:1: a tab was found; indent and separate with spaces"),
        ("a: 1\n---\nb: 2\n", "p.yml:2: a second document was found; a file holds one, so remove the `---`"),
        ("a: &x 1\n", "p.yml:1: anchor or alias 'x' was found; write the value out"),
        ("b: *x\n", "p.yml:1: anchor or alias 'x' was found; write the value out"),
        ("a: !!float 1\n", "p.yml:1: tag 'tag:yaml.org,2002:float' was found; write the plain value"),
        ("a: b: c\n", "p.yml:1: this is not YAML: mapping values are not allowed here"),
        ("\n{", "p.yml:2: this is not YAML: expected the node content"),
        ("a: 1\nb: \x00\n", "p.yml:2: character U+0000 was found; settings are plain text"),
        ("[" * 1000, "p.yml:1: sections are nested 9 deep; at most 8 are read"),
        ("? [a]\n: 1\n", "p.yml:1: a list was found as a key; a key must be a name"),
    ],
)
def test_a_file_that_holds_no_settings_is_refused_in_words(text, message):
    """Whatever stands in a file, the answer is a sentence with its line, never a traceback of a library."""
    assert any(told.startswith(message) for told in problems(text)), problems(text)


def test_line_ends_and_byte_order_marks_of_other_machines_are_taken():
    """A file saved on Windows says the same."""
    assert parse_policy("\ufeff" + POLICY.replace("\n", "\r\n"), "p.yml") == policy()


@given(st.text(max_size=200))
def test_no_text_ends_in_anything_but_settings_or_a_settings_error(text):
    """Arbitrary text never ends in another error."""
    with pytest.raises(SettingsError):
        parse_policy(text, "p.yml")


# --- numbers and words ------------------------------------------------------------------------------------------------


@given(st.from_regex(r"[0-9]{1,3}\.[0-9]{0,11}[1-9]", fullmatch=True).filter(lambda text: not re.match("0[0-9]", text)))
def test_a_number_is_exactly_its_text(text):
    """No digit is added or lost on the way from the file: no float was in between."""
    assert str(parse_desk(DESK.replace("gross_max: 1.0", f"gross_max: {text}"), "desk.yml").gross_max) == text


def test_a_ticker_that_reads_like_a_boolean_stays_a_ticker():
    """ON, NO and Y are listed symbols; plain YAML would take them for true and false."""
    assert policy(("no_buy: []", "no_buy: [Y, ON, 'NO']")).limits.no_buy == ("NO", "ON", "Y")


def test_parameters_keep_the_type_that_they_are_written_in():
    """Whole numbers, decimals and texts reach the strategy as such."""
    written = policy(("skip_sessions: 21", "skip_sessions: 21\n    decay: 0.50\n    kind: '12'\n    name: fast"))

    assert written.strategy.parameters["decay"] == Decimal("0.50")
    assert written.strategy.parameters["kind"] == "12"
    assert written.strategy.parameters["name"] == "fast"
    assert type(written.strategy.parameters["skip_sessions"]) is int


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


def test_a_desk_is_refused_in_the_same_words():
    """Items of a list are counted from one."""
    text = "version: 1\naccounts:\n  - name: a\n    venue: e\n    currency: gbp\n  - 5\ngross_max: 0\n"

    assert problems(text, parse_desk) == (
        "p.yml:3: accounts[1].venue_name is missing; it must be the venue's name as people write it, such as eToro",
        "p.yml:4: accounts[1].venue is unknown; did you mean venue_name?",
        "p.yml:5: accounts[1].currency was gbp; it must be three capital letters, such as GBP",
        "p.yml:6: accounts[2] was 5; it must be a section with the keys name, venue_name, currency",
        "p.yml:7: gross_max was 0; it must be a number above 0, such as 0.0001",
    )


def test_two_accounts_of_one_name_are_refused():
    """An account is found by its name."""
    account = "  - {name: a, venue_name: e, currency: GBP}\n"

    assert problems(f"version: 1\naccounts:\n{account}{account}gross_max: 1\n", parse_desk) == (
        "p.yml:2: accounts name a 2 times; each account needs a name of its own",
    )


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
        "TSLA", "TSLA.US", "TSLA", "TSLA", "NASDAQ", "USD", "equity", True, None, date(2016, 1, 4), None, ""
    )
    banned = policy(("no_buy: []", "no_buy: [TSLA, TSAL]"))

    assert universe_objections(banned, Universe((listed,))) == (
        "data.benchmark names SPY, which the universe does not list",
        "limits.no_buy names TSAL, which the universe does not list",
    )


HASH_OF_SHIPPED = "b8c3d9c05212f13a419bf678b5bfb3f0a55709a800697c0da6524a906a40207e"
