"""Room of the ledger: postings, positions, profit and loss."""
