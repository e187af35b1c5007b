-- A person revises a slot: one function opens the next revision's run and keeps who asked and why, in one step.
-- From that step on the older ticket is void: nothing answers it any more.

CREATE TABLE revision (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    voids BIGINT NOT NULL,
    said_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (run_id),
    FOREIGN KEY(run_id) REFERENCES run (run_id),
    UNIQUE (voids),
    FOREIGN KEY(voids) REFERENCES ticket (id),
    FOREIGN KEY(event_seq) REFERENCES event (seq) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_revision_event_seq ON revision (event_seq);

CREATE TRIGGER lock_chain BEFORE INSERT ON revision EXECUTE FUNCTION lock_chain();
CREATE TRIGGER tie_to_event BEFORE INSERT ON revision FOR EACH ROW EXECUTE FUNCTION tie_to_event();
CREATE TRIGGER record_rows AFTER INSERT ON revision REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION record_rows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON revision EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON revision EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION open_run(p_run_id text, p_book text, p_slot text, p_revision integer, p_body text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_body text;
BEGIN
    LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
    SELECT body INTO v_body FROM run WHERE book = p_book AND slot = p_slot AND revision = p_revision;
    IF v_body IS NULL THEN
        IF p_revision <> 1 THEN
            RAISE EXCEPTION 'revision % of slot % is not opened here: a person revises a slot', p_revision, p_slot
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        INSERT INTO run (run_id, book, slot, revision, body) VALUES (p_run_id, p_book, p_slot, p_revision, p_body)
        RETURNING body INTO v_body;
    END IF;
    RETURN v_body;
END $$;

CREATE FUNCTION revise_run(
    p_run_id text, p_book text, p_slot text, p_revision integer, p_body text, p_said_by text, p_reason text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_body text;
    v_old ticket%ROWTYPE;
    v_lines text;
BEGIN
    LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
    SELECT body INTO v_body FROM run WHERE book = p_book AND slot = p_slot AND revision = p_revision;
    IF v_body IS NOT NULL THEN
        RETURN v_body;
    END IF;
    SELECT * INTO v_old FROM ticket WHERE book = p_book AND slot = p_slot AND revision = p_revision - 1;
    IF v_old.id IS NULL THEN
        RAISE EXCEPTION 'slot % has no ticket of revision % to revise', p_slot, p_revision - 1
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT string_agg(l.line::text, ', ' ORDER BY l.line) INTO v_lines FROM ticket_line l
    WHERE l.ticket = v_old.id
      AND (EXISTS (SELECT 1 FROM confirmation_line c WHERE c.ticket_line = l.id)
           OR EXISTS (SELECT 1 FROM venue_report v WHERE v.ticket_line = l.id));
    IF v_lines IS NOT NULL THEN
        RAISE EXCEPTION '% is not revised: line % was answered', v_old.ticket_id, v_lines
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO run (run_id, book, slot, revision, body) VALUES (p_run_id, p_book, p_slot, p_revision, p_body);
    INSERT INTO revision (run_id, voids, said_by, reason) VALUES (p_run_id, v_old.id, p_said_by, p_reason);
    RETURN p_body;
END $$;

CREATE FUNCTION refuse_void() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_old ticket%ROWTYPE;
BEGIN
    SELECT t.* INTO v_old FROM ticket_line l JOIN ticket t ON t.id = l.ticket JOIN revision r ON r.voids = t.id
    WHERE l.id = NEW.ticket_line;
    IF v_old.id IS NOT NULL THEN
        RAISE EXCEPTION '% revision % is void: a person revised it', v_old.ticket_id, v_old.revision
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION revise_run(text, text, text, integer, text, text, text), refuse_void() FROM PUBLIC;

-- Row triggers fire after the statement's lock on the chain, so that answering and voiding cannot pass each other.
CREATE TRIGGER refuse_void BEFORE INSERT ON confirmation_line FOR EACH ROW EXECUTE FUNCTION refuse_void();
CREATE TRIGGER refuse_void BEFORE INSERT ON venue_report FOR EACH ROW EXECUTE FUNCTION refuse_void();
