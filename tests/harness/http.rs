//! What an operator asks: a request and its answer, by hand.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::wait::within;

/// An answer of the operator's plane.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON: {error} in {}", self.body))
    }
}

/// Asks for a path.
///
/// # Panics
/// When there is no answer.
pub async fn get(server: SocketAddr, path: &str) -> Answer {
    ask(server, &format!("GET {path}"), "", "").await
}

/// Posts this as JSON.
///
/// # Panics
/// When there is no answer.
pub async fn post(server: SocketAddr, path: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    ask(server, &format!("POST {path}"), &head, &body).await
}

async fn ask(server: SocketAddr, what: &str, head: &str, body: &str) -> Answer {
    let asked = async {
        let mut stream = TcpStream::connect(server).await?;
        let request = format!("{what} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n{head}\r\n{body}");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = within(what, asked).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {answer}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap_or_else(|| panic!("no status: {head}")), body: body.to_owned() }
}
