//! The bound of the heap that a decoder may use.

/// The heap that any decoder may use, independent of its input.
const FREE_BYTES: u64 = 4 * 1024;

/// The heap that a decoder may use for each byte of its input.
const HEAP_BYTES_PER_BYTE: u64 = 4;

/// Decodes an input of this size, and checks that the peak heap stays within its bound.
pub(crate) fn bounded<T>(bytes: usize, decode: impl FnOnce() -> T) -> T {
    within(HEAP_BYTES_PER_BYTE * bytes as u64 + FREE_BYTES, decode)
}

/// Decodes, and checks that the peak heap is at most `max_bytes`.
pub(crate) fn within<T>(max_bytes: u64, decode: impl FnOnce() -> T) -> T {
    let mut value = None;
    let heap = allocation_counter::measure(|| value = Some(decode()));
    assert!(
        heap.bytes_max <= max_bytes,
        "a decoder must use at most {max_bytes} bytes of heap, and used {}",
        heap.bytes_max
    );
    value.expect("measured code must run")
}
