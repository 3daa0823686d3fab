//! Match results in SQLite: one file that every tool reads, and that a killed process leaves whole.
//!
//! sqlx runs SQLite in a thread of its own, so nobody here waits for the disk but the task that asked.

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
    records::{MatchRecord, SeatRecord, Undone},
    sink::RecordSink,
};

/// The database's name in the data directory.
pub const FILE: &str = "matches.db";

/// What SQLite calls the log that is beside it for as long as somebody writes, or until it is opened again after they were killed.
pub const LOG: &str = "matches.db-wal";

/// How long SQLite itself waits for another process's lock before it says so. A backup's lock is shorter.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// Seats in one statement: seven values each, and SQLite takes 32,766 in one.
const SEATS_AT_ONCE: usize = 1000;

/// The database of match results, for whoever writes it.
#[derive(Debug)]
pub struct SqliteSink {
    path: PathBuf,
    options: SqliteConnectOptions,
    /// None after a failure. SQLite ends a transaction by itself when the disk is full, which sqlx does not see: its connection would
    /// take no other one. A new connection does.
    connection: Option<SqliteConnection>,
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be opened, or not be read.
    #[error("cannot use the match results in {}: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// Its tables are those of another version, most likely a newer one.
    #[error("the match results in {} are another version's: {source}; move the file away, or use that version", path.display())]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: MigrateError,
    },
}

impl SqliteSink {
    /// Opens `matches.db` in the data directory, made where it is missing.
    ///
    /// # Errors
    /// When it cannot be opened, or is another version's.
    pub async fn open(data_dir: &Path) -> Result<Self, DatabaseError> {
        // FULL: a result that was written outlives the machine, too. What that costs is bounded by how often the task writes.
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
                make_private(&self.path)?;
                let mut connection = self.options.connect().await?;
                // `run` is this for anything that leads to a connection, so generally that the compiler cannot tell that our future
                // may cross threads.
                MIGRATIONS.run_direct(None, &mut connection, false).await?;
                connection
            }
        };
        Ok(self.connection.insert(connection))
    }

    async fn delete(&mut self, undone: &Undone) -> sqlx::Result<u64> {
        let connection = self.connection().await?;
        let query = sqlx::query("DELETE FROM matches WHERE journal = ? AND tick > ? AND tick <= ?")
            .bind(&undone.journal)
            .bind(undone.after)
            .bind(undone.to);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn write(&mut self, records: &[MatchRecord]) -> sqlx::Result<()> {
        // Immediate: whoever has read first cannot wait for another's lock when it comes to writing.
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
    async fn retract(&mut self, undone: &Undone) -> io::Result<u64> {
        let retracted = self.delete(undone).await;
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

    /// Folds the write-ahead log into the database, so that one file is all there is to copy.
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

/// Every version of the tables, embedded. Not by sqlx's macro, for which the compiler would have to load an SQLite of its own.
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

/// How the database is opened, whatever for.
pub(super) fn options(data_dir: &Path) -> SqliteConnectOptions {
    // What goes wrong is told by whoever asked, once.
    SqliteConnectOptions::new()
        .filename(data_dir.join(FILE))
        .busy_timeout(LOCK_PATIENCE)
        .disable_statement_logging()
}

/// Makes an empty file where there is none, which SQLite takes for a new database: it has people's names, and is the owner's alone, as its
/// log will be.
fn make_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

/// The match's number in the database; `None` when it is there already, with its seats.
async fn insert_match(into: &mut Transaction<'_, Sqlite>, record: &MatchRecord) -> sqlx::Result<Option<i64>> {
    let query = sqlx::query(
        "INSERT OR IGNORE INTO matches (room, game, seed, tick, journal, duration_ms, ended_at_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    let inserted = query
        .bind(stored(record.room))
        .bind(record.game.as_str())
        .bind(record.seed.to_string())
        .bind(record.tick)
        .bind(record.journal.as_deref())
        .bind(stored(record.duration_ms))
        .bind(stored(record.ended_at_ms))
        .execute(&mut **into)
        .await?;
    Ok((inserted.rows_affected() > 0).then(|| inserted.last_insert_rowid()))
}

/// A game that names a seat twice loses its second score: refusing it would hold up every other result for ever.
async fn insert_seats(into: &mut Transaction<'_, Sqlite>, id: i64, seats: &[SeatRecord]) -> sqlx::Result<()> {
    for seats in seats.chunks(SEATS_AT_ONCE) {
        let mut query = QueryBuilder::new(
            "INSERT OR IGNORE INTO players (match_id, seat, player, name, bot, score, won) ",
        );
        query.push_values(seats, |mut row, seat| {
            row.push_bind(id)
                .push_bind(seat.seat)
                .push_bind(seat.player.map(stored))
                .push_bind(seat.name.as_str())
                .push_bind(seat.bot)
                .push_bind(seat.score)
                .push_bind(seat.won);
        });
        query.build().execute(&mut **into).await?;
    }
    Ok(())
}

/// Rooms and players are counted from 1, and no count of milliseconds comes near the end of an `i64` either.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
