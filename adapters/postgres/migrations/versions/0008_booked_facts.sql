-- What a person books from a statement or by hand; the file is kept whole, and a fact is reversed once.

CREATE TABLE statement_file (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sha256 TEXT NOT NULL,
    account TEXT NOT NULL,
    broker TEXT NOT NULL,
    form TEXT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    said_by TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (sha256),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_statement_file_event_seq ON statement_file (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON statement_file EXECUTE FUNCTION lock_chain();
CREATE TRIGGER tie_to_event BEFORE INSERT ON statement_file FOR EACH ROW EXECUTE FUNCTION tie_to_event();
CREATE TRIGGER record_rows AFTER INSERT ON statement_file REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON statement_file EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON statement_file EXECUTE FUNCTION refuse_change();

CREATE TABLE booked_fact (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    book TEXT NOT NULL,
    venue TEXT NOT NULL,
    session DATE NOT NULL,
    body TEXT NOT NULL,
    statement TEXT,
    reverses TEXT,
    said_by TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (key),
    UNIQUE (reverses),
    FOREIGN KEY(statement) REFERENCES statement_file (sha256),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_booked_fact_event_seq ON booked_fact (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON booked_fact EXECUTE FUNCTION lock_chain();
CREATE TRIGGER tie_to_event BEFORE INSERT ON booked_fact FOR EACH ROW EXECUTE FUNCTION tie_to_event();
CREATE TRIGGER record_rows AFTER INSERT ON booked_fact REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON booked_fact EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON booked_fact EXECUTE FUNCTION refuse_change();

ALTER TABLE entry ADD COLUMN booked_fact BIGINT REFERENCES booked_fact (id);
ALTER TABLE entry DROP CONSTRAINT entry_rests_on_one_evidence;
ALTER TABLE entry ADD CONSTRAINT entry_rests_on_one_evidence
    CHECK (num_nonnulls(confirmation_line, venue_report, cash_movement, clean_snapshot, booked_fact) = 1);
