"""Alembic's environment: migrations run on the connection that `schema.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

from adapters.postgres import tables

assert tables.FACTS, "importing the tables fills the metadata"

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
