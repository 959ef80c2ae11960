-- Passkeys: what an authenticator registered, by the credential's id; the document is the credential as the WebAuthn library keeps it.
CREATE TABLE passkey (
    credential BLOB PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) STRICT;
CREATE INDEX passkey_by_account ON passkey (account);
-- Codes for whoever has lost the passkey, by their hashes; each works once.
CREATE TABLE recovery_code (
    hash BLOB PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX recovery_code_by_account ON recovery_code (account);
-- Until when a device that came without a passkey, where the account has one, does not request help in the account's name; 0 is not at all.
ALTER TABLE session ADD COLUMN held_until INTEGER NOT NULL DEFAULT 0;
