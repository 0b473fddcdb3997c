-- The central registry. Created by whichever tenant starts first; every statement is idempotent.

CREATE TABLE IF NOT EXISTS seeds (
    population integer NOT NULL
);

CREATE TABLE IF NOT EXISTS people (
    document text PRIMARY KEY,
    surname text NOT NULL,
    given text NOT NULL,
    nationality text NOT NULL,
    birth date NOT NULL,
    sex text NOT NULL,
    needs text  -- 'visa' or 'stay-permit' for foreigners, NULL for citizens
);

CREATE TABLE IF NOT EXISTS credentials (
    service text NOT NULL,  -- 'passport', 'visa' or 'stay-permit'
    document text NOT NULL,
    number text NOT NULL,
    until date NOT NULL,
    cancelled boolean NOT NULL,
    PRIMARY KEY (service, document)
);

CREATE TABLE IF NOT EXISTS watchlist (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document text NOT NULL UNIQUE,
    reason text NOT NULL
);

-- The ledger: one row per crossing. The receipt is the number of the row.
CREATE TABLE IF NOT EXISTS crossings (
    receipt bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    document text NOT NULL,
    nationality text NOT NULL,
    airport text NOT NULL,
    flight text NOT NULL,
    direction text NOT NULL,
    channel text NOT NULL,
    recorded_at double precision NOT NULL,
    officer text,
    snapshot_version bigint,
    late_hit boolean NOT NULL
);

CREATE TABLE IF NOT EXISTS applications (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text NOT NULL,
    id text NOT NULL,
    document text NOT NULL,
    same_day boolean NOT NULL,
    UNIQUE (service, id)
);

CREATE TABLE IF NOT EXISTS admissions (
    tenant text PRIMARY KEY,
    share double precision NOT NULL,
    reason text NOT NULL,
    at double precision NOT NULL
);
