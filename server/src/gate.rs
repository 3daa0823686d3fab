//! Futures and streams that are polled only when they were woken themselves.
//!
//! A session waits for several things at once, and `select!` polls all of them whenever one is ready. For a control stream, which is
//! silent for minutes beside sixty datagrams a second, each of those polls takes quinn's lock for nothing.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Release},
        },
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// Stands before one source of readiness. It must keep the waker that it was polled with until it wakes it, as streams do.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Arc<State>,
    waker: Waker,
}

#[derive(Debug)]
struct State {
    woken: AtomicBool,
    task: AtomicWaker,
}

impl Gate {
    /// Open: the first poll goes through.
    pub(crate) fn new() -> Self {
        let state = Arc::new(State { woken: AtomicBool::new(true), task: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&state));
        Self { state, waker }
    }

    /// Polls `inner` if it was woken since the last poll, or was ready then.
    pub(crate) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        inner: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        // First register, then look: a wake between the two is seen by one of them.
        self.state.task.register(cx.waker());
        if !self.state.woken.swap(false, AcqRel) {
            return Poll::Pending;
        }
        let polled = inner(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            self.state.woken.store(true, Release);
        }
        polled
    }
}

/// A future behind a gate.
pub(crate) struct Gated<T> {
    gate: Gate,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
}

impl<T> Gated<T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self { gate: Gate::new(), future: Box::pin(future) }
    }
}

impl<T> Future for Gated<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Self { gate, future } = &mut *self;
        gate.poll(cx, |cx| future.as_mut().poll(cx))
    }
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.swap(true, AcqRel);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn};

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_source_that_was_not_woken_is_not_polled_and_none_of_its_items_is_missed() {
        let (source, mut items) = mpsc::channel(8);
        let gate = Gate::new();
        let polls = Cell::new(0);
        let mut next = async || {
            poll_fn(|cx| {
                gate.poll(cx, |cx| {
                    polls.set(polls.get() + 1);
                    items.poll_recv(cx)
                })
            })
            .await
        };
        for _ in 0..100 {
            tokio::select! { biased; _ = next() => panic!("there is nothing yet"), () = async {} => {} }
        }
        assert_eq!(polls.get(), 1, "only the first poll finds out that there is nothing");
        let said = async {
            tokio::task::yield_now().await;
            for n in 0..5 {
                source.send(n).await.unwrap();
            }
        };
        let heard = async {
            for n in 0..5 {
                assert_eq!(next().await, Some(n));
            }
        };
        tokio::join!(heard, said);
    }
}
