"""Audit heads that cannot be read: the morning ends in a ticket that says so, and in no crash."""

from __future__ import annotations

from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, twokey


def test_a_file_of_heads_that_is_no_text_makes_no_trade_and_a_ticket_that_names_it(workspaces: Workspaces):
    """The file that a run is checked against is broken: nothing is settled or traded on it, until its text is back."""
    root = workspaces.copy("unread-heads", *BUSY)
    assert twokey(root, "run", "--on", str(DAY)).code == 0
    heads = root / "logs" / "audit_heads.jsonl"
    heads.write_bytes(b"\xff" + heads.read_bytes())

    ran = twokey(root, "run", "--on", str(DAY + ONE_DAY), "--json")

    assert (ran.code, ran.facts["kind"]) == (3, "NO-TRADE"), ran.err
    ticket = twokey(root, "ticket", "show", ran.facts["ticket_id"], "--json").facts["ticket"]
    assert ticket["kind"] == "NO-TRADE"
    (told,) = (reason for reason in ticket["reasons"] if reason.startswith("audit: "))
    assert told.startswith(f"audit: could not be looked up: {heads} cannot be read as lines of audit heads")

    verified = twokey(root, "audit", "verify")
    assert verified.code != 0
    assert "cannot be read as lines of audit heads" in verified.err
    heads.write_bytes(heads.read_bytes().removeprefix(b"\xff"))
    assert twokey(root, "audit", "verify").code == 0
