//! A store of match results in an SQLite database: one file, which common tools can read and which stays consistent when the process
//! is killed.
//!
//! sqlx runs SQLite in a thread of its own, so a query that waits for the disk blocks no thread of the runtime.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, QueryBuilder, SqlSafeStr as _, Sqlite, SqliteConnection,
    Transaction,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    database_error::DatabaseError,
    records::{MatchRecord, RolledBack, SeatRecord},
    sink::RecordSink,
};

/// The file name of the database in the data directory.
pub const FILE: &str = "matches.db";

/// The file name of SQLite's write-ahead log, which exists while the database is open for writing, or until it is opened again
/// after a crash.
pub const LOG: &str = "matches.db-wal";

/// The time for which SQLite waits for another process's lock before it returns an error. A backup usually holds the lock for less.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// The maximum number of seats per statement: each has seven values, and SQLite accepts 32,766 values per statement.
const MAX_SEATS_PER_STATEMENT: usize = 1000;

/// A connection to the database of match results, for writing.
#[derive(Debug)]
pub struct SqliteSink {
    path: PathBuf,
    options: SqliteConnectOptions,
    /// `None` after an error: the next use opens a new connection. When the disk is full, SQLite ends a transaction by itself and sqlx
    /// does not notice, so that the old connection could not begin another transaction.
    connection: Option<SqliteConnection>,
}

impl SqliteSink {
    /// Creates the store of the database `matches.db` in the data directory, which the first use opens.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        // FULL: a written result survives a power loss, too. The cost is bounded, because the task that writes results pauses for
        // 100 ms after each transaction that is not full.
        let options =
            options(data_dir).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        Self { path: data_dir.join(FILE), options, connection: None }
    }

    /// Opens the database, and creates it when it is missing. After an error, the next use tries again.
    ///
    /// # Errors
    /// When the database cannot be opened, or is of another version.
    pub async fn open(&mut self) -> Result<(), DatabaseError> {
        self.connection().await.map(drop).map_err(|error| DatabaseError::new(self.path.clone(), error))
    }

    /// Returns the open connection, or opens one: creates the file and the tables when they are missing.
    async fn connection(&mut self) -> sqlx::Result<&mut SqliteConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                create_private(&self.path)?;
                let mut connection = self.options.connect().await?;
                // Not `run`: it is so generic over its connection that the compiler cannot prove that this future is `Send`.
                MIGRATIONS.run_direct(None, &mut connection, false).await?;
                connection
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// Returns a result with an error that has advice, and drops the connection after an error.
    fn checked<T>(&mut self, result: sqlx::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            self.connection = None;
            io::Error::other(DatabaseError::new(self.path.clone(), error))
        })
    }

    async fn delete(&mut self, rolled_back: &RolledBack) -> sqlx::Result<u64> {
        let connection = self.connection().await?;
        let RolledBack { last, unidentified } = rolled_back;
        let query = sqlx::query("DELETE FROM matches WHERE room_uid = ? AND number > ?");
        let query = query.bind(last.room.to_string()).bind(last.number);
        let mut deleted = query.execute(&mut *connection).await?.rows_affected();
        if let Some((journal, tick)) = unidentified {
            let query =
                sqlx::query("DELETE FROM matches WHERE room_uid IS NULL AND journal = ? AND tick > ?");
            deleted += query.bind(journal).bind(*tick).execute(connection).await?.rows_affected();
        }
        Ok(deleted)
    }

    async fn write(&mut self, records: &[MatchRecord]) -> sqlx::Result<()> {
        // Immediate: the transaction takes the lock for writing when it begins, and waits for another process that has the lock. A
        // transaction that reads first and writes later cannot wait.
        let mut transaction = self.connection().await?.begin_with("BEGIN IMMEDIATE").await?;
        for record in records {
            if let Some(id) = insert_match(&mut transaction, record).await? {
                insert_seats(&mut transaction, id, &record.seats).await?;
            }
        }
        transaction.commit().await
    }
}

