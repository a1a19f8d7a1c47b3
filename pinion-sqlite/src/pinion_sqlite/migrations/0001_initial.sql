-- The queue: one row per job, for ever until it is deleted. Times are microseconds since 1970, UTC.
CREATE TABLE pinion_jobs (
    seq         INTEGER PRIMARY KEY,          -- order of insertion
    id          TEXT    NOT NULL UNIQUE,
    func_name   TEXT    NOT NULL,
    queue       TEXT    NOT NULL,
    call        TEXT    NOT NULL,             -- args and kwargs, encoded
    priority    INTEGER NOT NULL,
    rank        INTEGER NOT NULL,             -- run_at, or the moment of insertion: the order within a priority
    status      INTEGER NOT NULL,             -- 0 PENDING, 1 RUNNING, 2 SUCCESS, 3 FAILED, 4 CANCELLED
    ready       INTEGER NOT NULL,             -- 0 not claimable, 1 claimable, 2 claimable, but alone
    due         INTEGER,                      -- when it becomes claimable: run_at, or the end of the lease
    attempts    INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    lost        INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    run_at      INTEGER,
    started_at  INTEGER,
    finished_at INTEGER,
    token       TEXT,                         -- of the last claim
    outcome     INTEGER,                      -- how that claim was settled; NULL while it is open
    worker      TEXT,
    error       TEXT,                         -- [type, message, traceback] as JSON
    result      TEXT,
    unique_key  TEXT,
    timeout     REAL,
    headers     TEXT,
    progress    TEXT
) STRICT;

-- Claims read this one, in its order; what is running, delayed or finished isn't in it.
CREATE INDEX pinion_ready ON pinion_jobs (queue, priority DESC, rank, seq, ready) WHERE ready > 0;

-- Delayed jobs and leases, by the moment somebody has to look at them.
CREATE INDEX pinion_due ON pinion_jobs (due, status, queue) WHERE due IS NOT NULL;

-- Almost always empty: jobs that may have killed their worker, to be claimed alone.
CREATE INDEX pinion_suspects ON pinion_jobs (queue) WHERE ready = 2;

-- Finished jobs, to be counted, and to be purged by age.
CREATE INDEX pinion_finished ON pinion_jobs (status, queue, finished_at) WHERE status > 1;
