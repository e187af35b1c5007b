-- A hundred thousand fills are some six hundred thousand rows: nothing of ours runs once a row any more.
-- The lock's trigger says which event comes next, defaults write it into the rows, and the event's trigger holds that they did.

CREATE OR REPLACE FUNCTION lock_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
    PERFORM set_config('twokey.event_seq', (coalesce((SELECT max(seq) FROM event), 0) + 1)::text, true);
    RETURN NULL;
END $$;

-- The rows' text: columns in their order as PostgreSQL prints a row, without what is NULL at its end, so that a column that is
-- added later leaves old hashes as they are. The event names the columns, and so tells when they were renamed.
CREATE OR REPLACE FUNCTION record_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET work_mem = '64MB' AS $$
DECLARE
    v_rows bigint;
    v_text text;
    v_columns text;
    v_first bigint;
    v_last bigint;
    v_seq bigint;
    v_earliest timestamptz;
    v_latest timestamptz;
BEGIN
    SELECT count(*), string_agg(rtrim(left(fresh::text, -1), ','), E'\n' ORDER BY fresh.id),
        min(fresh.event_seq), max(fresh.event_seq), min(fresh.recorded_at), max(fresh.recorded_at)
    INTO v_rows, v_text, v_first, v_last, v_earliest, v_latest FROM fresh;
    IF v_rows > 0 THEN
        SELECT string_agg(attname, ',' ORDER BY attnum) INTO v_columns FROM pg_attribute
        WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped;
        v_seq := add_event('added', TG_TABLE_NAME, jsonb_build_object('rows', v_rows, 'columns', v_columns,
            'sha256', encode(sha256(convert_to(v_text, 'UTF8')), 'hex')));
        -- Defaults can be overruled, by whoever sets what they read and by the owner; what they gave cannot.
        IF v_first <> v_seq OR v_last <> v_seq THEN
            RAISE EXCEPTION 'rows of % name the events % to %; they are of event %',
                TG_TABLE_NAME, v_first, v_last, v_seq USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF v_earliest < statement_timestamp() - interval '1 minute' OR v_latest > clock_timestamp() + interval '1 minute' THEN
            RAISE EXCEPTION 'rows of % say that they were recorded from % to %, and it is %',
                TG_TABLE_NAME, v_earliest, v_latest, clock_timestamp() USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- What the foreign key held, of all rows at once. Looked up by the primary key whatever a plan made for other numbers says.
CREATE FUNCTION rest_on_entries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    v_entry bigint;
BEGIN
    SELECT f.entry INTO v_entry FROM (SELECT DISTINCT entry FROM fresh) f
    WHERE NOT EXISTS (SELECT FROM entry e WHERE e.id = f.entry) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a posting is of entry %, which is not there', v_entry USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION rest_on_entries() FROM PUBLIC;

DO $$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT c.table_name FROM information_schema.columns c
        WHERE c.table_schema = 'public' AND c.column_name = 'event_seq' ORDER BY c.table_name
    LOOP
        EXECUTE format('DROP TRIGGER tie_to_event ON %I', v_table);
        EXECUTE format('ALTER TABLE %I ALTER event_seq SET DEFAULT current_setting(''twokey.event_seq'', true)::bigint, '
            'ALTER recorded_at SET DEFAULT clock_timestamp()', v_table);
    END LOOP;
END $$;

DROP FUNCTION tie_to_event();

-- What a key looks up once a row, the statement's triggers hold of entries and postings: the event by `record_rows`.
ALTER TABLE entry DROP CONSTRAINT entry_event_seq_fkey;
ALTER TABLE posting DROP CONSTRAINT posting_event_seq_fkey, DROP CONSTRAINT posting_entry_fkey;
CREATE TRIGGER rest_on_entries AFTER INSERT ON posting REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION rest_on_entries();
