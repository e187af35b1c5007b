-- A person resumes after the kill switch: from which session the book's peak counts, resting on the resume that says who and why.

CREATE TABLE peak_restart (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resume BIGINT NOT NULL,
    book TEXT NOT NULL,
    session DATE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (resume, book),
    FOREIGN KEY(resume) REFERENCES resume (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_peak_restart_event_seq ON peak_restart (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON peak_restart EXECUTE FUNCTION lock_chain();
CREATE TRIGGER tie_to_event BEFORE INSERT ON peak_restart FOR EACH ROW EXECUTE FUNCTION tie_to_event();
CREATE TRIGGER record_rows AFTER INSERT ON peak_restart REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON peak_restart EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON peak_restart EXECUTE FUNCTION refuse_change();
