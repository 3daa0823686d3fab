//! A branch of a select that is looked at only when it has something to say.
//!
//! `select!` polls all of its branches whenever any of them wakes the task. A player's task is woken some sixty times a second, by a
//! snapshot or for an input, and hardly ever for anything else; yet each look at a stream that says nothing takes its connection's
//! lock. Those looks were a sixth of what a bot costs.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release},
    },
    task::{Context, Poll, Wake, Waker},
};

/// One branch's sleep.
#[derive(Debug)]
pub(crate) struct Doze {
    bell: Arc<Bell>,
    waker: Waker,
    /// The task that is to be woken, as the bell knows it.
    task: Option<Waker>,
}

/// What the branch wakes instead of its task.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Release);
        if let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wake_by_ref();
        }
    }
}

impl Doze {
    /// Awake at first: nobody knows yet what the branch has to say.
    pub(crate) fn new() -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::new(None) });
        Self { waker: Waker::from(Arc::clone(&bell)), bell, task: None }
    }

    /// Something was done to the branch, so that it may have something to say and did not wake anybody.
    pub(crate) fn rouse(&self) {
        self.bell.rung.store(true, Release);
    }

    /// Waits for the branch. It may be another future at each call, as long as being dropped does not make it forget whom to wake.
    pub(crate) async fn until<T>(&mut self, branch: impl Future<Output = T>) -> T {
        let mut branch = pin!(branch);
        poll_fn(|context| self.poll(branch.as_mut(), context)).await
    }

    fn poll<T>(&mut self, branch: Pin<&mut impl Future<Output = T>>, context: &Context<'_>) -> Poll<T> {
        if !self.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            self.task = Some(context.waker().clone());
            self.bell.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&self.task);
        }
        if !self.bell.rung.swap(false, AcqRel) {
            return Poll::Pending;
        }
        let said = branch.poll(&mut Context::from_waker(&self.waker));
        if said.is_ready() {
            // There may be more where that came from.
            self.rouse();
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::mpsc;

    use super::*;

    /// Counts how often a branch is looked at.
    async fn counted<T>(looks: &Cell<u32>, branch: impl Future<Output = T>) -> T {
        let mut branch = pin!(branch);
        poll_fn(|context| {
            looks.set(looks.get() + 1);
            branch.as_mut().poll(context)
        })
        .await
    }

    #[tokio::test]
    async fn a_branch_is_looked_at_when_it_woke_and_not_when_its_neighbours_did() {
        let ((quiet, mut quiet_out), (busy, mut busy_out)) = (mpsc::channel(1), mpsc::channel(1));
        let (looks, mut doze) = (Cell::new(0), Doze::new());
        let mut heard = Vec::new();
        let speaker = async {
            for n in 0..100 {
                busy.send(n).await.unwrap();
                while busy.capacity() == 0 {
                    tokio::task::yield_now().await;
                }
            }
            quiet.send(100).await.unwrap();
        };
        let listener = async {
            while heard.last() != Some(&100) {
                let said = tokio::select! {
                    biased;
                    said = doze.until(counted(&looks, quiet_out.recv())) => said,
                    said = busy_out.recv() => said,
                };
                heard.push(said.unwrap());
            }
        };
        tokio::join!(listener, speaker);
        assert_eq!(heard, (0..=100).collect::<Vec<_>>(), "nothing is lost");
        assert_eq!(looks.get(), 2, "once to begin with, and once when it woke");
    }

    #[tokio::test]
    async fn a_branch_that_was_roused_is_looked_at_again() {
        let mut doze = Doze::new();
        let nothing =
            tokio::time::timeout(std::time::Duration::ZERO, doze.until(std::future::pending::<()>()));
        assert!(nothing.await.is_err());
        doze.rouse();
        doze.until(std::future::ready(())).await;
        doze.until(std::future::ready(())).await;
    }

    #[test]
    fn a_task_that_moved_elsewhere_is_woken_there() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut doze = Doze::new();
        let mut look = |waker: &Waker| {
            let mut branch = pin!(receiver.recv());
            doze.poll(branch.as_mut(), &Context::from_waker(waker))
        };
        let (first, second) = (Doze::new(), Doze::new());
        [&first, &second].iter().for_each(|task| task.bell.rung.store(false, Release));
        assert!(look(&first.waker).is_pending());
        assert!(look(&second.waker).is_pending());
        sender.try_send(7).unwrap();
        assert!(!first.bell.rung.load(std::sync::atomic::Ordering::Acquire), "it is no longer asked here");
        assert!(second.bell.rung.load(std::sync::atomic::Ordering::Acquire));
        assert_eq!(look(&second.waker), Poll::Ready(Some(7)));
    }
}
