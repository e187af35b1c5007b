"""The files of a day: played through the five servers it leaves those of `twokey run`, byte for byte but for the seals."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cli.main import main
from tests.servers.market import MONDAY
from tests.servers.playing import Five

FOLDERS = ("signals", "trades", "tickets", "runs")


def test_a_day_through_the_servers_leaves_the_files_of_a_run(fresh, capsys):
    """Manifest, signals, proposed and approved trades, ticket: the same names and bytes; only what is sealed differs."""
    served, run = fresh(), fresh()
    with Five(served) as five:
        five.decided()
        rendered = files(served)
        five("ticketing.send_ticket", ticket_id="TICKET-20240610")
        sent = files(served)

    assert main(["run", "-w", str(run), "--on", str(MONDAY), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "TRADE"
    assert set(files(run)) == {
        "signals/2024-06-10.csv",
        "signals/latest.csv",
        "trades/proposed_2024-06-10.json",
        "trades/approved_2024-06-10.json",
        "tickets/TICKET-20240610.md",
        "tickets/TICKET-20240610.json",
        "runs/RUN-20240610-r1/manifest.json",
    }
    assert unsealed(sent) == unsealed(files(run))
    # The page comes by a channel, which may refuse it; everything else is there once the ticket is.
    assert {name: text for name, text in sent.items() if not name.startswith("tickets/")} == rendered


def test_rendering_again_and_then_running_change_no_file(fresh, capsys):
    """The operator's door finds the served run's ticket and manifest, and writes the same bytes."""
    root = fresh()
    with Five(root) as five:
        five.decided()
        five("ticketing.send_ticket", ticket_id="TICKET-20240610")
        before = files(root)
        five.decided()

    assert main(["run", "-w", str(root), "--on", str(MONDAY), "--json"]) == 0
    assert files(root) == before


def files(root: Path) -> dict[str, str]:
    """Give every published file."""
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.*"))
    }


def unsealed(found: dict[str, str]) -> dict[str, str]:
    """Take out what names the moment: the seal, the footer of a page, and a manifest's hashes of files that hold one."""
    seal = re.compile(r'"seal":\{[^{}]*\}')
    sealed_hash = re.compile(r'"(?:tickets/[^"]*|trades/approved_[^"]*)":"[0-9a-f]{64}"')
    pages = {name: text.partition("\n---\n")[0] if name.endswith(".md") else text for name, text in found.items()}
    return {name: sealed_hash.sub("", seal.sub("", text)) for name, text in pages.items()}
