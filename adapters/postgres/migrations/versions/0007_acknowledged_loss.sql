-- A person restored an older copy of the database and said so: up to where it goes, what is lost, who says why.

CREATE TABLE acknowledged_loss (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    backup TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    last_hash TEXT NOT NULL,
    lost_to BIGINT NOT NULL,
    said_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (id),
    CHECK (lost_to > last_seq),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_acknowledged_loss_event_seq ON acknowledged_loss (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON acknowledged_loss EXECUTE FUNCTION lock_chain();
CREATE TRIGGER tie_to_event BEFORE INSERT ON acknowledged_loss FOR EACH ROW EXECUTE FUNCTION tie_to_event();
CREATE TRIGGER record_rows AFTER INSERT ON acknowledged_loss REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON acknowledged_loss EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON acknowledged_loss EXECUTE FUNCTION refuse_change();
