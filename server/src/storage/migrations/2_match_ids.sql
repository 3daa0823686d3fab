-- Never changed once it was released: the database remembers its checksum. What comes later is a file of its own.

-- The identity of the match: its room's, as 32 hexadecimal digits, and its number in the room. NULL in rows of the first version.
ALTER TABLE matches ADD COLUMN room_uid TEXT;
ALTER TABLE matches ADD COLUMN number INTEGER;

-- A result that is submitted twice is kept once. A journal and a tick do not identify it: another machine has journals of the same names.
DROP INDEX matches_of_a_journal;
DROP INDEX matches_without_journal;
CREATE UNIQUE INDEX matches_of_a_room ON matches (room_uid, number) WHERE room_uid IS NOT NULL;
CREATE UNIQUE INDEX matches_of_the_first_version ON matches (journal, tick)
    WHERE room_uid IS NULL AND journal IS NOT NULL;
