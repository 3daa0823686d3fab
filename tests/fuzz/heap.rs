//! How much heap a decoder may take for what it was given.

/// Heap that any decoder may take, beside what the bytes themselves are worth.
const FREE_BYTES: u64 = 4 * 1024;

/// What a byte may become.
const TIMES: u64 = 4;

/// Decodes, and checks that no more heap was ever held than so many bytes are worth.
pub(crate) fn bounded<T>(bytes: usize, decode: impl FnOnce() -> T) -> T {
    within(TIMES * bytes as u64 + FREE_BYTES, decode)
}

/// Decodes, and checks that no more heap was ever held than `most` bytes.
pub(crate) fn within<T>(most: u64, decode: impl FnOnce() -> T) -> T {
    let mut value = None;
    let heap = allocation_counter::measure(|| value = Some(decode()));
    assert!(heap.bytes_max <= most, "{} bytes of heap were held, {most} are agreed", heap.bytes_max);
    value.expect("measured code runs")
}
