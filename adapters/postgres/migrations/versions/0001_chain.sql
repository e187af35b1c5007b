-- The chain: every statement that adds facts also adds one event, which holds the SHA-256 of the rows it added.
-- Functions run as their owner with a pinned search path; `session_user` stays the role that logged in.

CREATE FUNCTION add_event(p_kind text, p_subject text, p_body jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    v_last event%ROWTYPE;
    v_seq bigint;
    v_bytes text;
BEGIN
    LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO v_last FROM event ORDER BY seq DESC LIMIT 1;
    v_seq := coalesce(v_last.seq, 0) + 1;
    v_bytes := jsonb_build_object(
        'seq', v_seq,
        'at', to_char(clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'role', session_user,
        'kind', p_kind,
        'subject', p_subject,
        'body', p_body,
        'previous', coalesce(v_last.hash, '')
    )::text;
    INSERT INTO event (seq, bytes, hash)
    VALUES (v_seq, v_bytes, encode(sha256(convert_to(v_bytes, 'UTF8')), 'hex'));
    RETURN v_seq;
END $$;

CREATE FUNCTION lock_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
    RETURN NULL;
END $$;

CREATE FUNCTION tie_to_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    NEW.event_seq := coalesce((SELECT max(seq) FROM event), 0) + 1;
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE FUNCTION record_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    v_rows bigint;
    v_text text;
BEGIN
    SELECT count(*), string_agg(jsonb_strip_nulls(to_jsonb(fresh))::text, E'\n' ORDER BY fresh.id)
    INTO v_rows, v_text FROM fresh;
    IF v_rows > 0 THEN
        PERFORM add_event('added', TG_TABLE_NAME, jsonb_build_object(
            'rows', v_rows, 'sha256', encode(sha256(convert_to(v_text, 'UTF8')), 'hex')));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: rows are added, never changed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION open_run(p_run_id text, p_book text, p_slot text, p_revision integer, p_body text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_body text;
BEGIN
    LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
    SELECT body INTO v_body FROM run WHERE book = p_book AND slot = p_slot AND revision = p_revision;
    IF v_body IS NULL THEN
        INSERT INTO run (run_id, book, slot, revision, body) VALUES (p_run_id, p_book, p_slot, p_revision, p_body)
        RETURNING body INTO v_body;
    END IF;
    RETURN v_body;
END $$;

CREATE FUNCTION halt_trading(p_scope text, p_reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_id bigint;
BEGIN
    LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO halt (scope, reason, role) VALUES (p_scope, p_reason, session_user) RETURNING id INTO v_id;
    RETURN v_id;
END $$;

REVOKE ALL ON FUNCTION add_event(text, text, jsonb), open_run(text, text, text, integer, text),
    halt_trading(text, text) FROM PUBLIC;

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON event EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON event EXECUTE FUNCTION refuse_change();

DO $$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT c.table_name FROM information_schema.columns c
        WHERE c.table_schema = 'public' AND c.column_name = 'event_seq' ORDER BY c.table_name
    LOOP
        EXECUTE format('CREATE TRIGGER lock_chain BEFORE INSERT ON %I EXECUTE FUNCTION lock_chain()', v_table);
        EXECUTE format(
            'CREATE TRIGGER tie_to_event BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION tie_to_event()', v_table);
        EXECUTE format(
            'CREATE TRIGGER record_rows AFTER INSERT ON %I REFERENCING NEW TABLE AS fresh '
            'EXECUTE FUNCTION record_rows()', v_table);
        EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION refuse_change()', v_table);
        EXECUTE format(
            'CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %I EXECUTE FUNCTION refuse_change()', v_table);
    END LOOP;
END $$;
