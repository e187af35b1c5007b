"""Models in the daily run: trained once a week, asked, replayed, pinned, and why there is none where there is none."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.integration.workspaces import DAY, ONE_DAY, Workspaces, superuser, twokey

KEEPS_SERVERS = True
# A Tuesday: the Friday before it is the last session of a week.
FRIDAY = date(2024, 2, 2)
LEARNING = """
strategy:
  name: ranker
  parameters:
    features: weekly
    objective: regression
    window_weeks: 156
    weeks_min: 12
    embargo_weeks: 1
    retrain_weeks: 1
    validation_share: 0.2
    trees_max: 30
    stop_after_trees: 10
    learning_rate: 0.05
    leaves_max: 8
    depth_max: 3
    leaf_rows_min: 50
    l2: 10
    feature_share: 0.5
    seed: 7
    age_sessions_max: 6
    drift_max: 0.25
    hold_rank_multiple: 2
"""


def learns(root: Path) -> None:
    """Let the book's strategy be the ranker."""
    path = root / "config" / "policy.yml"
    text = path.read_text(encoding="utf-8")
    start, stop = text.index("\nstrategy:\n"), text.index("# --- how much of the capital may be used")
    path.write_text(text[:start] + LEARNING + "\n" + text[stop:], encoding="utf-8")


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace whose book learns, with one slot decided."""
    made = workspaces.copy("learning")
    learns(made)
    assert twokey(made, "run", "--on", str(DAY)).code == 0
    return made


def models(root: Path) -> list[dict[str, object]]:
    """Give the models of the book as they are listed."""
    listed: list[dict[str, object]] = twokey(root, "model", "list").facts["models"]
    return listed


def test_a_run_without_a_model_trains_one_and_says_what_moved_each_score(root):
    """As of its own session, of which nothing later is known; contributions stand in the signals."""
    (model,) = models(root)
    assert model["as_of"] == str(DAY - ONE_DAY)

    with (root / "signals" / f"{DAY}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    ranked = [row for row in rows if row["rank"]]
    assert len(ranked) > 50
    assert all("=" in row["contributions"] for row in ranked[:10])
    values = [float(row["score"]) for row in ranked]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 10


def test_a_run_that_learned_is_replayed_to_the_byte(root):
    """The model is read from where it was kept."""
    done = twokey(root, "replay", run_of(root, DAY))

    assert done.code == 0
    assert {row["stage"]: row["equal"] for row in done.facts["stages"]}["scores"] is True


def run_of(root: Path, day: date) -> str:
    """Name the run of a day's slot."""
    ticket = json.loads((root / "tickets" / f"TICKET-{day:%Y%m%d}.json").read_text(encoding="utf-8"))
    return str(ticket["seal"]["run_id"])


def test_a_model_serves_the_rest_of_its_week_and_the_next_week_has_its_own(root):
    """No second training on Wednesday; one at the first slot after Friday's close."""
    assert twokey(root, "run", "--on", str(DAY + ONE_DAY)).code == 0
    assert len(models(root)) == 1

    monday = DAY + timedelta(days=6)
    assert twokey(root, "run", "--on", str(monday)).code == 0
    assert [model["as_of"] for model in models(root)] == ["2024-02-09", str(DAY - ONE_DAY)]


def test_training_the_same_again_keeps_one(root):
    """The same bars give the same bytes, through the command as through the run."""
    before = models(root)

    done = twokey(root, "train", "--on", str(DAY))

    assert (done.code, done.facts["model"]) == (0, before[-1]["model"])
    assert models(root) == before


def test_a_pinned_model_is_asked_until_it_is_unpinned(root):
    """A person's way back; the gate still says when it is too old."""
    old, new = models(root)[-1]["model"], models(root)[0]["model"]
    wednesday = DAY + timedelta(days=8)
    said = ("--by", "p", "--reason", "the new one is odd")

    assert twokey(root, "model", "pin", str(old)[:12], *said).code == 0
    assert twokey(root, "score", "--on", str(wednesday)).facts["model"] == old
    refused = twokey(root, "score", "--on", str(DAY + timedelta(days=13)))
    assert refused.code == 1
    assert "sessions old" in refused.facts["findings"][-1]["message"]
    assert twokey(root, "model", "unpin", *said).code == 0
    assert twokey(root, "score", "--on", str(wednesday)).facts["model"] == new


def test_a_model_that_somebody_changed_is_asked_nothing(root, workspaces):
    """The slot ends in a ticket that says so, and no trade."""
    with superuser(root) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE model SET body = replace(body, 'tree', 'Tree')")

    done = twokey(root, "score", "--on", str(DAY + timedelta(days=8)))

    assert done.code == 1
    assert "was changed in the database" in done.err


def test_last_weeks_model_serves_where_none_can_be_trained_and_the_ticket_says_so(workspaces):
    """Whatever broke, the slot ends in a ticket, and replay finds the same."""
    made = workspaces.copy("stale")
    learns(made)
    assert twokey(made, "run", "--on", str(DAY)).code == 0
    path = made / "config" / "policy.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("weeks_min: 12", "weeks_min: 100"), encoding="utf-8")
    later = DAY + timedelta(days=7)

    assert twokey(made, "run", "--on", str(later)).code == 0

    ticket = (made / "tickets" / f"TICKET-{later:%Y%m%d}.md").read_text(encoding="utf-8")
    assert "none could be trained: there are" in ticket
    assert f"the model of {DAY - ONE_DAY} is asked" in ticket
    assert twokey(made, "replay", run_of(made, later)).code == 0


def test_too_little_history_is_a_ticket_without_trades_that_says_so(workspaces):
    """What there is and what is asked for, in weeks."""
    made = workspaces.copy("short")
    learns(made)
    path = made / "config" / "policy.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("weeks_min: 12", "weeks_min: 100"), encoding="utf-8")

    done = twokey(made, "run", "--on", str(DAY))

    assert done.code == 3
    (reason,) = done.facts["reasons"]
    assert reason.startswith("model: could not be looked up: none could be trained: there are 19 weeks with features;")
    assert twokey(made, "train", "--on", str(DAY)).code == 2
