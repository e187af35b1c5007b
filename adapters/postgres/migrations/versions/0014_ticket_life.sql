-- Steps are legal whoever adds them: the order of core/ticketing/lifecycle.py, and what a step says must be so. A ticket of
-- before has no step `drafted`; it goes on from where it stands.

CREATE FUNCTION take_legal_steps() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_last text;
    v_may text[];
    v_lines bigint;
    v_answered bigint;
BEGIN
    -- A step that was taken meets the unique key, as before.
    IF EXISTS (SELECT 1 FROM ticket_step WHERE ticket = NEW.ticket AND step = NEW.step) THEN
        RETURN NEW;
    END IF;
    SELECT step INTO v_last FROM ticket_step WHERE ticket = NEW.ticket ORDER BY id DESC LIMIT 1;
    v_may := CASE v_last
        WHEN 'drafted' THEN ARRAY['issued']
        WHEN 'issued' THEN ARRAY['sent', 'partly confirmed', 'confirmed', 'expired', 'void']
        WHEN 'sent' THEN ARRAY['partly confirmed', 'confirmed', 'expired', 'void']
        WHEN 'partly confirmed' THEN ARRAY['confirmed', 'expired']
        WHEN 'expired' THEN ARRAY['partly confirmed', 'confirmed', 'void']
        WHEN 'confirmed' THEN ARRAY[]::text[]
        WHEN 'void' THEN ARRAY[]::text[]
        ELSE ARRAY['drafted'] END;
    IF NOT NEW.step = ANY (v_may) THEN
        RAISE EXCEPTION 'a ticket that is % cannot become %; it can become %', coalesce(v_last, 'not there yet'), NEW.step,
            coalesce(nullif(array_to_string(v_may, ', '), ''), 'nothing more')
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT 1 FROM confirmation_line c WHERE c.ticket_line = l.id)
        OR EXISTS (SELECT 1 FROM venue_report v WHERE v.ticket_line = l.id))
    INTO v_lines, v_answered FROM ticket_line l WHERE l.ticket = NEW.ticket;
    IF (NEW.step = 'confirmed' AND (v_lines = 0 OR v_answered < v_lines))
        OR (NEW.step = 'partly confirmed' AND v_answered = 0)
        OR (NEW.step = 'expired' AND v_lines = 0)
        OR (NEW.step = 'sent' AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.ticket = NEW.ticket
            AND d.outcome LIKE 'delivered%'))
        OR (NEW.step = 'void' AND (v_answered > 0
            OR NOT EXISTS (SELECT 1 FROM revision r WHERE r.voids = NEW.ticket))) THEN
        RAISE EXCEPTION 'a ticket cannot become %: % of its % lines are answered, and a step says what is so', NEW.step,
            v_answered, v_lines USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION take_legal_steps() FROM PUBLIC;
CREATE TRIGGER take_legal_steps BEFORE INSERT ON ticket_step FOR EACH ROW EXECUTE FUNCTION take_legal_steps();
