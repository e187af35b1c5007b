-- Looked up under the lock of the chain: two who halt at the same moment for the same reason both saw none, and set two.
CREATE OR REPLACE FUNCTION halt_trading(p_scope text, p_reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_id bigint;
BEGIN
    LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
    SELECT h.id INTO v_id FROM halt h
    WHERE h.scope = p_scope AND h.reason = p_reason AND NOT EXISTS (SELECT 1 FROM resume r WHERE r.halt = h.id)
    ORDER BY h.id LIMIT 1;
    IF v_id IS NULL THEN
        INSERT INTO halt (scope, reason, role) VALUES (p_scope, p_reason, session_user) RETURNING id INTO v_id;
    END IF;
    RETURN v_id;
END $$;
