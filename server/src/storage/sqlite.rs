//! Match results in SQLite: one file, which common tools read and which a killed process leaves consistent.
//!
//! sqlx runs SQLite in a thread of its own, so only the task that issued a query waits for the disk.

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
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    records::{MatchRecord, RolledBack, SeatRecord},
    sink::RecordSink,
};

/// The file name of the database in the data directory.
pub const FILE: &str = "matches.db";

/// The file name of SQLite's write-ahead log, which exists while the database is open for writing, or until it is opened again
/// after a crash.
pub const LOG: &str = "matches.db-wal";

/// The time for which SQLite waits for another process's lock before it returns an error. Backups hold the lock for less.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// The number of seats in one statement: seven values each, and SQLite accepts 32,766.
const MAX_SEATS_PER_STATEMENT: usize = 1000;

/// A connection to the database of match results, for writing.
#[derive(Debug)]
pub struct SqliteSink {
    path: PathBuf,
    options: SqliteConnectOptions,
    /// `None` after an error. SQLite ends a transaction by itself when the disk is full, which sqlx does not notice: the
    /// connection would start no other transaction. A new connection does.
    connection: Option<SqliteConnection>,
}

/// Errors of using the database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be opened or read.
    #[error("cannot use the match results in {}: {source}", path.display())]
    Unusable {
        /// The database file.
        path: PathBuf,
        /// The error of SQLite.
        source: sqlx::Error,
    },
    /// Its tables are of another version, most likely a newer one.
    #[error("the match results in {} are of another version: {source}; move the file away, or use that version", path.display())]
    OtherVersion {
        /// The database file.
        path: PathBuf,
        /// The migration that does not match.
        source: MigrateError,
    },
}

impl SqliteSink {
    /// Opens `matches.db` in the data directory, and creates it when it is missing.
    ///
    /// # Errors
    /// When it cannot be opened, or is of another version.
    pub async fn open(data_dir: &Path) -> Result<Self, DatabaseError> {
        // FULL: a written result survives a power loss, too. The cost is bounded because the task writes at most ten times a
        // second.
        let options =
            options(data_dir).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let mut sink = Self { path: data_dir.join(FILE), options, connection: None };
        sink.connection().await.map_err(|error| DatabaseError::of(data_dir, error))?;
        Ok(sink)
    }

    async fn connection(&mut self) -> sqlx::Result<&mut SqliteConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                create_private(&self.path)?;
                let mut connection = self.options.connect().await?;
                // `run` accepts anything that leads to a connection, so generally that the compiler cannot prove that this
                // future may cross threads.
                MIGRATIONS.run_direct(None, &mut connection, false).await?;
                connection
            }
        };
        Ok(self.connection.insert(connection))
    }

    async fn delete(&mut self, ticks: &RolledBack) -> sqlx::Result<u64> {
        let connection = self.connection().await?;
        let query = sqlx::query("DELETE FROM matches WHERE journal = ? AND tick > ? AND tick <= ?")
            .bind(&ticks.journal)
            .bind(ticks.after)
            .bind(ticks.to);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn write(&mut self, records: &[MatchRecord]) -> sqlx::Result<()> {
        // Immediate, because a transaction that has read first cannot wait for another process's lock when it writes.
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
    async fn retract(&mut self, ticks: &RolledBack) -> io::Result<u64> {
        let retracted = self.delete(ticks).await;
        if retracted.is_err() {
            self.connection = None;
        }
        retracted.map_err(io::Error::other)
    }

    async fn append(&mut self, records: &[MatchRecord]) -> io::Result<()> {
        let written = self.write(records).await;
        if written.is_err() {
            self.connection = None;
        }
        written.map_err(io::Error::other)
    }

    /// Folds the write-ahead log into the database, so that a backup needs one file only.
    async fn close(mut self) -> io::Result<()> {
        match self.connection.take() {
            Some(connection) => connection.close().await.map_err(io::Error::other),
            None => Ok(()),
        }
    }
}

impl DatabaseError {
    pub(super) fn of(data_dir: &Path, error: sqlx::Error) -> Self {
        let path = data_dir.join(FILE);
        match error {
            sqlx::Error::Migrate(source) => Self::OtherVersion { path, source: *source },
            source => Self::Unusable { path, source },
        }
    }
}

/// All migrations, embedded. Not by sqlx's macro, because it would load an SQLite of its own into the compiler.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let matches = include_str!("migrations/1_matches.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(
        1,
        "matches".into(),
        MigrationType::Simple,
        matches,
        false,
    )])
});

/// The options for every connection.
pub(super) fn options(data_dir: &Path) -> SqliteConnectOptions {
    // Errors are logged once, by the caller.
    SqliteConnectOptions::new()
        .filename(data_dir.join(FILE))
        .busy_timeout(LOCK_TIMEOUT)
        .disable_statement_logging()
}

/// Creates an empty file when it is missing, which SQLite accepts as a new database. It holds players' names, so that only its
/// owner may read it; SQLite gives its log the same mode.
fn create_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

/// Inserts a match and returns its id in the database; `None` when it was there already, with its seats.
async fn insert_match(into: &mut Transaction<'_, Sqlite>, record: &MatchRecord) -> sqlx::Result<Option<i64>> {
    let query = sqlx::query(
        "INSERT OR IGNORE INTO matches (room, game, seed, tick, journal, duration_ms, ended_at_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    let inserted = query
        .bind(to_sql(record.room))
        .bind(record.game.as_str())
        .bind(record.seed.to_string())
        .bind(record.tick)
        .bind(record.journal.as_deref())
        .bind(to_sql(record.duration_ms))
        .bind(to_sql(record.ended_at_ms))
        .execute(&mut **into)
        .await?;
    Ok((inserted.rows_affected() > 0).then(|| inserted.last_insert_rowid()))
}

/// A game that lists a seat twice loses its second score, because refusing the result would block all later ones.
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

/// Converts a number to SQLite's type. Rooms and players are counted from 1, and no count of milliseconds comes near `i64::MAX`
/// either.
fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
