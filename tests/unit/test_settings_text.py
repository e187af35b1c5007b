"""Settings as text: what is refused, and in which words; what a number and a word become."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.provider import PriceSource
from core.settings_text import SettingsError, parse_desk, parse_policy
from tests.unit.shipped import DESK, POLICY, changed, line_of, policy, problems

FRACTION = "it must be a number from 0 to 1, such as 0.1"
COUNT = "it must be a whole number from 1 to 500"
CLOCK = "it must be a time of day as HH:MM, such as 08:00"
PLACE = "it must be a time zone of the IANA list, such as Europe/London"
NAME = "it must be a short name of small letters, digits, - and _ that starts with a letter, such as main"
BARS = "it must be a list of bars, each once, such as [NFLX 2022-04-20]; [] for none"
BANS = "it must be a list of internal symbols, each once, such as [TSLA]; [] for none"
SOURCES = "it must be a list of providers of prices, each once, such as [yahoo, stooq]"


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
        ("data.accepted_bars", "NFLX 2022-04-20", "NFLX 2022-04-20", BARS),
        ("data.accepted_bars", "[NFLX 2022-04-20, NFLX 2022-04-20]", "a list", BARS),
        ("data.jump_max", "1", "1", "it must be a number above 1, such as 1.4"),
        ("data.source_order", "[]", "an empty list", SOURCES),
        ("data.source_order", "[yahoo, yahoo]", "a list", SOURCES),
        ("strategy.parameters.lookback_sessions", "true", "true", "it must be a number or a text"),
    ],
)
def test_a_wrong_value_is_told_with_file_line_key_and_remedy(key, written, found, right):
    """The message names where it stands, what was found and what would be right."""
    last = key.split(".")[-1]
    text, count = re.subn(rf"(?m)^( *{last}:).*$", rf"\1 {written}", POLICY)
    assert count == 1

    assert problems(text) == (f"p.yml:{line_of(f'{last}: ', text)}: {key} was {found}; {right}",)


@pytest.mark.parametrize(
    ("section", "right"),
    [
        (
            "sizing",
            "it must be a section with the keys method, weights, volatility_sessions, regime_exposure, quantity_step,"
            " fractions, tiny_delta, buys_from, fx_buffer_bps",
        ),
        ("  parameters", "it must be a section of parameter names with their values"),
    ],
)
def test_a_value_where_a_section_belongs_is_told(section, right):
    """The keys that belong there are named."""
    text = re.sub(rf"(?m)^{section}:\n(?:{' ' * section.count(' ')}  .*\n)+", f"{section}: 5\n", POLICY)

    (told,) = problems(text)

    assert told.startswith(f"p.yml:{line_of(f'{section}: 5', text)}: ")
    assert told.endswith(f"{section.strip()} was 5; {right}")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("no_buy: []", "no_buy: [A, tsla]", "limits.no_buy[2] was tsla; it must be an internal symbol of the universe"),
        (
            "[yahoo, stooq]",
            "[yahu]",
            f"data.source_order[1] was yahu; it must be {' or '.join(get_args(PriceSource))}",
        ),
        (
            "accepted_bars: []",
            "accepted_bars: [NFLX 2022-04-31]",
            "data.accepted_bars[1] was NFLX 2022-04-31; it must be an internal symbol and a session, such as NFLX 2022-04-20",
        ),
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
        " required_every_days, units_tolerance, cash_tolerance, cash_tolerance_bps, price_tolerance_bps"
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
        ("a: 1\nb: \ud800\n", "p.yml:2: character U+D800 was found; settings are plain text"),
        ('a: 1\nb: "\\uD800"\n', "p.yml:2: an escape in quotes names no character; write the character itself"),
        ('a: "\\U00110000"\n', "p.yml:1: an escape in quotes names no character; write the character itself"),
        ('a: "\\UFFFFFFFF"\n', "p.yml:1: an escape in quotes names no character; write the character itself"),
        ("[" * 1000, "p.yml:1: sections are nested 9 deep; at most 8 are read"),
        ("? [a]\n: 1\n", "p.yml:1: a list was found as a key; a key must be a name"),
    ],
)
def test_a_file_that_holds_no_settings_is_refused_in_words(text, message):
    """Whatever stands in a file, the answer is a sentence with its line, never a traceback of a library."""
    assert any(told.startswith(message) for told in problems(text)), problems(text)


def test_a_desk_is_refused_in_the_same_words():
    """Items of a list are counted from one."""
    text = (
        "version: 1\naccounts:\n  - name: a\n    venue: e\n    currency: gbp\n    taxable: yes\n    lots: fifo\n  - 5\n"
    )
    text += "gross_max: 0\nweight_max: 0\n"
    text += "backup_after_run: 1\n"

    assert problems(text, parse_desk) == (
        "p.yml:3: accounts[1].venue_name is missing; it must be the venue's name as people write it, such as eToro",
        "p.yml:4: accounts[1].venue is unknown; did you mean venue_name?",
        "p.yml:5: accounts[1].currency was gbp; it must be three capital letters, such as GBP",
        "p.yml:6: accounts[1].taxable was yes; it must be true or false",
        "p.yml:7: accounts[1].lots was fifo; it must be FIFO or LIFO or HIFO or AVERAGE or SPECIFIC",
        "p.yml:8: accounts[2] was 5; it must be a section with the keys name, venue_name, currency, taxable, lots",
        "p.yml:9: gross_max was 0; it must be a number above 0, such as 0.0001",
        "p.yml:10: weight_max was 0; it must be a number above 0 and at most 1, such as 0.1",
        "p.yml:11: backup_after_run was 1; it must be true or false",
    )


def test_line_ends_and_byte_order_marks_of_other_machines_are_taken():
    """A file saved on Windows says the same."""
    assert parse_policy("\ufeff" + POLICY.replace("\n", "\r\n"), "p.yml") == policy()


@given(st.text(max_size=200) | st.text(alphabet=":-[]{}#&*!|>'\"%@?, \n01aUx\\", max_size=60))
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


def test_the_same_text_is_read_once_and_its_problems_are_told_each_time():
    """A command asks for the same policy for each book; another name of the file is another message."""
    text = changed(("weight_max: 0.10", "weight_max: 10 %"))

    assert parse_policy(POLICY, "p.yml") is parse_policy(POLICY, "p.yml")
    assert parse_desk(DESK, "d.yml") is parse_desk(DESK, "d.yml")
    told = [problems(text), problems(text)]
    assert told[0] == told[1] != ()
    for where in ("p.yml", "q.yml"):
        with pytest.raises(SettingsError, match=f"{where}:"):
            parse_policy(text, where)
