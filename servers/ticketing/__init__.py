"""The server of ticketing: issues tickets of decided runs, sends them, and tells how far they are."""
