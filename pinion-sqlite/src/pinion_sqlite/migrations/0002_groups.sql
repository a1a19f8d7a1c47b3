-- Unique keys, the past of jobs, control from outside, schedules, and who is alive. It only adds: a program that knows
-- nothing of it goes on, and what such a program does to a row is what the conditions of the indexes go by.
ALTER TABLE pinion_jobs ADD COLUMN keep REAL;             -- seconds that it stays once it is finished
ALTER TABLE pinion_jobs ADD COLUMN unique_while TEXT;     -- NULL: while it is unfinished
ALTER TABLE pinion_jobs ADD COLUMN unique_for REAL;       -- seconds, instead
ALTER TABLE pinion_jobs ADD COLUMN key_until INTEGER;     -- with unique_for: when the key is free, unless it is by now
ALTER TABLE pinion_jobs ADD COLUMN asked TEXT;            -- the token of the claim that was asked to stop

-- Keys that are held. Whoever claims a job puts a token there; whoever inserts it, none.
CREATE UNIQUE INDEX pinion_keys ON pinion_jobs (unique_key)
WHERE unique_key IS NOT NULL
  AND CASE WHEN unique_for IS NOT NULL THEN key_until IS NOT NULL
           WHEN unique_while = 'pending' THEN status = 0 AND token IS NULL
           ELSE status < 2 END;

-- When finished jobs may be purged: not before their keys are free. FAILED ones stay.
CREATE INDEX pinion_kept
ON pinion_jobs (max(finished_at + CAST(min(keep, 9e9) * 1000000 AS INTEGER), coalesce(key_until, 0)))
WHERE keep IS NOT NULL AND status IN (2, 4);

-- Finished jobs, to be counted, listed by any of this in the order of ids, and chosen by age.
DROP INDEX pinion_finished;
CREATE INDEX pinion_finished ON pinion_jobs (status, queue, func_name, id, finished_at) WHERE status > 1;

-- Attempts that are over, but for the one that a job's own row tells: a job that succeeds at once leaves none.
CREATE TABLE pinion_attempts (
    seq        INTEGER PRIMARY KEY,
    job        TEXT    NOT NULL,              -- its id
    number     INTEGER NOT NULL,
    worker     TEXT,
    started_at INTEGER,
    ended_at   INTEGER,
    outcome    INTEGER NOT NULL,              -- as in pinion_jobs, or 7: lost
    error      TEXT
) STRICT;

CREATE INDEX pinion_attempts_of ON pinion_attempts (job);

CREATE TABLE pinion_lines (
    seq     INTEGER PRIMARY KEY,
    job     TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    text    TEXT    NOT NULL
) STRICT;

CREATE INDEX pinion_lines_of ON pinion_lines (job);

CREATE TRIGGER pinion_forget AFTER DELETE ON pinion_jobs
BEGIN
    DELETE FROM pinion_attempts WHERE job = old.id;
    DELETE FROM pinion_lines WHERE job = old.id;
END;

CREATE TABLE pinion_paused (
    queue TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE pinion_schedules (
    name       TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    next       INTEGER,
    last       INTEGER
) STRICT;

CREATE TABLE pinion_workers (
    name        TEXT    PRIMARY KEY,
    host        TEXT    NOT NULL,
    pid         INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    queues      TEXT,                         -- as JSON; NULL: all
    slots       INTEGER NOT NULL,
    running     INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    alive_until INTEGER NOT NULL
) STRICT;
