//! Limits of the system that a server runs into under load: the sizes of its UDP buffers and the number of open files. They are read at the
//! start and in `quarrel check`, because a limit that is too low shows only when a thousand players are connected.

use std::net::UdpSocket;

use quarrel_transport::settings::{SOCKET_BUFFER_BYTES, SocketBuffers, socket_buffers};

use crate::config::{Config, Switch};

/// Open files in addition to the rooms' journals: sockets, the database, secrets, and the connections of the admin HTTP server.
const RESERVED_FILES: u64 = 192;

/// The limits as the system reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SystemLimits {
    /// The sizes of the buffers of the players' socket, in bytes; `None` if the system does not report them.
    pub buffers: Option<SocketBuffers>,
    /// The maximum number of open files.
    pub open_files: u64,
}

impl SystemLimits {
    /// Raises the limit of open files as far as the system allows, and reads all limits.
    #[must_use]
    pub(crate) fn raise_and_read(socket: &UdpSocket) -> Self {
        Self {
            buffers: socket_buffers(socket).ok(),
            // Fails only on systems without this limit.
            open_files: rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX),
        }
    }

    /// Returns a sentence for each limit that is too low for this configuration.
    #[must_use]
    pub(crate) fn warnings(&self, config: &Config) -> Vec<String> {
        let mut warnings = Vec::new();
        let kib = |bytes: usize| bytes / 1024;
        if let Some(buffers) = self.buffers {
            let directions = [("receive", buffers.receive, "rmem"), ("send", buffers.send, "wmem")];
            for (direction, bytes, name) in
                directions.into_iter().filter(|(_, bytes, _)| *bytes < SOCKET_BUFFER_BYTES)
            {
                warnings.push(format!(
                    "the UDP {direction} buffer has {} KiB instead of {} KiB, so that packets are lost when many players send at once; set net.core.{name}_max to {SOCKET_BUFFER_BYTES}",
                    kib(bytes),
                    kib(SOCKET_BUFFER_BYTES),
                ));
            }
        }
        let journals = if config.journal.write == Switch::On { config.room.rooms as u64 } else { 0 };
        let needed = journals + RESERVED_FILES;
        if self.open_files < needed {
            warnings.push(format!(
                "the process may open {} files, and room.rooms = {} needs {needed}; raise the limit (ulimit -n, LimitNOFILE)",
                self.open_files, config.room.rooms
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::arena::Arena;

    use super::*;
    use crate::config::{FlagValue, GameDefaults, Sources, load};

    fn config(rooms: &str) -> Config {
        let game = GameDefaults::of::<Arena>();
        let flags = vec![FlagValue { key: "room.rooms", value: rooms.to_owned(), flag: "--rooms" }];
        load(&Sources { flags, ..Sources::default() }, &[game]).unwrap()
    }

    #[test]
    fn limits_that_suffice_cause_no_warning() {
        let enough = SystemLimits {
            buffers: Some(SocketBuffers { receive: SOCKET_BUFFER_BYTES, send: SOCKET_BUFFER_BYTES }),
            open_files: 64 + RESERVED_FILES,
        };
        assert_eq!(enough.warnings(&config("64")), Vec::<String>::new());
        assert_eq!(enough.warnings(&config("65")).len(), 1, "one room more needs one file more");
        assert!(SystemLimits { buffers: None, ..enough }.warnings(&config("64")).is_empty());
    }

    #[test]
    fn small_buffers_and_few_files_are_named_with_the_setting_to_change() {
        let few = SystemLimits {
            buffers: Some(SocketBuffers { receive: 212_992, send: 212_992 }),
            open_files: 256,
        };
        let warnings = few.warnings(&config("10000"));
        assert_eq!(warnings.len(), 3);
        assert!(
            warnings[0].contains("receive buffer has 208 KiB instead of 4096 KiB")
                && warnings[0].contains("net.core.rmem_max")
        );
        assert!(warnings[1].contains("net.core.wmem_max"));
        assert!(warnings[2].contains("may open 256 files") && warnings[2].contains("needs 10192"));
    }

    #[test]
    fn a_bound_socket_reports_its_buffers() {
        let socket = quarrel_transport::settings::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let limits = SystemLimits::raise_and_read(&socket);
        assert!(limits.buffers.is_some_and(|buffers| buffers.receive > 0 && buffers.send > 0));
        assert!(limits.open_files > 0);
    }
}
