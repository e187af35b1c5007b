"""Room of tickets: drafting, wording, confirmations."""
