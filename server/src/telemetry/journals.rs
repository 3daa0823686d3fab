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
    /// Bytes written.
    pub bytes: Counter,
    /// Failed writes.
    pub write_errors: Counter,
    /// Ticks missing in journals because their disk was too slow or full.
    pub ticks_lost: Counter,
    /// Journals with an open gap: they miss ticks until their disk works again.
    pub in_gap: Gauge,
    /// Rooms that could not be saved when the server stopped.
    pub rooms_unsaved: Counter,
    /// Rooms restored from their journals.
    pub rooms_resumed: Counter,
    /// Journals that should have restored a room and could not.
    pub set_aside: Counter,
    /// Journals in the data directory, as of the last retention sweep.
    pub kept: Gauge,
    /// Total size of the journals in [`Self::kept`].
    pub kept_bytes: Gauge,
    /// Journals deleted because of their age or total size.
    pub deleted: Counter,
    /// Total size of the journals in [`Self::deleted`].
    pub deleted_bytes: Counter,
    /// Failed listings and deletions of journals.
    pub retention_errors: Counter,
    /// Moments marked by an operator.
    pub marks: Counter,
}

impl JournalMetrics {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            open: register(r, "journals_open", "Journals of running rooms"),
            bytes: register(r, "journal_bytes", "Bytes written to journals"),
            write_errors: register(r, "journal_write_errors", "Failed writes to journals"),
            ticks_lost: register(
                r,
                "journal_ticks_lost",
                "Ticks missing in journals because the disk was too slow or full",
            ),
            in_gap: register(
                r,
                "journals_in_gap",
                "Journals of running rooms that are not written at present because the disk is too slow or full",
            ),
            rooms_unsaved: register(
                r,
                "rooms_unsaved",
                "Rooms that could not be saved when the server stopped",
            ),
            rooms_resumed: register(r, "rooms_resumed", "Rooms restored from their journals"),
            set_aside: register(r, "journals_set_aside", "Journals that could not restore their room"),
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
            marks: register(r, "journal_marks", "Moments marked by operators"),
        }
    }
}
