//! What a seat was told and may have to be told again: each message from the first that its player has not said to have heard. Pure.
//!
//! Messages are kept as they were sent, coded. A player who never says what they heard is no nuisance to anybody, so they play on;
//! what is forgotten is the oldest, and with it only the way back. To close them for it would take a game from people who have done
//! nothing but run an old client.

use std::collections::VecDeque;

use quarrel_shared::limits::MAX_UNACKED_MESSAGES;

/// How many bytes of messages are kept for one seat: [`MAX_UNACKED_MESSAGES`] events of Arena, at 30 to 40 bytes each with their frames,
/// or two minutes of chat by one who types without a pause. Full: the oldest is forgotten. It fits what may wait for a peer, so all
/// of it can be said again at once.
pub const NEWS_BYTES: usize = 48 * 1024;

/// The messages of one seat, numbered from 0.
#[derive(Debug, Default)]
pub struct News {
    coded: VecDeque<u8>,
    /// How long each is.
    lengths: VecDeque<usize>,
    /// The number of the oldest that is kept.
    first: u32,
    /// How many its player says to have heard.
    heard: u32,
}

/// Why messages cannot be said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewsError {
    /// More than were ever sent.
    #[error("it has heard {heard} messages of the {sent} that were sent")]
    Ahead {
        /// How many were claimed.
        heard: u32,
        /// How many there were.
        sent: u32,
    },
    /// Fewer than it said to have heard before.
    #[error("it has heard {heard} messages and said that it had heard {before}")]
    Back {
        /// How many are claimed now.
        heard: u32,
        /// How many were claimed before.
        before: u32,
    },
    /// Some that follow are forgotten.
    #[error("the messages that follow are kept no longer")]
    Forgotten,
}

impl News {
    /// A message was sent.
    pub fn push(&mut self, coded: &[u8]) {
        self.coded.extend(coded);
        self.lengths.push_back(coded.len());
        while self.lengths.len() > MAX_UNACKED_MESSAGES || self.coded.len() > NEWS_BYTES {
            self.forget_one();
        }
    }

    /// The player has heard so many: those need not be kept.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn hear(&mut self, heard: u32) -> Result<(), NewsError> {
        self.check(heard)?;
        if heard < self.heard {
            return Err(NewsError::Back { heard, before: self.heard });
        }
        self.heard = heard;
        while self.first < heard {
            self.forget_one();
        }
        Ok(())
    }

    /// All that was sent after so many, coded, in two pieces that follow each other.
    ///
    /// # Errors
    /// When that cannot be, or is not there any more.
    pub fn since(&self, heard: u32) -> Result<(&[u8], &[u8]), NewsError> {
        self.check(heard)?;
        let known = heard.checked_sub(self.first).ok_or(NewsError::Forgotten)? as usize;
        let skipped: usize = self.lengths.iter().take(known).sum();
        let (front, back) = self.coded.as_slices();
        Ok(match skipped.checked_sub(front.len()) {
            None => (&front[skipped..], back),
            Some(skipped) => (&[], &back[skipped..]),
        })
    }

    fn check(&self, heard: u32) -> Result<(), NewsError> {
        let sent = self.first + self.lengths.len() as u32;
        if heard > sent { Err(NewsError::Ahead { heard, sent }) } else { Ok(()) }
    }

    fn forget_one(&mut self) {
        let Some(length) = self.lengths.pop_front() else { return };
        self.coded.drain(..length);
        self.first += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages that say their numbers.
    fn news(count: u32) -> News {
        let mut news = News::default();
        (0..count).for_each(|number| news.push(&number.to_le_bytes()));
        news
    }

    fn since(news: &News, heard: u32) -> Result<Vec<u32>, NewsError> {
        let (front, back) = news.since(heard)?;
        let bytes = [front, back].concat();
        Ok(bytes.chunks(4).map(|number| u32::from_le_bytes(number.try_into().unwrap())).collect())
    }

    #[test]
    fn what_was_not_heard_is_said_again_in_order() {
        let mut news = news(5);
        assert_eq!(since(&news, 2), Ok(vec![2, 3, 4]));
        news.hear(2).unwrap();
        assert_eq!(since(&news, 2), Ok(vec![2, 3, 4]), "nothing more than what was heard is forgotten");
        assert_eq!(since(&news, 5), Ok(vec![]));
        assert_eq!(since(&news, 1), Err(NewsError::Forgotten));
    }

    #[test]
    fn a_ring_that_has_gone_round_is_read_across_its_seam() {
        let mut news = news(3);
        for number in 3..10_000_u32 {
            news.push(&number.to_le_bytes());
            news.hear(number - 1).unwrap();
            assert_eq!(since(&news, number - 1), Ok(vec![number - 1, number]));
        }
    }

    #[test]
    fn nobody_hears_what_was_not_said_or_unhears_what_was() {
        let mut news = news(5);
        assert_eq!(news.hear(6), Err(NewsError::Ahead { heard: 6, sent: 5 }));
        assert_eq!(since(&news, 6), Err(NewsError::Ahead { heard: 6, sent: 5 }));
        news.hear(4).unwrap();
        assert_eq!(news.hear(3), Err(NewsError::Back { heard: 3, before: 4 }));
        assert_eq!(news.hear(4), Ok(()), "to say the same twice is no fault");
    }

    #[test]
    fn a_player_who_never_says_what_they_heard_costs_no_more_than_the_bounds() {
        let mut small = news(5000);
        assert_eq!(since(&small, 5000 - MAX_UNACKED_MESSAGES as u32).unwrap().len(), MAX_UNACKED_MESSAGES);
        assert_eq!(since(&small, 0), Err(NewsError::Forgotten));
        assert_eq!(small.hear(10), Ok(()), "what was forgotten may still be said to be heard");
        let mut large = News::default();
        (0..1000).for_each(|_| large.push(&[0; 600]));
        assert!(large.coded.len() <= NEWS_BYTES && large.lengths.len() == NEWS_BYTES / 600);
    }
}
