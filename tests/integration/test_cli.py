"""The command line: what it prints, its exit codes, and errors that say what would be right."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from adapters.versions import code_hash
from cli.arguments import COMMANDS
from cli.command import Command
from cli.commands import trading
from cli.main import EXIT_USAGE, build_parser, main
from core.ticketing import draft
from tests.integration.workspaces import DAY, Workspaces, twokey

HEAVY = ("pandas", "numpy", "pyarrow", "sqlmodel", "sqlalchemy", "psycopg", "mcp", "lightgbm", "yfinance", "pydantic")


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a copy of the prepared workspace in which one slot was decided."""
    made = workspaces.copy("cli")
    assert twokey(made, "run", "--on", DAY.isoformat()).code == 0
    return made


def words(commands: tuple[Command, ...], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the words of every command and subcommand."""
    for command in commands:
        own = (*before, command.name)
        yield own
        yield from words(command.children, own)


def test_help_imports_nothing_heavy():
    """`twokey --help` answers at once because nothing that works is loaded."""
    program = (
        "import sys; from cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"
    assert "Two keys turn before money moves" in done.stdout


@pytest.mark.parametrize("command", sorted(words(COMMANDS)), ids=" ".join)
def test_every_command_has_help(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    """Each command says what it is for and what it takes."""
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*command, "--help"])

    assert ended.value.code == 0
    assert "usage: twokey" in capsys.readouterr().out


@pytest.mark.parametrize("command", sorted(words(COMMANDS)), ids=" ".join)
def test_every_handler_is_there(command: tuple[str, ...]):
    """A command that stands in the table is done somewhere."""
    import importlib

    found, table = None, COMMANDS
    for word in command:
        found = next(entry for entry in table if entry.name == word)
        table = found.children

    assert found is not None
    assert found.children or callable(getattr(importlib.import_module(found.module), found.handler))


def test_run_prints_one_json_object_with_what_programs_need(root: Path):
    """Scripts get ids, kind, hash, path and findings, and nothing else on stdout."""
    facts = twokey(root, "run", "--on", DAY.isoformat()).facts

    assert {"run_id", "ticket_id", "kind", "as_of", "hash", "ticket_path", "findings"} <= facts.keys()
    assert facts["run_id"] == f"RUN-{DAY:%Y%m%d}-r1"
    assert (
        json.loads(Path(facts["ticket_path"]).with_suffix(".json").read_text(encoding="utf-8"))["hash"] == facts["hash"]
    )


def test_running_a_slot_again_gives_the_same_bytes(root: Path):
    """The live ticket comes back as it was, also when its files were deleted."""
    paths = [
        Path(twokey(root, "run", "--on", DAY.isoformat()).facts["ticket_path"]).with_suffix(end)
        for end in (".md", ".json")
    ]
    before = [path.read_bytes() for path in paths]
    for path in paths:
        path.unlink()

    twokey(root, "run", "--on", DAY.isoformat())

    assert [path.read_bytes() for path in paths] == before


def test_a_replay_finds_every_hash_equal(root: Path):
    """Every stage is computed again from what was stored."""
    facts = twokey(root, "replay", f"RUN-{DAY:%Y%m%d}-r1").facts

    assert facts["equal"]
    assert facts["code"] == code_hash()
    assert {"scores", "proposal", "decision", "ticket", "approval", "signature"} <= {
        one["stage"] for one in facts["stages"]
    }


@pytest.mark.parametrize(
    ("now", "says"), [("0" * 64, ["It was made by other code ({made}, this is 0000000000000000): "]), (None, [])]
)
def test_a_replay_that_differs_says_whether_other_code_made_it(root: Path, monkeypatch, now, says):
    """Other words on a ticket are no changed fact; where the same code gives them, nothing excuses the difference."""
    monkeypatch.setattr(draft, "fail_words", lambda *_, **__: "Do something else.")
    if now is not None:
        monkeypatch.setattr(trading, "code_hash", lambda: now)

    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = main(["replay", "-w", str(root), f"RUN-{DAY:%Y%m%d}-r1"])

    told = [line for line in out.getvalue().splitlines() if line.startswith("It was made by")]
    assert (code, "DIFFERS" in out.getvalue()) == (1, True)
    assert [line.partition(": ")[0] + ": " for line in told] == [one.format(made=code_hash()[:16]) for one in says]


def test_a_folder_that_is_no_workspace_names_the_command_that_makes_one(tmp_path: Path):
    """A missing workspace is an error with its cure."""
    done = twokey(tmp_path / "none", "run")

    assert (done.code, done.out) == (1, "")
    assert "is no workspace; `twokey init" in done.err
    assert "makes one; another is named with -w FOLDER or in TWOKEY_WORKSPACE" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("run", "--on", "2024-02-10"), 2, "2024-02-10 is a Saturday"),
        (("run", "--on", "2124-02-10"), 2, "has not come"),
        (("run", "--on", "2024-02-05"), 2, "slots go forward"),
        (("run", "--book", "nope"), 1, "config/books/nope.yml is missing"),
        (("ingest", "--archive", "/nope"), 1, "there is no such file or folder"),
        (("ingest",), 2, "nothing to ingest was named"),
        (("ticket", "show", "TICKET-1"), 2, "there is no ticket TICKET-1"),
        (("replay", "RUN-1"), 2, f"there is no run RUN-1; the newest are RUN-{DAY:%Y%m%d}-r1\n"),
        (("halt", "--book", "mian", "a word"), 2, "there is no book mian; there are main, and * for all"),
        (("resume", "--by", "me"), 2, "run it at a terminal"),
        (("cash", "deposit", "0", "--key", "K", "--by", "me"), 2, "it must be positive"),
        (("universe", "verify", "NOPE", "--by", "me"), 2, "is not in config/universe.csv"),
        (("simulate", "--from", "2024-03-01", "--to", "2024-02-01"), 2, "is after"),
        (
            (
                "confirm",
                f"TICKET-{DAY:%Y%m%d}",
                "--hash",
                "00000000",
                "--by",
                "me",
                "--line",
                "1 filled price=1e3 fee=0",
            ),
            2,
            "plain digits",
        ),
    ],
)
def test_bad_input_says_what_was_wrong(root: Path, arguments: tuple[str, ...], code: int, says: str):
    """Each refusal has its exit code and its reason, and prints nothing on stdout."""
    done = twokey(root, *arguments)

    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("text", ["1e3", "nan", "12.345", "\uff11\uff12", "", "12,5"])
def test_an_amount_that_is_not_plain_is_refused(text: str, capsys: pytest.CaptureFixture[str]):
    """Money is typed in plain digits with at most two decimals."""
    with pytest.raises(SystemExit) as ended:
        main(["cash", "deposit", text, "--key", "K", "--by", "me"])

    assert ended.value.code == EXIT_USAGE
    assert "is no amount" in capsys.readouterr().err


def test_a_misspelt_key_names_file_line_and_the_right_one(workspaces: Workspaces):
    """A policy that cannot be read stops everything before anything is written."""
    made = workspaces.copy("misspelt", ("  weight_max: 0.10", "  weight_maxx: 0.10"))

    done = twokey(made, "run", "--on", DAY.isoformat())

    assert done.code == 1
    assert "config/policy.yml:" in done.err
    assert "did you mean weight_max" in done.err
    assert not list((made / "tickets").iterdir())


def test_a_banned_name_that_the_universe_does_not_list_is_refused(workspaces: Workspaces):
    """A misspelt ban would ban nothing."""
    made = workspaces.copy("banned", ("  no_buy: []", "  no_buy: [TSLAA]"))

    done = twokey(made, "run", "--on", DAY.isoformat())

    assert done.code == 1
    assert "names TSLAA, which the universe does not list" in done.err


def test_doctor_passes_a_good_workspace_and_finds_an_open_secret(workspaces: Workspaces):
    """What a workspace needs is checked, one line a check."""
    made = workspaces.copy("doctor")
    well = twokey(made, "doctor")

    (made / "secrets" / "db" / "quant").chmod(0o644)
    ill = twokey(made, "doctor")

    assert (well.code, well.facts["ok"]) == (0, True)
    assert ill.code == 1
    assert [one["check"] for one in ill.facts["checks"] if one["state"] == "wrong"] == ["secrets"]


def test_doctor_reads_what_is_fetched(workspaces: Workspaces):
    """A mistake in sources.yml is named with its line, and so is a source whose bars nobody would use."""
    made = workspaces.copy("doctor-sources")
    path = made / "config/sources.yml"
    shipped = path.read_text(encoding="utf-8")

    def sources(old: str, new: str) -> tuple[str, str]:
        path.write_text(shipped.replace(old, new), encoding="utf-8")
        (one,) = [one for one in twokey(made, "doctor").facts["checks"] if one["check"] == "sources"]
        return one["state"], one["says"]

    assert sources("fetch: []", "fetch: []") == ("ok", "fetches nothing by itself")
    assert sources("fetch: []", "fetch: [ecb]") == ("ok", "fetches ecb")
    state, says = sources("tries: 4", "tries: 40")
    assert state == "wrong"
    assert "config/sources.yml:" in says
    assert "stooq.tries was 40; it must be a whole number from 1 to 10" in says
    words = "config/sources.yml fetches stooq, whose bars nobody would use: source_order of the policy names synthetic"
    assert sources("fetch: []", "fetch: [ecb, stooq]") == ("wrong", words)


def test_the_version_is_the_packages(capsys):
    """Asked for by itself, it is printed and nothing is done."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert (ended.value.code, capsys.readouterr().out) == (0, f"twokey {version('twokey')}\n")
