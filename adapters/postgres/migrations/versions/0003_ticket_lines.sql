-- A ticket holds what was approved for its run: each line field for field, none more and none less. Triggers and no keys:
-- a ticket's line has words of its own for what was approved. What they read is never changed, so once checked it holds.

CREATE FUNCTION rest_on_approval() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_ticket ticket%ROWTYPE;
    v_approved approval_line%ROWTYPE;
    v_run text;
    v_wrong text;
BEGIN
    SELECT * INTO v_ticket FROM ticket WHERE id = NEW.ticket;
    SELECT * INTO v_approved FROM approval_line WHERE id = NEW.approval_line;
    SELECT run_id INTO v_run FROM approval WHERE id = v_approved.approval_id;
    IF v_run IS DISTINCT FROM v_ticket.run_id OR v_approved.line IS DISTINCT FROM NEW.line THEN
        RAISE EXCEPTION 'line % of the ticket of % rests on line % approved for %: it must be its own line of its own run',
            NEW.line, v_ticket.run_id, v_approved.line, v_run USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT string_agg(format('%s is %s, approved was %s', said, NEW.body::jsonb -> said,
        v_approved.body::jsonb -> approved), '; ' ORDER BY said)
    INTO v_wrong
    FROM (VALUES ('instrument', 'instrument'), ('side', 'side'), ('effect', 'effect'), ('quantity', 'quantity'),
        ('notional', 'value'), ('notional_quote', 'value_quote'), ('order_type', 'order_type'),
        ('limit_price', 'limit_price'), ('stop_price', 'stop_price'), ('price', 'decision_price'),
        ('worst_price', 'worst_price'), ('cost', 'expected_cost')) AS field (approved, said)
    WHERE v_approved.body::jsonb -> approved IS NULL
        OR v_approved.body::jsonb -> approved IS DISTINCT FROM NEW.body::jsonb -> said;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'line % of the ticket of % is not as it was approved: %', NEW.line, v_ticket.run_id, v_wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.body::jsonb IS DISTINCT FROM v_ticket.body::jsonb -> 'lines' -> (NEW.line - 1) THEN
        RAISE EXCEPTION 'line % of the ticket of % is not the one that its body shows', NEW.line, v_ticket.run_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION show_what_was_approved() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_approved bigint;
    v_lines bigint;
    v_shown bigint := jsonb_array_length(NEW.body::jsonb -> 'lines');
BEGIN
    IF NEW.hash IS DISTINCT FROM encode(sha256(convert_to(NEW.body, 'UTF8')), 'hex') THEN
        RAISE EXCEPTION '% does not have the hash of its body', NEW.ticket_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT NEW.body::jsonb @> jsonb_build_object('ticket_id', NEW.ticket_id, 'book', NEW.book, 'slot', NEW.slot,
            'revision', NEW.revision, 'kind', NEW.kind, 'venue', NEW.venue, 'is_rehearsal', NEW.is_rehearsal)
        OR NOT EXISTS (SELECT 1 FROM run r WHERE r.run_id = NEW.run_id AND r.book = NEW.book AND r.slot = NEW.slot
            AND r.revision = NEW.revision) THEN
        RAISE EXCEPTION 'the row of % says something else than its body or its run %', NEW.ticket_id, NEW.run_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT count(*) INTO v_lines FROM ticket_line WHERE ticket = NEW.id;
    SELECT count(*) INTO v_approved FROM approval_line l JOIN approval a ON a.id = l.approval_id
    WHERE a.run_id = NEW.run_id AND NEW.kind = 'TRADE';
    IF v_lines <> v_approved OR v_shown <> v_approved OR (NEW.kind = 'TRADE') <> (v_approved > 0) THEN
        RAISE EXCEPTION 'the % ticket % shows % lines and holds %; % were approved for it',
            NEW.kind, NEW.ticket_id, v_shown, v_lines, v_approved USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER rest_on_approval BEFORE INSERT ON ticket_line FOR EACH ROW EXECUTE FUNCTION rest_on_approval();
-- At the end of the transaction, when the lines are there too.
CREATE CONSTRAINT TRIGGER show_what_was_approved AFTER INSERT ON ticket DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION show_what_was_approved();
