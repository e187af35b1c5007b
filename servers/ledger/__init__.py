"""The server of the ledger: posts what was confirmed or reported, and tells what the books say."""
