"""PostgreSQL: the embedded server, the tables, who may write them."""
