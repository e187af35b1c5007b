-- Entries and postings are the many rows: what they cost is what a COPY of them costs, an index for each thing asked, and the hash.

-- Rows of a statement were recorded when the chain became theirs. A default that reads a setting lets COPY write many rows at
-- once, as one that reads the clock does not.
CREATE OR REPLACE FUNCTION lock_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
    PERFORM set_config('twokey.event_seq', (coalesce((SELECT max(seq) FROM event), 0) + 1)::text, true),
        set_config('twokey.recorded_at', extract(epoch FROM clock_timestamp())::text, true);
    RETURN NULL;
END $$;

-- The same text as before, cut as bytes: a value that ends with a comma or a parenthesis stands in quotes.
CREATE OR REPLACE FUNCTION record_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET work_mem = '64MB' AS $$
DECLARE
    v_rows bigint;
    v_text bytea;
    v_columns text;
    v_first bigint;
    v_last bigint;
    v_seq bigint;
    v_earliest timestamptz;
    v_latest timestamptz;
BEGIN
    SELECT count(*), string_agg(rtrim(convert_to(fresh::text, 'UTF8'), '\x2c29'::bytea), '\x0a'::bytea ORDER BY fresh.id),
        min(fresh.event_seq), max(fresh.event_seq), min(fresh.recorded_at), max(fresh.recorded_at)
    INTO v_rows, v_text, v_first, v_last, v_earliest, v_latest FROM fresh;
    IF v_rows > 0 THEN
        SELECT string_agg(attname, ',' ORDER BY attnum) INTO v_columns FROM pg_attribute
        WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped;
        v_seq := add_event('added', TG_TABLE_NAME, jsonb_build_object('rows', v_rows, 'columns', v_columns,
            'sha256', encode(sha256(v_text), 'hex')));
        -- Defaults can be overruled, by whoever sets what they read and by the owner; what they gave cannot.
        IF v_first <> v_seq OR v_last <> v_seq THEN
            RAISE EXCEPTION 'rows of % name the events % to %; they are of event %',
                TG_TABLE_NAME, v_first, v_last, v_seq USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        -- Whoever sets what the default reads has the choice of the instants of this statement, and no other.
        IF v_earliest < statement_timestamp() OR v_latest > clock_timestamp() THEN
            RAISE EXCEPTION 'rows of % say that they were recorded from % to %, and their statement ran from % to %',
                TG_TABLE_NAME, v_earliest, v_latest, statement_timestamp(), clock_timestamp()
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- A scalar subquery is looked up by the primary key once a row; an anti join was at times planned as a loop over all entries.
CREATE OR REPLACE FUNCTION rest_on_entries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_entry bigint;
BEGIN
    SELECT f.entry INTO v_entry FROM (SELECT DISTINCT entry FROM fresh) f
    WHERE (SELECT e.id FROM entry e WHERE e.id = f.entry) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a posting is of entry %, which is not there', v_entry USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

-- What five foreign keys held, each once a row: nobody can delete what an entry rests on.
CREATE FUNCTION rest_on_evidence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_evidence text;
BEGIN
    SELECT f.name || ' ' || f.id INTO v_evidence FROM (
        SELECT DISTINCT 'confirmation_line' AS name, confirmation_line AS id FROM fresh WHERE confirmation_line IS NOT NULL
        UNION ALL SELECT DISTINCT 'venue_report', venue_report FROM fresh WHERE venue_report IS NOT NULL
        UNION ALL SELECT DISTINCT 'cash_movement', cash_movement FROM fresh WHERE cash_movement IS NOT NULL
        UNION ALL SELECT DISTINCT 'clean_snapshot', clean_snapshot FROM fresh WHERE clean_snapshot IS NOT NULL
        UNION ALL SELECT DISTINCT 'booked_fact', booked_fact FROM fresh WHERE booked_fact IS NOT NULL
    ) f
    WHERE CASE f.name
        WHEN 'confirmation_line' THEN (SELECT e.id FROM confirmation_line e WHERE e.id = f.id)
        WHEN 'venue_report' THEN (SELECT e.id FROM venue_report e WHERE e.id = f.id)
        WHEN 'cash_movement' THEN (SELECT e.id FROM cash_movement e WHERE e.id = f.id)
        WHEN 'clean_snapshot' THEN (SELECT e.id FROM clean_snapshot e WHERE e.id = f.id)
        ELSE (SELECT e.id FROM booked_fact e WHERE e.id = f.id)
    END IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'an entry rests on %, which is not there', v_evidence USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION rest_on_evidence() FROM PUBLIC;

ALTER TABLE entry
    DROP CONSTRAINT entry_confirmation_line_fkey,
    DROP CONSTRAINT entry_venue_report_fkey,
    DROP CONSTRAINT entry_cash_movement_fkey,
    DROP CONSTRAINT entry_clean_snapshot_fkey,
    DROP CONSTRAINT entry_booked_fact_fkey,
    DROP CONSTRAINT entry_confirmation_line_key,
    DROP CONSTRAINT entry_venue_report_key,
    DROP CONSTRAINT entry_cash_movement_key,
    ALTER recorded_at SET DEFAULT to_timestamp(current_setting('twokey.recorded_at', true)::double precision);
ALTER TABLE posting
    ALTER recorded_at SET DEFAULT to_timestamp(current_setting('twokey.recorded_at', true)::double precision);

-- Evidence is used once, as before; what an entry does not rest on needs no place in an index.
CREATE UNIQUE INDEX entry_confirmation_line_key ON entry (confirmation_line) WHERE confirmation_line IS NOT NULL;
CREATE UNIQUE INDEX entry_venue_report_key ON entry (venue_report) WHERE venue_report IS NOT NULL;
CREATE UNIQUE INDEX entry_cash_movement_key ON entry (cash_movement) WHERE cash_movement IS NOT NULL;

-- Rows of one event lie together, so an index of ranges finds them.
DROP INDEX ix_entry_event_seq, ix_posting_event_seq;
CREATE INDEX ix_entry_event_seq ON entry USING brin (event_seq) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX ix_posting_event_seq ON posting USING brin (event_seq) WITH (pages_per_range = 32, autosummarize = on);

CREATE TRIGGER rest_on_evidence AFTER INSERT ON entry REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION rest_on_evidence();
