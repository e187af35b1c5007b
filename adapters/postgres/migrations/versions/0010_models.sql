-- Models are kept whole, so that a run can be replayed from the database alone.

CREATE TABLE model (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT DEFAULT current_setting('twokey.event_seq', true)::bigint NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    book TEXT NOT NULL,
    as_of DATE NOT NULL,
    hash TEXT NOT NULL,
    card TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (book, as_of, hash),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_model_event_seq ON model (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON model EXECUTE FUNCTION lock_chain();
CREATE TRIGGER record_rows AFTER INSERT ON model REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON model EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON model EXECUTE FUNCTION refuse_change();

CREATE TABLE model_pin (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT DEFAULT current_setting('twokey.event_seq', true)::bigint NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    book TEXT NOT NULL,
    hash TEXT,
    said_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_model_pin_event_seq ON model_pin (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON model_pin EXECUTE FUNCTION lock_chain();
CREATE TRIGGER record_rows AFTER INSERT ON model_pin REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON model_pin EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON model_pin EXECUTE FUNCTION refuse_change();
