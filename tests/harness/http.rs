//! A minimal HTTP client for the admin HTTP server: one request per connection.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::wait::within;

/// A response of the admin HTTP server.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl Response {
    /// The body as JSON.
    ///
    /// # Panics
    /// When the body is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("the body is not JSON: {error} in {}", self.body))
    }
}

/// Sends a GET request for a path.
///
/// # Panics
/// When the server does not respond in time.
pub async fn get(server: SocketAddr, path: &str) -> Response {
    get_with(server, path, &server.to_string(), "").await
}

/// Sends a GET request for a path, with this `Host` and with further headers, each of which ends with a line break.
///
/// # Panics
/// When the server does not respond in time.
pub async fn get_with(server: SocketAddr, path: &str, host: &str, headers: &str) -> Response {
    request(server, &format!("GET {path}"), &format!("Host: {host}\r\n{headers}"), "").await
}

/// Sends a POST request with a JSON body.
///
/// # Panics
/// When the server does not respond in time.
pub async fn post(server: SocketAddr, path: &str, body: &Value) -> Response {
    let body = body.to_string();
    let length = body.len();
    let head = format!("Host: {server}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
    request(server, &format!("POST {path}"), &head, &body).await
}

async fn request(server: SocketAddr, target: &str, head: &str, body: &str) -> Response {
    let exchange = async {
        let mut stream = TcpStream::connect(server).await?;
        let request = format!("{target} HTTP/1.1\r\nConnection: close\r\n{head}\r\n{body}");
        stream.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        std::io::Result::Ok(response)
    };
    let response = within(target, exchange).await.unwrap_or_else(|error| panic!("{target}: {error}"));
    let (head, body) =
        response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("the response is not HTTP: {response}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Response {
        status: status.unwrap_or_else(|| panic!("the response has no status: {head}")),
        body: body.to_owned(),
    }
}
