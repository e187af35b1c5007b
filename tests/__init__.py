"""The tests, one folder a family; `make test` runs them all."""
