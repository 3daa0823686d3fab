-- Never changed once it was released: the database remembers its checksum. What comes later is a file of its own.

CREATE TABLE matches (
    id INTEGER PRIMARY KEY,
    room INTEGER NOT NULL,
    game TEXT NOT NULL,
    -- In decimal: a seed is any 64 bits, and an integer here has a sign.
    seed TEXT NOT NULL,
    tick INTEGER NOT NULL,
    -- A file name below the journals' folder.
    journal TEXT,
    duration_ms INTEGER NOT NULL,
    -- Since 1970.
    ended_at_ms INTEGER NOT NULL
) STRICT;

-- A result that is handed in twice is kept once. In a unique index no NULL equals another, hence the second one.
CREATE UNIQUE INDEX matches_of_a_journal ON matches (journal, tick) WHERE journal IS NOT NULL;
CREATE UNIQUE INDEX matches_without_journal ON matches (seed, room, tick, ended_at_ms) WHERE journal IS NULL;

CREATE TABLE players (
    match_id INTEGER NOT NULL REFERENCES matches (id) ON DELETE CASCADE,
    seat INTEGER NOT NULL,
    -- The player's number; NULL for a bot, and for whoever had left.
    player INTEGER,
    name TEXT NOT NULL,
    bot INTEGER NOT NULL,
    score INTEGER NOT NULL,
    won INTEGER NOT NULL,
    PRIMARY KEY (match_id, seat)
) STRICT, WITHOUT ROWID;
