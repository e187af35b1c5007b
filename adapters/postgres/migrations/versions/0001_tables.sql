CREATE TABLE event (
    seq BIGINT NOT NULL,
    bytes TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (seq)
);

CREATE TABLE account_snapshot (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    account TEXT NOT NULL,
    book TEXT NOT NULL,
    venue TEXT NOT NULL,
    session DATE NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (account, book, venue, session),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_account_snapshot_event_seq ON account_snapshot (event_seq);

CREATE TABLE cash_movement (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    key TEXT NOT NULL,
    book TEXT NOT NULL,
    venue TEXT NOT NULL,
    session DATE NOT NULL,
    currency TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    said_by TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (key),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_cash_movement_event_seq ON cash_movement (event_seq);

CREATE TABLE clean_snapshot (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (hash),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_clean_snapshot_event_seq ON clean_snapshot (event_seq);

CREATE TABLE config_version (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (kind, hash),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_config_version_event_seq ON config_version (event_seq);

CREATE TABLE halt (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    scope TEXT NOT NULL,
    reason TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_halt_event_seq ON halt (event_seq);

CREATE TABLE job (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    job_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (job_id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_job_event_seq ON job (event_seq);

CREATE TABLE rollout_step (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    book TEXT NOT NULL,
    phase TEXT NOT NULL,
    said_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_rollout_step_event_seq ON rollout_step (event_seq);

CREATE TABLE run (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    book TEXT NOT NULL,
    slot TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (book, slot, revision),
    UNIQUE (run_id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_run_event_seq ON run (event_seq);

CREATE TABLE verification (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    instrument TEXT NOT NULL,
    verified_on DATE NOT NULL,
    said_by TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_verification_event_seq ON verification (event_seq);

CREATE TABLE decision (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (run_id),
    FOREIGN KEY(run_id) REFERENCES run (run_id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_decision_event_seq ON decision (event_seq);

CREATE TABLE job_step (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    job_id TEXT NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (job_id, state),
    FOREIGN KEY(job_id) REFERENCES job (job_id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_job_step_event_seq ON job_step (event_seq);

CREATE TABLE manifest (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (run_id),
    FOREIGN KEY(run_id) REFERENCES run (run_id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_manifest_event_seq ON manifest (event_seq);

CREATE TABLE proposal (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (run_id),
    FOREIGN KEY(run_id) REFERENCES run (run_id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_proposal_event_seq ON proposal (event_seq);

CREATE TABLE reconciliation (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    snapshot BIGINT NOT NULL,
    book TEXT NOT NULL,
    venue TEXT NOT NULL,
    session DATE NOT NULL,
    ledger_head TEXT NOT NULL,
    breaks TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (snapshot, ledger_head),
    FOREIGN KEY(snapshot) REFERENCES account_snapshot (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_reconciliation_event_seq ON reconciliation (event_seq);

CREATE TABLE resume (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    halt BIGINT NOT NULL,
    said_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (halt),
    FOREIGN KEY(halt) REFERENCES halt (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_resume_event_seq ON resume (event_seq);

CREATE TABLE score_set (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (run_id),
    FOREIGN KEY(run_id) REFERENCES run (run_id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_score_set_event_seq ON score_set (event_seq);

CREATE TABLE approval (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    mandate TEXT NOT NULL,
    key_id TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (run_id),
    FOREIGN KEY(run_id) REFERENCES decision (run_id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_approval_event_seq ON approval (event_seq);

CREATE TABLE ticket (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ticket_id TEXT NOT NULL,
    book TEXT NOT NULL,
    slot TEXT NOT NULL,
    revision INTEGER NOT NULL,
    kind TEXT NOT NULL,
    venue TEXT NOT NULL,
    is_rehearsal BOOLEAN NOT NULL,
    run_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    seal TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (book, slot, revision),
    UNIQUE (ticket_id, revision),
    UNIQUE (run_id),
    FOREIGN KEY(run_id) REFERENCES decision (run_id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_ticket_event_seq ON ticket (event_seq);

CREATE TABLE approval_line (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approval_id BIGINT NOT NULL,
    line INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (approval_id, line),
    FOREIGN KEY(approval_id) REFERENCES approval (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_approval_line_event_seq ON approval_line (event_seq);

CREATE TABLE confirmation (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ticket BIGINT NOT NULL,
    said_by TEXT NOT NULL,
    channel TEXT NOT NULL,
    said_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_late BOOLEAN NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(ticket) REFERENCES ticket (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_confirmation_event_seq ON confirmation (event_seq);

CREATE TABLE delivery (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ticket BIGINT NOT NULL,
    channel TEXT NOT NULL,
    outcome TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(ticket) REFERENCES ticket (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_delivery_event_seq ON delivery (event_seq);

CREATE TABLE ticket_step (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ticket BIGINT NOT NULL,
    step TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (ticket, step),
    FOREIGN KEY(ticket) REFERENCES ticket (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_ticket_step_event_seq ON ticket_step (event_seq);

CREATE TABLE ticket_line (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ticket BIGINT NOT NULL,
    line INTEGER NOT NULL,
    approval_line BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (ticket, line),
    FOREIGN KEY(ticket) REFERENCES ticket (id),
    UNIQUE (approval_line),
    FOREIGN KEY(approval_line) REFERENCES approval_line (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_ticket_line_event_seq ON ticket_line (event_seq);

CREATE TABLE confirmation_line (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmation BIGINT NOT NULL,
    ticket_line BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(confirmation) REFERENCES confirmation (id),
    UNIQUE (ticket_line),
    FOREIGN KEY(ticket_line) REFERENCES ticket_line (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_confirmation_line_event_seq ON confirmation_line (event_seq);

CREATE TABLE venue_report (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    key TEXT NOT NULL,
    book TEXT NOT NULL,
    venue TEXT NOT NULL,
    kind TEXT NOT NULL,
    session DATE NOT NULL,
    ticket_line BIGINT,
    body TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (key),
    UNIQUE (ticket_line),
    FOREIGN KEY(ticket_line) REFERENCES ticket_line (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_venue_report_event_seq ON venue_report (event_seq);

CREATE TABLE entry (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    book TEXT NOT NULL,
    venue TEXT NOT NULL,
    session DATE NOT NULL,
    instrument TEXT,
    confirmation_line BIGINT,
    venue_report BIGINT,
    cash_movement BIGINT,
    clean_snapshot BIGINT,
    PRIMARY KEY (id),
    CONSTRAINT entry_rests_on_one_evidence CHECK (num_nonnulls(confirmation_line, venue_report, cash_movement, clean_snapshot) = 1),
    UNIQUE (key),
    UNIQUE (confirmation_line),
    FOREIGN KEY(confirmation_line) REFERENCES confirmation_line (id),
    UNIQUE (venue_report),
    FOREIGN KEY(venue_report) REFERENCES venue_report (id),
    UNIQUE (cash_movement),
    FOREIGN KEY(cash_movement) REFERENCES cash_movement (id),
    FOREIGN KEY(clean_snapshot) REFERENCES clean_snapshot (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_entry_event_seq ON entry (event_seq);

CREATE TABLE posting (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    entry BIGINT NOT NULL,
    line INTEGER NOT NULL,
    account TEXT NOT NULL,
    commodity TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (entry, line),
    FOREIGN KEY(entry) REFERENCES entry (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_posting_event_seq ON posting (event_seq);
