//! Reads match results from the database, for the command line. The server may be running or not.

use std::{
    fs::{self, OpenOptions},
    io,
    num::ParseIntError,
    path::Path,
    str::FromStr,
};

use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, Sqlite, SqliteConnection, Transaction, sqlite::SqliteRow,
};

use super::{
    database_error::DatabaseError,
    records::{MatchId, MatchRecord, SeatRecord},
    sqlite,
};

/// Returns the `limit` newest results in a data directory, ordered by the end of their match, newest first. Without a database, returns
/// an empty list and creates none.
///
/// # Errors
/// When the database cannot be read, or is of another version.
pub async fn newest_matches(data_dir: &Path, limit: u32) -> Result<Vec<MatchRecord>, DatabaseError> {
    let path = data_dir.join(sqlite::FILE);
    // A start that failed leaves an empty file.
    if !path.exists() || fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == 0) {
        return Ok(Vec::new());
    }
    read(data_dir, limit).await.map_err(|error| DatabaseError::new(path, error))
}

/// Checks that the database of match results in a data directory, if there is one, can be read and written; writes nothing. Returns whether
/// it has a result.
///
/// # Errors
/// When the database cannot be used.
pub async fn check(data_dir: &Path) -> Result<bool, DatabaseError> {
    let path = data_dir.join(sqlite::FILE);
    match OpenOptions::new().append(true).open(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DatabaseError::new(path, error.into())),
        _ => Ok(!newest_matches(data_dir, 1).await?.is_empty()),
    }
}

async fn read(data_dir: &Path, limit: u32) -> sqlx::Result<Vec<MatchRecord>> {
    // While a process has the database open for writing, a write-ahead log is beside it. Without a log, the database is opened as
    // immutable: otherwise SQLite creates a log for reading, which this user may not be permitted to do, and leaves the log there.
    let is_not_written = !data_dir.join(sqlite::LOG).exists();
    let mut connection =
        sqlite::options(data_dir).read_only(true).immutable(is_not_written).connect().await?;
    check_version(&mut connection).await?;
    // One transaction, so that all queries read the same state even while results are written.
    let mut snapshot = connection.begin().await?;
    // All columns, because a database that an earlier version has written has fewer.
    let query = "SELECT * FROM matches ORDER BY ended_at_ms DESC, id DESC LIMIT ?";
    let matches = sqlx::query(query).bind(limit).try_map(match_of).fetch_all(&mut *snapshot).await?;
    let mut records = Vec::with_capacity(matches.len());
    for (id, record) in matches {
        records.push(MatchRecord { seats: seats(&mut snapshot, id).await?, ..record });
    }
    Ok(records)
}

/// Checks that the database is of this version or of an earlier one, whose tables only a server changes.
async fn check_version(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let applied: i64 =
        sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(&mut *connection).await?;
    // All tables of these migrations exist, so this compares their checksums only.
    let known = sqlite::migrations(usize::try_from(applied).unwrap_or(usize::MAX));
    Ok(known.run_direct(None, connection, false).await?)
}

async fn seats(snapshot: &mut Transaction<'_, Sqlite>, id: i64) -> sqlx::Result<Vec<SeatRecord>> {
    let query = "SELECT seat, player, name, bot, score, won FROM players WHERE match_id = ? ORDER BY seat";
    sqlx::query(query).bind(id).try_map(seat_of).fetch_all(&mut **snapshot).await
}

/// Returns a match without its seats, and the match's id in the database.
fn match_of(row: SqliteRow) -> sqlx::Result<(i64, MatchRecord)> {
    let seed: String = row.try_get("seed")?;
    let id = match (row.try_get::<Option<String>, _>("room_uid"), row.try_get::<Option<u32>, _>("number")) {
        (Ok(Some(room)), Ok(Some(number))) => Some(MatchId { room: parsed(&room)?, number }),
        _ => None,
    };
    let record = MatchRecord {
        id,
        room: row.try_get("room")?,
        game: row.try_get("game")?,
        seed: parsed(&seed)?,
        tick: row.try_get("tick")?,
        journal: row.try_get("journal")?,
        duration_ms: row.try_get("duration_ms")?,
        ended_at_ms: row.try_get("ended_at_ms")?,
        seats: Vec::new(),
    };
    Ok((row.try_get("id")?, record))
}

fn parsed<T: FromStr<Err = ParseIntError>>(text: &str) -> sqlx::Result<T> {
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn seat_of(row: SqliteRow) -> sqlx::Result<SeatRecord> {
    Ok(SeatRecord {
        seat: row.try_get("seat")?,
        player: row.try_get("player")?,
        name: row.try_get("name")?,
        bot: row.try_get("bot")?,
        score: row.try_get("score")?,
        won: row.try_get("won")?,
    })
}
