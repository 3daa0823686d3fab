//! Wake flags: with a flag, a branch of `select!` is polled only if its own source woke the task.
//!
//! `select!` polls all of its branches whenever any of them wakes the task. A player's task wakes some sixty times a second, for a
//! snapshot or an input, and hardly ever for anything else, yet each poll of a silent stream takes quinn's connection lock. Those
//! polls took a sixth of a bot's CPU time.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// The wake flag of one source, such as a stream or a channel. The source must keep the waker of its last poll until it uses that
/// waker, as streams and channels do, even when the future that polled the source was dropped.
#[derive(Debug)]
pub struct WakeFlag {
    state: Arc<FlagState>,
    /// Passed to the source. Sets the flag, then wakes the task.
    waker: Waker,
    /// The waker of the task that polled last: a copy of the waker in `state.task`, which cannot be read.
    task: Option<Waker>,
}

#[derive(Debug)]
struct FlagState {
    is_set: AtomicBool,
    task: AtomicWaker,
}

impl Wake for FlagState {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_set.store(true, Release);
        self.task.wake();
    }
}

impl Default for WakeFlag {
    fn default() -> Self {
        Self::new()
    }
}

impl WakeFlag {
    /// Creates a flag that is set, so that the first poll reaches the source.
    #[must_use]
    pub fn new() -> Self {
        let state = Arc::new(FlagState { is_set: AtomicBool::new(true), task: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&state));
        Self { state, waker, task: None }
    }

    /// Sets the flag because the source changed without a wake-up. The next poll reaches the source.
    pub fn set(&self) {
        self.state.is_set.store(true, Release);
    }

    /// Waits for a future of the source, which may be another one in each call. Cancel-safe if the future is.
    pub async fn until<T>(&mut self, source: impl Future<Output = T>) -> T {
        let mut source = pin!(source);
        poll_fn(|context| self.poll(context, |context| source.as_mut().poll(context))).await
    }

    /// Polls the source if the flag is set; otherwise returns pending. A ready source leaves the flag set, because it may have more.
    pub fn poll<T>(
        &mut self,
        context: &Context<'_>,
        source: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let is_registered = self.task.as_ref().is_some_and(|task| task.will_wake(context.waker()));
        // `AtomicWaker::wake` takes the waker out, but only after the flag was set: if the flag is not set, the waker is registered.
        if is_registered && !self.state.is_set.load(Acquire) {
            return Poll::Pending;
        }
        if !is_registered {
            self.task = Some(context.waker().clone());
        }
        // Register the waker before reading the flag, so that a wake-up between the two is not lost.
        self.state.task.register(context.waker());
        if !self.state.is_set.swap(false, AcqRel) {
            return Poll::Pending;
        }
        let polled = source(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            self.set();
        }
        polled
    }
}

/// A boxed future with its own [`WakeFlag`].
pub struct FlaggedFuture<T> {
    flag: WakeFlag,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
}

impl<T> FlaggedFuture<T> {
    /// Boxes `future` with a new flag.
    pub fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self { flag: WakeFlag::new(), future: Box::pin(future) }
    }
}

impl<T> Future for FlaggedFuture<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Self { flag, future } = &mut *self;
        flag.poll(context, |context| future.as_mut().poll(context))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::{sync::mpsc, task::yield_now, time::timeout};

    use super::*;

    /// Counts the polls of a future.
    async fn counted<T>(polls: &Cell<u32>, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|context| {
            polls.set(polls.get() + 1);
            future.as_mut().poll(context)
        })
        .await
    }

    #[tokio::test]
    async fn a_branch_is_polled_when_its_own_source_wakes_and_not_when_another_source_does() {
        let ((quiet, mut quiet_out), (busy, mut busy_out)) = (mpsc::channel(1), mpsc::channel(1));
        let (polls, mut flag) = (Cell::new(0), WakeFlag::new());
        let mut received = Vec::new();
        let sender = async {
            for n in 0..100 {
                busy.send(n).await.unwrap();
                while busy.capacity() == 0 {
                    yield_now().await;
                }
            }
            quiet.send(100).await.unwrap();
        };
        let receiver = async {
            while received.last() != Some(&100) {
                let item = tokio::select! {
                    biased;
                    item = flag.until(counted(&polls, quiet_out.recv())) => item,
                    item = busy_out.recv() => item,
                };
                received.push(item.unwrap());
            }
        };
        tokio::join!(receiver, sender);
        assert_eq!(received, (0..=100).collect::<Vec<_>>(), "no item is lost");
        assert_eq!(polls.get(), 2, "one poll at the start and one after the wake-up");
    }

    #[tokio::test]
    async fn every_item_of_a_source_arrives() {
        let (source, mut items) = mpsc::channel(8);
        let mut flag = WakeFlag::new();
        let send = async {
            yield_now().await;
            for n in 0..5 {
                source.send(n).await.unwrap();
            }
        };
        let receive = async {
            for n in 0..5 {
                assert_eq!(flag.until(items.recv()).await, Some(n));
            }
        };
        tokio::join!(receive, send);
    }

    #[tokio::test]
    async fn a_source_is_polled_again_after_its_flag_was_set_explicitly() {
        let mut flag = WakeFlag::new();
        let silent = timeout(std::time::Duration::ZERO, flag.until(std::future::pending::<()>()));
        assert!(silent.await.is_err());
        flag.set();
        flag.until(std::future::ready(())).await;
        flag.until(std::future::ready(())).await;
    }

    #[test]
    fn the_task_that_polled_last_is_woken() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut flag = WakeFlag::new();
        let tasks = [WakeFlag::new(), WakeFlag::new()];
        for task in &tasks {
            task.state.is_set.store(false, Release);
            let mut context = Context::from_waker(&task.waker);
            assert!(pin!(flag.until(receiver.recv())).poll(&mut context).is_pending());
        }
        sender.try_send(7).unwrap();
        let is_woken = tasks.each_ref().map(|task| task.state.is_set.load(Acquire));
        assert_eq!(is_woken, [false, true]);
        let mut context = Context::from_waker(&tasks[1].waker);
        assert_eq!(pin!(flag.until(receiver.recv())).poll(&mut context), Poll::Ready(Some(7)));
    }
}
