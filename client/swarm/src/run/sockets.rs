//! The sockets of one worker's bots: bots on the real network share sockets, and each bot on a simulated link has its own.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use quarrel_netsim::{Link, socket::ImpairedSocket};
use quinn::Endpoint;
use tokio::time::{Instant, sleep_until, timeout};

use super::{context::WorkerContext, error::RunError, schedule::BotSchedule};
use quarrel_client::{Connector, net::transport};

/// Number of bots that share an endpoint: few enough that the endpoint's task is not the bottleneck, and otherwise as many as possible,
/// because each endpoint has a receive buffer of 3 MB.
const BOTS_PER_ENDPOINT: usize = 256;

/// Time limit for sending the last close frames.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// The endpoints of one worker.
#[derive(Default)]
pub(crate) struct BotSockets {
    /// By group: the endpoint that the group's next bots share, and the number of bots that already use the endpoint.
    shared: BTreeMap<u16, (Connector, usize)>,
    /// All shared endpoints.
    endpoints: Vec<Endpoint>,
    /// Whether any bot is on a link.
    has_links: bool,
}

impl BotSockets {
    /// Returns the connector of a bot. A bot on a link gets its own socket, because the link simulates the path of that bot alone.
    ///
    /// # Errors
    /// When the system provides no socket, or the trust in the server's certificate cannot be used.
    pub(crate) fn connector(
        &mut self,
        context: &WorkerContext,
        bot: &BotSchedule,
    ) -> Result<Connector, RunError> {
        let target = context.targets.get(usize::from(bot.group)).ok_or(RunError::Panicked)?;
        let server = target.connect.server;
        if let Some(link) = context.plan.link(bot.group) {
            let endpoint = open_impaired(server, &link, context.plan.seed, u64::from(bot.bot))?;
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

    /// Waits until the last close frames are sent: at most [`FLUSH_TIMEOUT`], and exactly that long if any bot is on a link.
    pub(crate) async fn flush(&self) {
        let idle = async {
            for endpoint in &self.endpoints {
                endpoint.wait_idle().await;
            }
        };
        let began = Instant::now();
        // A server that is gone never acknowledges the close frames.
        let _ = timeout(FLUSH_TIMEOUT, idle).await;
        if self.has_links {
            // Links may still delay the last packets of their bots, and links run on this runtime.
            sleep_until(began + FLUSH_TIMEOUT).await;
        }
    }
}

/// Opens an endpoint with its own socket, whose packets travel over `link`. `seed` and `bot` together select the random stream of the
/// link's delays and losses. Requires a tokio runtime.
///
/// # Errors
/// When the system provides no socket.
pub fn open_impaired(server: SocketAddr, link: &Link, seed: u64, bot: u64) -> io::Result<Endpoint> {
    // The link is below the layer that repeats handshake packets, so that the copies can be lost too.
    transport::open_endpoint_with(server, |socket| Arc::new(ImpairedSocket::new(socket, link, seed, bot)))
}
