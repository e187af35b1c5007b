-- Every backtest that was run is counted: who tries often finds something by luck.

CREATE TABLE trial (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT DEFAULT current_setting('twokey.event_seq', true)::bigint NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    asked TEXT NOT NULL,
    strategy TEXT NOT NULL,
    first DATE NOT NULL,
    last DATE NOT NULL,
    sessions BIGINT NOT NULL,
    sharpe NUMERIC NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (asked, sharpe),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_trial_event_seq ON trial (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON trial EXECUTE FUNCTION lock_chain();
CREATE TRIGGER record_rows AFTER INSERT ON trial REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON trial EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON trial EXECUTE FUNCTION refuse_change();
