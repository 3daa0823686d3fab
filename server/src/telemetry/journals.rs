//! Metrics of the rooms' journals.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

use super::registration::register;

/// Metrics of the rooms' journals.
pub struct JournalMetrics {
    /// Journals of running rooms.
    pub open: Gauge,
    /// Bytes written to journals.
    pub bytes: Counter,
    /// Failed attempts to open, encode or write a journal.
    pub write_errors: Counter,
    /// Ticks that journals declare as lost, because the disk was too slow, full or broken.
    pub ticks_lost: Counter,
    /// Journals of running rooms with an open gap: they lack ticks until the disk works again and the room has restarted the journal.
    pub in_gap: Gauge,
    /// Rooms that could not be saved when the server stopped.
    pub rooms_unsaved: Counter,
    /// Rooms restored from their journals.
    pub rooms_resumed: Counter,
    /// Journals that can never restore their room, and were or should have been moved to `journals/set-aside`.
    pub set_aside: Counter,
    /// Journals in the data directory, those set aside included, after the last retention sweep.
    pub kept: Gauge,
    /// Total size of the journals in [`Self::kept`].
    pub kept_bytes: Gauge,
    /// Journals deleted because of their age or total size.
    pub deleted: Counter,
    /// Total size of the journals in [`Self::deleted`].
    pub deleted_bytes: Counter,
    /// Failed listings and deletions of journals.
    pub retention_errors: Counter,
    /// Marks that operators set.
    pub marks: Counter,
}

impl JournalMetrics {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            open: register(r, "journals_open", "Journals of running rooms"),
            bytes: register(r, "journal_bytes", "Bytes written to journals"),
            write_errors: register(r, "journal_write_errors", "Failed attempts to open or write a journal"),
            ticks_lost: register(
                r,
                "journal_ticks_lost",
                "Ticks missing in journals because the disk was too slow, full or broken",
            ),
            in_gap: register(
                r,
                "journals_in_gap",
                "Journals of running rooms that lack ticks at present because the disk is too slow, full or broken",
            ),
            rooms_unsaved: register(
                r,
                "rooms_unsaved",
                "Rooms that could not be saved when the server stopped",
            ),
            rooms_resumed: register(r, "rooms_resumed", "Rooms restored from their journals"),
            set_aside: register(r, "journals_set_aside", "Journals that can never restore their room"),
            kept: register(
                r,
                "journals_kept",
                "Journals in the data directory, including those of running rooms and those set aside; updated once a minute",
            ),
            kept_bytes: register(
                r,
                "journals_kept_bytes",
                "Size of the journals in the data directory, in bytes",
            ),
            deleted: register(r, "journals_deleted", "Journals deleted because of their age or total size"),
            deleted_bytes: register(r, "journals_deleted_bytes", "Size of the deleted journals, in bytes"),
            retention_errors: register(
                r,
                "journal_retention_errors",
                "Failed listings and deletions of old journals",
            ),
            marks: register(r, "journal_marks", "Marks that operators set in journals"),
        }
    }
}
