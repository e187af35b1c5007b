"""Statements: brokers' own files, read row by row into what `core/domain/statement.py` names; one file a broker."""
