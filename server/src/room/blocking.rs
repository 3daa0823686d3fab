//! Long work of a room, such as the creation of its world, on a thread that the tasks of other rooms share.

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

/// Runs work that may take long. Meanwhile, the other tasks of this thread continue on another one, if the runtime has several.
pub(super) fn without_delaying_others<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => block_in_place(work),
        _ => work(),
    }
}
