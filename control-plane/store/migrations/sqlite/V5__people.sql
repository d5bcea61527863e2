-- People and their sessions: what ends with whom, and where somebody showed both factors.

-- In which zone a person reads times; and when they showed both factors last, which outlives the session.
ALTER TABLE person ADD COLUMN zone TEXT;
ALTER TABLE person ADD COLUMN signed_in INTEGER;
UPDATE person SET signed_in = (SELECT max(s.confirmed) FROM session AS s
                               WHERE s.tenant = person.tenant AND s.person = person.person AND s.confirmed IS NOT NULL);

-- The network from which both factors were shown last. Where a session was used last says nothing of that: a cookie that was
-- taken away is used elsewhere too. What was known before is not carried over.
DROP INDEX session_confirmed;
ALTER TABLE session ADD COLUMN confirmed_from TEXT;
-- Whether the second of them was a recovery code.
ALTER TABLE session ADD COLUMN recovered INTEGER NOT NULL DEFAULT 0 CHECK (recovered IN (0, 1));
CREATE INDEX session_confirmed_from ON session (tenant, confirmed_from, person, confirmed) WHERE confirmed_from IS NOT NULL;
-- Where somebody was is forgotten some time after the session, and the session with it unless evidence or a secret names it.
CREATE INDEX session_kept ON session (tenant, expires, session) WHERE address <> '' AND state <> 'half';
CREATE INDEX drilldown_session ON drilldown (tenant, session) WHERE session IS NOT NULL;
CREATE INDEX connector_secret_session ON connector_secret (tenant, session) WHERE session IS NOT NULL;

-- Who made a key; nobody for those of the operator, and for those that were made before this was kept.
ALTER TABLE api_key ADD COLUMN created_by TEXT;

-- What ends with a person: links and keys that they made, answers that they wait for, secrets that they have not sealed.
CREATE INDEX person_link_made ON person_link (tenant, created_by) WHERE state = 'open' AND created_by IS NOT NULL;
CREATE INDEX api_key_made ON api_key (tenant, created_by, api_key) WHERE revoked IS NULL AND created_by IS NOT NULL;
CREATE INDEX drilldown_person ON drilldown (tenant, person, request) WHERE is_over = 0;
CREATE INDEX connector_secret_unsealed ON connector_secret (tenant, person, request) WHERE state = 'to_seal';
