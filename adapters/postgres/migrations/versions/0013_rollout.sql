-- What a person says of a rollout: what is frozen, when it may change, what only a person can check, what was put back.

CREATE TABLE change_window (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT DEFAULT current_setting('twokey.event_seq', true)::bigint NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    book TEXT NOT NULL,
    said_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_change_window_event_seq ON change_window (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON change_window EXECUTE FUNCTION lock_chain();
CREATE TRIGGER record_rows AFTER INSERT ON change_window REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON change_window EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON change_window EXECUTE FUNCTION refuse_change();

CREATE TABLE frozen_hash (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT DEFAULT current_setting('twokey.event_seq', true)::bigint NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    book TEXT NOT NULL,
    rollout_step BIGINT,
    change_window BIGINT,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (id),
    CHECK (num_nonnulls(rollout_step, change_window) = 1),
    FOREIGN KEY(rollout_step) REFERENCES rollout_step (id),
    FOREIGN KEY(change_window) REFERENCES change_window (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_frozen_hash_event_seq ON frozen_hash (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON frozen_hash EXECUTE FUNCTION lock_chain();
CREATE TRIGGER record_rows AFTER INSERT ON frozen_hash REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON frozen_hash EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON frozen_hash EXECUTE FUNCTION refuse_change();

CREATE TABLE attestation (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT DEFAULT current_setting('twokey.event_seq', true)::bigint NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    book TEXT NOT NULL,
    item TEXT NOT NULL,
    holds BOOLEAN NOT NULL,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    said_by TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_attestation_event_seq ON attestation (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON attestation EXECUTE FUNCTION lock_chain();
CREATE TRIGGER record_rows AFTER INSERT ON attestation REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON attestation EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON attestation EXECUTE FUNCTION refuse_change();

CREATE TABLE config_restore (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT DEFAULT current_setting('twokey.event_seq', true)::bigint NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    book TEXT NOT NULL,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    replaced TEXT NOT NULL,
    said_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_config_restore_event_seq ON config_restore (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON config_restore EXECUTE FUNCTION lock_chain();
CREATE TRIGGER record_rows AFTER INSERT ON config_restore REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON config_restore EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON config_restore EXECUTE FUNCTION refuse_change();
