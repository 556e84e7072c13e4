-- Access keys. `sealed` is the secret, encrypted with the master key, which is elsewhere (storage/vault.py); `policy` is JSON
-- in the language of IAM, NULL for full access to the account.
CREATE TABLE access_keys (
    id           TEXT NOT NULL PRIMARY KEY,
    account      TEXT NOT NULL,
    name         TEXT NOT NULL,
    description  TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    enabled      INTEGER NOT NULL,
    policy       TEXT,
    used_ms      INTEGER,
    used_service TEXT,
    used_region  TEXT,
    sealed       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
