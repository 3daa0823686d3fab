//! A branch of a select that is looked at only when it has something to say.
//!
//! `select!` polls all of its branches whenever any of them wakes the task. A player's task is woken some sixty times a second, by a
//! snapshot or for an input, and hardly ever for anything else; yet each look at a stream that says nothing takes its connection's
//! lock. Those looks were a sixth of what a bot costs.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicU32,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    task::{Context, Poll, Wake, Waker},
};

/// The sleeps of one task's branches, which share one place in memory: to see that all of them sleep is one look.
#[derive(Clone, Debug)]
pub(crate) struct Dormitory(Arc<Beds>);

#[derive(Debug)]
struct Beds {
    /// A bit for each branch that may have something to say.
    awake: AtomicU32,
    task: Mutex<Option<Waker>>,
}

/// One branch's sleep.
#[derive(Debug)]
pub(crate) struct Doze {
    beds: Arc<Beds>,
    bit: u32,
    waker: Waker,
    /// The task that is to be woken, as it was when this branch was last waited for.
    task: Option<Waker>,
}

/// What a branch wakes instead of its task.
struct Bell {
    beds: Arc<Beds>,
    bit: u32,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.beds.awake.fetch_or(self.bit, Release);
        if let Some(task) = &*self.beds.task() {
            task.wake_by_ref();
        }
    }
}

impl Beds {
    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dormitory {
    /// Nobody sleeps here yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Beds { awake: AtomicU32::new(0), task: Mutex::new(None) }))
    }

    /// A sleep of this number, under 32, which no other branch has. Awake at first: nobody knows yet what the branch has to say.
    pub(crate) fn doze(&self, number: u32) -> Doze {
        let (beds, bit) = (Arc::clone(&self.0), 1 << number);
        let waker = Waker::from(Arc::new(Bell { beds: Arc::clone(&beds), bit }));
        let doze = Doze { beds, bit, waker, task: None };
        doze.rouse();
        doze
    }
}

impl Doze {
    /// Something was done to the branch, so that it may have something to say and did not wake anybody.
    pub(crate) fn rouse(&self) {
        self.beds.awake.fetch_or(self.bit, Release);
    }

    /// Waits for the branch. It may be another future at each call, as long as being dropped does not make it forget whom to wake.
    pub(crate) async fn until<T>(&mut self, branch: impl Future<Output = T>) -> T {
        let mut branch = pin!(branch);
        poll_fn(|context| self.poll(branch.as_mut(), context)).await
    }

    fn poll<T>(&mut self, branch: Pin<&mut impl Future<Output = T>>, context: &Context<'_>) -> Poll<T> {
        // Also while it sleeps: it may fall to another task to wait for it.
        if !self.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            self.task = Some(context.waker().clone());
            self.beds.task().clone_from(&self.task);
        }
        if self.beds.awake.load(Acquire) & self.bit == 0 {
            return Poll::Pending;
        }
        self.beds.awake.fetch_and(!self.bit, AcqRel);
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
        let (looks, mut doze) = (Cell::new(0), Dormitory::new().doze(0));
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
        let mut doze = Dormitory::new().doze(0);
        let nothing =
            tokio::time::timeout(std::time::Duration::ZERO, doze.until(std::future::pending::<()>()));
        assert!(nothing.await.is_err());
        doze.rouse();
        doze.until(std::future::ready(())).await;
        doze.until(std::future::ready(())).await;
    }

    #[test]
    fn whoever_waits_now_is_woken_and_for_the_branch_that_rang() {
        let dormitory = Dormitory::new();
        let [(ring, mut rung), (still, mut quiet)] = [(); 2].map(|()| mpsc::channel(1));
        let (mut first, mut second) = (dormitory.doze(0), dormitory.doze(1));
        let tasks = [(); 2].map(|()| Dormitory::new().doze(0));
        let is_awake = |doze: &Doze| doze.beds.awake.load(Acquire) & doze.bit != 0;
        for task in &tasks {
            task.beds.awake.store(0, Release);
            let mut context = Context::from_waker(&task.waker);
            assert!(pin!(first.until(rung.recv())).poll(&mut context).is_pending());
            assert!(pin!(second.until(quiet.recv())).poll(&mut context).is_pending());
        }
        ring.try_send(7).unwrap();
        assert_eq!((is_awake(&tasks[0]), is_awake(&tasks[1])), (false, true), "the task that waited last");
        assert_eq!((is_awake(&first), is_awake(&second)), (true, false));
        let mut context = Context::from_waker(&tasks[1].waker);
        assert_eq!(pin!(first.until(rung.recv())).poll(&mut context), Poll::Ready(Some(7)));
        drop(still);
        assert_eq!(pin!(second.until(quiet.recv())).poll(&mut context), Poll::Ready(None::<u32>));
    }
}
