-- Alerts are told once: no two of them have one key. Derived from entry, as all of entry_key is.
ALTER TABLE entry_key ADD COLUMN alert TEXT;
CREATE UNIQUE INDEX entry_key_alert ON entry_key (alert) WHERE alert IS NOT NULL;
