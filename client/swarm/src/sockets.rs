//! The sockets of one worker's bots: shared by bots on the plain network, one each for bots on a modelled link.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use super::{context::WorkerContext, endpoint, run_error::RunError, schedule::BotSchedule};
use quarrel_client::{Connector, net::transport};

/// Bots that share an endpoint: few enough that its task is not the bottleneck, and many, since each endpoint has a receive buffer of
/// 3 MB.
const BOTS_PER_ENDPOINT: usize = 256;

/// Time limit for the last close frames to leave.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// The endpoints of one worker.
#[derive(Default)]
pub(super) struct BotSockets {
    /// The endpoint that a group's next bots share, and how many bots use it already.
    shared: BTreeMap<u16, (Connector, usize)>,
    endpoints: Vec<quinn::Endpoint>,
    /// Whether some bots have sockets of their own.
    has_links: bool,
}

impl BotSockets {
    /// Returns the connector of a bot. A bot on a link gets a socket of its own, since the link models that bot's path alone.
    pub(super) fn connector(
        &mut self,
        context: &WorkerContext,
        bot: &BotSchedule,
    ) -> Result<Connector, RunError> {
        let target = context.targets.get(usize::from(bot.group)).ok_or(RunError::Panicked)?;
        let server = target.connect.server;
        if let Some(link) = context.plan.link(bot.group) {
            let endpoint = endpoint::impaired(server, &link, context.plan.seed, u64::from(bot.bot))?;
            self.has_links = true;
            return Ok(Connector::new(endpoint, &target.connect)?);
        }
        if let Some((connector, bots)) = self.shared.get_mut(&bot.group)
            && *bots < BOTS_PER_ENDPOINT
        {
            *bots += 1;
            return Ok(connector.clone());
        }
        let endpoint = transport::open_endpoint(server)?;
        self.endpoints.push(endpoint.clone());
        let connector = Connector::new(endpoint, &target.connect)?;
        self.shared.insert(bot.group, (connector.clone(), 1));
        Ok(connector)
    }

    /// Waits until the last close frames have left, at most [`FLUSH_TIMEOUT`].
    pub(super) async fn flush(&self) {
        let idle = async {
            for endpoint in &self.endpoints {
                endpoint.wait_idle().await;
            }
        };
        let began = Instant::now();
        // A server that is gone never acknowledges the close frames.
        let _ = timeout(FLUSH_TIMEOUT, idle).await;
        if self.has_links {
            // The last packets of bots on links are still delayed by the link, which runs on this runtime.
            sleep_until(began + FLUSH_TIMEOUT).await;
        }
    }
}
