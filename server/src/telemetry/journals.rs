//! The numbers of rooms' journals.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

use super::metrics::register;

/// What is counted of journals.
pub struct JournalMetrics {
    /// Journals that are written.
    pub open: Gauge,
    /// Bytes written.
    pub bytes: Counter,
    /// Times that one could not be written.
    pub write_errors: Counter,
    /// Ticks that are missing in one, since its disk was too slow or full.
    pub ticks_lost: Counter,
    /// Journals that miss ticks, and go on missing them until their disk is well again.
    pub in_gap: Gauge,
    /// Rooms that could not be saved when the server stopped.
    pub rooms_unsaved: Counter,
    /// Rooms that were brought back.
    pub rooms_resumed: Counter,
    /// Journals that should have brought a room back, and could not.
    pub set_aside: Counter,
    /// Journals that are kept, as of the last time that they were looked through.
    pub kept: Gauge,
    /// How large they are together.
    pub kept_bytes: Gauge,
    /// Journals deleted by age or size.
    pub deleted: Counter,
    /// How large they were together.
    pub deleted_bytes: Counter,
    /// Times that journals could not be listed or one could not be deleted.
    pub retention_errors: Counter,
    /// Moments that an operator marked.
    pub marks: Counter,
}

impl JournalMetrics {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            open: register(r, "journals_open", "Journals of rooms that run"),
            bytes: register(r, "journal_bytes", "Bytes written to journals"),
            write_errors: register(r, "journal_write_errors", "Times that a journal could not be written"),
            ticks_lost: register(
                r,
                "journal_ticks_lost",
                "Ticks missing in a journal, since its disk was too slow or full",
            ),
            in_gap: register(
                r,
                "journals_in_gap",
                "Journals of running rooms that are not written just now, since their disk is too slow or full",
            ),
            rooms_unsaved: register(r, "rooms_unsaved", "Rooms that could not be saved at the server's stop"),
            rooms_resumed: register(r, "rooms_resumed", "Rooms brought back from their journals"),
            set_aside: register(r, "journals_set_aside", "Journals that could not bring their room back"),
            kept: register(
                r,
                "journals_kept",
                "Journals kept, those of rooms that run and those set aside among them; looked at once a minute",
            ),
            kept_bytes: register(r, "journals_kept_bytes", "Bytes of the journals that are kept"),
            deleted: register(r, "journals_deleted", "Journals deleted by age or size"),
            deleted_bytes: register(r, "journals_deleted_bytes", "Bytes of the journals that were deleted"),
            retention_errors: register(
                r,
                "journal_retention_errors",
                "Times that journals could not be listed or one could not be deleted",
            ),
            marks: register(r, "journal_marks", "Moments of rooms that operators marked"),
        }
    }
}