impl RecordSink for SqliteSink {
    async fn retract(&mut self, rolled_back: &RolledBack) -> io::Result<u64> {
        let retracted = self.delete(rolled_back).await;
        self.checked(retracted)
    }

    async fn append(&mut self, records: &[MatchRecord]) -> io::Result<()> {
        let written = self.write(records).await;
        self.checked(written)
    }

    /// Closes the connection, which moves the write-ahead log into the database file, so that a backup needs this file only.
    async fn close(mut self) -> io::Result<()> {
        match self.connection.take() {
            Some(connection) => connection.close().await.map_err(io::Error::other),
            None => Ok(()),
        }
    }
}

/// All migrations of the tables, embedded in the program. Not with sqlx's macro, because that would link SQLite into the compiler.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| migrations(usize::MAX));

/// Returns the first `count` migrations: those of a database of an earlier version.
pub(super) fn migrations(count: usize) -> Migrator {
    let all = [
        (1, "matches", include_str!("migrations/1_matches.sql")),
        (2, "match ids", include_str!("migrations/2_match_ids.sql")),
    ];
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(all.into_iter().take(count).map(migration).collect())
}

/// Returns the options of every connection to the database, for reading or writing.
pub(super) fn options(data_dir: &Path) -> SqliteConnectOptions {
    // SQLite takes a name that begins with `file:` for a URL, so a relative path begins with `./`. Without sqlx's own log lines, because
    // the caller logs errors.
    SqliteConnectOptions::new()
        .filename(Path::new(".").join(data_dir).join(FILE))
        .busy_timeout(LOCK_TIMEOUT)
        .disable_statement_logging()
}

/// Creates the database file when it is missing; SQLite accepts an empty file as a new database. Only the owner may read the file,
/// because it contains players' names. SQLite gives its log the same mode.
fn create_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

/// Inserts a match and returns its id in the database; `None` when the database has the match and its seats already.
async fn insert_match(into: &mut Transaction<'_, Sqlite>, record: &MatchRecord) -> sqlx::Result<Option<i64>> {
    let query = sqlx::query(
        "INSERT OR IGNORE INTO matches (room, game, seed, tick, journal, duration_ms, ended_at_ms, room_uid, number) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let inserted = query
        .bind(to_sql(record.room))
        .bind(record.game.as_str())
        .bind(record.seed.to_string())
        .bind(record.tick)
        .bind(record.journal.as_deref())
        .bind(to_sql(record.duration_ms))
        .bind(to_sql(record.ended_at_ms))
        .bind(record.id.map(|id| id.room.to_string()))
        .bind(record.id.map(|id| id.number))
        .execute(&mut **into)
        .await?;
    Ok((inserted.rows_affected() > 0).then(|| inserted.last_insert_rowid()))
}

/// Inserts the seats of a match. When a game lists a seat twice, its second score is ignored, because a refused result would be retried
/// without limit and block all later ones.
async fn insert_seats(into: &mut Transaction<'_, Sqlite>, id: i64, seats: &[SeatRecord]) -> sqlx::Result<()> {
    for seats in seats.chunks(MAX_SEATS_PER_STATEMENT) {
        let mut query = QueryBuilder::new(
            "INSERT OR IGNORE INTO players (match_id, seat, player, name, bot, score, won) ",
        );
        query.push_values(seats, |mut row, seat| {
            row.push_bind(id)
                .push_bind(seat.seat)
                .push_bind(seat.player.map(to_sql))
                .push_bind(seat.name.as_str())
                .push_bind(seat.bot)
                .push_bind(seat.score)
                .push_bind(seat.won);
        });
        query.build().execute(&mut **into).await?;
    }
    Ok(())
}

/// Converts a number to SQLite's type of integer. No number reaches `i64::MAX`: ids of rooms and players count from 1, and `i64::MAX`
/// milliseconds are 292 million years.
fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
