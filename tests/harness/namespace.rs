//! Namespaces of Linux: a small disk or a network that only the processes of one test see, and that vanish with the test.
//!
//! They need the rights of root, or user namespaces. Without both, a test is skipped and prints the reason.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// A process that holds namespaces until it is dropped. It also ends with the test's process, because it reads from a pipe of it.
pub struct Namespace {
    holder: Child,
    /// The kinds of namespaces, as arguments of `unshare` and `nsenter`.
    kinds: Vec<&'static str>,
}

impl Namespace {
    /// Creates a network of its own with a loopback device and without IPv6 addresses. `None` where that is not allowed.
    #[must_use]
    pub fn without_ipv6_addresses() -> Option<Self> {
        // The flags of a device are set with `ip` or, where that is missing, with an ioctl: SIOCSIFFLAGS with IFF_UP and IFF_RUNNING.
        let up = "import fcntl, socket, struct; \
                  fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 0x41))";
        let setup = format!(
            "(ip link set lo up 2>/dev/null || python3 -c \"{up}\") \
             && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"
        );
        Self::create(&["--net"], &setup, Path::new(""))
    }

    /// Returns the arguments that run a program inside, when they are put before it.
    #[must_use]
    pub fn wrapper(&self) -> Vec<String> {
        let mut arguments = vec!["nsenter".to_owned(), format!("--target={}", self.holder.id())];
        arguments.extend(self.kinds.iter().map(|kind| (*kind).to_owned()));
        if self.kinds.contains(&USER) {
            arguments.push("--preserve-credentials".to_owned());
        }
        arguments
    }

    /// Returns the path under which the test reaches a file inside.
    #[must_use]
    pub fn outside(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").expect("a path from the root"))
    }

    /// Creates namespaces of these kinds, and runs a shell script inside with `path` as its first argument.
    fn create(kinds: &[&'static str], setup: &str, path: &Path) -> Option<Self> {
        let script = format!("{setup} && echo ready && exec cat >/dev/null");
        let mut reasons = Vec::new();
        // As root if possible, because some systems forbid user namespaces.
        for user in [None, Some(USER)] {
            let kinds: Vec<_> = user.iter().chain(kinds).copied().collect();
            let mut holder = Command::new("unshare")
                .args(user.map(|_| "--map-root-user"))
                .args(&kinds)
                .args(["sh", "-c", &script, "sh"])
                .arg(path)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("`unshare` is in every Linux");
            let mut line = String::new();
            let out = holder.stdout.take().expect("a pipe");
            BufReader::new(out).read_line(&mut line).expect("a pipe");
            if line == "ready\n" {
                return Some(Self { holder, kinds });
            }
            let output = holder.wait_with_output().expect("the process must end");
            reasons.push(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        // Not with a macro, because the output of a test that passes would hide it.
        let _ = writeln!(io::stderr(), "SKIPPED, namespaces are not allowed here: {}", reasons.join("; "));
        None
    }
}

/// The argument for a user namespace.
const USER: &str = "--user";

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A disk that can be filled.
pub struct SmallDisk {
    namespace: Namespace,
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts a disk of 2 MiB. `None` where that is not allowed.
    ///
    /// # Panics
    /// When there is no folder to mount it on.
    #[must_use]
    pub fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let namespace = Namespace::create(
            &["--mount"],
            "mount -t tmpfs -o size=2m,mode=700 tmpfs \"$1\"",
            folder.path(),
        )?;
        Some(Self { namespace, folder })
    }

    /// Returns the arguments that run a program which sees the disk, when they are put before it.
    #[must_use]
    pub fn wrapper(&self) -> Vec<String> {
        self.namespace.wrapper()
    }

    /// The path of a file for a program that sees the disk.
    #[must_use]
    pub fn inside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of the same file for the test.
    #[must_use]
    pub fn outside(&self, name: &str) -> PathBuf {
        self.namespace.outside(&self.inside(name))
    }

    /// Fills the disk except for this number of bytes, a multiple of the page size.
    ///
    /// # Panics
    /// When the disk accepts no file.
    pub fn fill_except(&self, free_bytes: u64) {
        let path = self.outside(FILLER);
        let mut file = File::create(path).expect("a file on the disk");
        let mut written = 0;
        for bytes in [64 * 1024, 1] {
            let block = vec![0; bytes];
            while let Ok(taken @ 1..) = file.write(&block) {
                written += taken as u64;
            }
        }
        file.set_len(written.saturating_sub(free_bytes)).expect("a shorter file");
    }

    /// Frees the space again.
    ///
    /// # Panics
    /// When the disk is not filled.
    pub fn free(&self) {
        fs::remove_file(self.outside(FILLER)).expect("a filled disk");
    }
}

/// The name of the file that fills a disk.
const FILLER: &str = "filler";
