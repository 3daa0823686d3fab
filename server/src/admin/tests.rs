//! The admin HTTP server over real TCP on port 0, as a client sees it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::access::AccessPolicy;
use super::dto::{Mark, MarkRefusal, PlayerListing, Readiness, RoomActivity, RoomListing};
use super::*;

/// A backend whose state a test sets.
struct FakeBackend {
    rooms: Mutex<Vec<RoomListing>>,
    readiness: Mutex<Readiness>,
    stalled_threads: Mutex<Vec<&'static str>>,
}

impl AdminBackend for FakeBackend {
    fn rooms(&self) -> Vec<RoomListing> {
        self.rooms.lock().unwrap().clone()
    }

    fn stalled_threads(&self, _running_since: Instant) -> Vec<&'static str> {
        self.stalled_threads.lock().unwrap().clone()
    }

    fn players(&self) -> Vec<PlayerListing> {
        vec![PlayerListing {
            id: "1".into(),
            name: "Ada".into(),
            room: Some("7".into()),
            seat: Some(3),
            address: "[::1]:4000".parse().unwrap(),
            rtt_ms: 12,
            connected_s: 60,
        }]
    }

    fn readiness(&self) -> Readiness {
        *self.readiness.lock().unwrap()
    }

    fn certificate_sha256(&self) -> String {
        "ab".repeat(32)
    }

    /// Returns an answer that the room's id selects.
    fn mark(&self, room: &str, reason: String) -> MarkFuture {
        let answer = match room {
            "7" => Ok(Mark { room: room.into(), tick: 9, journal: reason, mark: 2 }),
            "8" => Err(MarkRefusal::NotWritten("there is a gap".into())),
            "9" => Err(MarkRefusal::Busy("it is full".into())),
            "10" => return Box::pin(std::future::pending()),
            _ => Err(MarkRefusal::NoRoom),
        };
        Box::pin(async { answer })
    }
}

fn room(tick: u32) -> RoomListing {
    RoomListing {
        id: "7".into(),
        game: "arena",
        tick,
        seats: 16,
        players: 2,
        bots: 4,
        tick_rate: 30,
        state: RoomActivity::Playing,
        overruns: 0,
        slips: 2,
        step_ms: 0.25,
        age_s: 5,
        journal: Some("run-00001-room-000007.journal".into()),
    }
}

fn started() -> (Arc<FakeBackend>, AdminHandle, CancellationToken) {
    let fake = Arc::new(FakeBackend {
        rooms: Mutex::new(vec![room(1)]),
        readiness: Mutex::new(Readiness::Ready),
        stalled_threads: Mutex::default(),
    });
    let (handle, stop) = starting(AccessPolicy::LocalHost);
    handle.set_backend(Arc::<FakeBackend>::clone(&fake));
    (fake, handle, stop)
}

/// Starts an admin server without a backend, as during the start of a process.
fn starting(access: AccessPolicy) -> (AdminHandle, CancellationToken) {
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let handle =
        start(listener, Reloadable::new(access), Metrics::new(), stop.clone(), CancellationToken::new())
            .unwrap();
    (handle, stop)
}

/// Sends a request, reads until the server closes, and returns status and body.
fn send(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, body)
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    send(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

#[test]
fn the_server_fails_when_the_admin_thread_panics_or_ends_before_its_stop() {
    let has_failed = |run: fn(), is_stopped: bool| {
        let (stop, failed) = (CancellationToken::new(), CancellationToken::new());
        if is_stopped {
            stop.cancel();
        }
        run_watched(run, &stop, &failed);
        failed.is_cancelled()
    };
    assert!(has_failed(|| panic!("a defect"), false) && has_failed(|| panic!("a defect"), true));
    assert!(has_failed(|| {}, false), "the thread ended without a stop");
    assert!(!has_failed(|| {}, true));
}

#[test]
fn every_get_route_answers_with_200() {
    let (_, handle, _) = started();
    for route in routes::GET_ROUTES {
        assert_eq!(get(handle.local_address(), route).0, 200, "{route}");
    }
    handle.shutdown();
}

#[test]
fn listings_have_the_documented_fields() {
    let (_, handle, _) = started();
    let (_, body) = get(handle.local_address(), "/v1/rooms");
    let expected = "{\"rooms\":[{\"id\":\"7\",\"game\":\"arena\",\"tick\":1,\"seats\":16,\"players\":2,\"bots\":4,\
                    \"tick_rate\":30,\"state\":\"playing\",\"overruns\":0,\"slips\":2,\"step_ms\":0.25,\"age_s\":5,\"journal\":\"run-00001-room-000007.journal\"}]}";
    assert_eq!(body, expected);
    let (_, body) = get(handle.local_address(), "/v1/players");
    let expected = "{\"players\":[{\"id\":\"1\",\"name\":\"Ada\",\"room\":\"7\",\"seat\":3,\
                    \"address\":\"[::1]:4000\",\"rtt_ms\":12,\"connected_s\":60}]}";
    assert_eq!(body, expected);
    let (_, body) = get(handle.local_address(), "/v1/certificate");
    assert_eq!(body, format!("{{\"sha256\":\"{}\"}}", "ab".repeat(32)));
    handle.shutdown();
}

#[test]
fn an_unknown_path_lists_the_routes_and_a_wrong_method_is_refused() {
    let (_, handle, _) = started();
    let (status, body) = get(handle.local_address(), "/v2/rooms");
    assert_eq!(status, 404);
    assert!(body.contains("\"routes\":[\"/\",\"/livez\""), "{body}");
    assert!(body.contains("\"actions\":[\"POST /v1/rooms/{id}/mark\"]"), "{body}");
    let (status, _) =
        send(handle.local_address(), "POST /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(status, 405);
    handle.shutdown();
}

/// Posts a mark to a room; `kind` is the content type and may contain further header lines.
fn post_mark(address: SocketAddr, room: &str, kind: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let head = format!("POST /v1/rooms/{room}/mark HTTP/1.1\r\nHost: localhost\r\nConnection: close");
    send(address, &format!("{head}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"))
}

#[test]
fn a_mark_succeeds_or_fails_with_a_reason() {
    let (_, handle, _) = started();
    let address = handle.local_address();
    let marked = |room: &str, body: &str| post_mark(address, room, "application/json", body);
    let reason = "{\"reason\":\"why\"}";
    let expected = "{\"room\":\"7\",\"tick\":9,\"journal\":\"why\",\"mark\":2}";
    assert_eq!(marked("7", reason), (200, expected.into()));
    assert_eq!(marked("8", reason), (409, "{\"error\":\"there is a gap\"}".into()));
    assert_eq!(marked("9", reason), (503, "{\"error\":\"it is full\"}".into()));
    assert_eq!(marked("10", reason), (503, "{\"error\":\"the room does not answer\"}".into()));
    assert_eq!(marked("11", reason), (404, "{\"error\":\"no such room\"}".into()));
    assert_eq!(marked("7", "{\"reason\":\"\"}"), (400, "{\"error\":\"the reason is empty\"}".into()));
    handle.shutdown();
}

#[test]
fn a_web_page_in_a_browser_cannot_mark() {
    let (_, handle, _) = started();
    let address = handle.local_address();
    // The second is the origin after DNS rebinding.
    for origin in ["http://elsewhere", "http://localhost", "null"] {
        let kind = format!("application/json\r\nOrigin: {origin}");
        let (status, body) = post_mark(address, "7", &kind, "{\"reason\":\"why\"}");
        assert_eq!((status, body.as_str()), (403, "{\"error\":\"requests from web pages are refused\"}"));
    }
    let (status, body) = post_mark(address, "7", "text/plain", "{\"reason\":\"why\"}");
    assert_eq!((status, body.as_str()), (415, "{\"error\":\"the content-type must be application/json\"}"));
    let preflight = "OPTIONS /v1/rooms/7/mark HTTP/1.1\r\nHost: localhost\r\nOrigin: http://elsewhere\r\n\
                     Access-Control-Request-Headers: content-type\r\nConnection: close\r\n\r\n";
    assert_eq!(send(address, preflight).0, 405, "a preflight request is refused");
    handle.shutdown();
}

#[test]
fn a_mark_must_be_posted_and_is_limited_in_size() {
    let (_, handle, _) = started();
    let address = handle.local_address();
    let (status, body) = get(address, "/v1/rooms/7/mark");
    assert_eq!((status, body.as_str()), (405, "{\"error\":\"only POST is allowed\"}"));
    let large = format!("{{\"reason\":\"{}\"}}", "a".repeat(5000));
    let (status, body) = post_mark(address, "7", "application/json", &large);
    assert_eq!((status, body.as_str()), (413, "{\"error\":\"the body is longer than 4 KiB\"}"));
    handle.shutdown();
}

#[test]
fn a_stuck_room_makes_the_server_not_live() {
    let (fake, handle, _) = started();
    assert_eq!(get(handle.local_address(), "/livez").0, 200);
    let deadline = Instant::now() + Duration::from_secs(20);
    let body = loop {
        let (status, body) = get(handle.local_address(), "/livez");
        if status == 503 {
            break body;
        }
        assert!(Instant::now() < deadline, "a stuck room must be detected");
        std::thread::yield_now();
    };
    assert_eq!(body, "{\"error\":\"rooms do not tick\",\"rooms\":[\"7\"]}");
    *fake.rooms.lock().unwrap() = vec![room(2)];
    assert_eq!(get(handle.local_address(), "/livez").0, 200, "the room ticks again");
    handle.shutdown();
}

#[test]
fn a_full_or_stopping_server_is_not_ready_and_returns_the_reason() {
    let (fake, handle, _) = started();
    for (readiness, reason) in [(Readiness::Full, "full"), (Readiness::Stopping, "stopping")] {
        *fake.readiness.lock().unwrap() = readiness;
        let (status, body) = get(handle.local_address(), "/readyz");
        assert_eq!((status, body), (503, format!("{{\"error\":\"{reason}\"}}")));
    }
    handle.shutdown();
}

#[test]
fn cancelling_the_stop_token_closes_the_listener() {
    let (_, handle, stop) = started();
    let address = handle.local_address();
    stop.cancel();
    handle.join();
    assert!(TcpStream::connect(address).is_err(), "the listener must be closed");
}

#[test]
fn an_incomplete_request_head_times_out() {
    let (_, handle, _) = started();
    let began = Instant::now();
    let (status, _) = send(handle.local_address(), "GET / HTTP/1.1\r\nX-Slow: ");
    assert!(status == 0 || status == 408, "an incomplete request has no answer, or 408");
    assert!(began.elapsed() >= Duration::from_secs(4), "the head timeout must pass first");
    handle.shutdown();
}

#[test]
fn idle_and_slow_connections_do_not_delay_a_health_check() {
    let (_, handle, _) = started();
    let address = handle.local_address();
    let slow_body = b"POST /v1/rooms/7/mark HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{";
    for first_bytes in [&b""[..], b"GET / HTTP/1.1\r\n", slow_body] {
        let slow = || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(first_bytes).unwrap();
            stream
        };
        let _open: Vec<_> = (0..2 * listener::MAX_CONNECTIONS).map(|_| slow()).collect();
        let began = Instant::now();
        assert_eq!(get(address, "/livez").0, 200);
        // Below the shortest of all timeouts, so none of them has helped.
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    handle.shutdown();
}

#[test]
fn a_connection_without_a_first_byte_is_closed_after_a_second_and_a_slow_body_after_five() {
    let (_, handle, _) = started();
    let began = Instant::now();
    assert_eq!(send(handle.local_address(), "").0, 0);
    let idle = began.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_secs(4)).contains(&idle), "{idle:?}");
    let head = "POST /v1/rooms/7/mark HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let (status, body) = send(handle.local_address(), &format!("{head}Content-Length: 99\r\n\r\n{{"));
    assert_eq!((status, body.as_str()), (408, "{\"error\":\"the request was not complete within 5 s\"}"));
    handle.shutdown();
}

#[test]
fn a_starting_process_is_live_and_neither_started_nor_ready() {
    let (handle, _) = starting(AccessPolicy::LocalHost);
    let address = handle.local_address();
    assert_eq!(get(address, "/livez").0, 200);
    for path in ["/startupz", "/readyz", "/v1/rooms", "/"] {
        assert_eq!(get(address, path), (503, "{\"error\":\"starting\"}".into()), "{path}");
    }
    handle.shutdown();
}

#[test]
fn threads_that_do_not_run_make_the_server_not_live() {
    let (fake, handle, _) = started();
    *fake.stalled_threads.lock().unwrap() = vec!["network"];
    let expected = "{\"error\":\"threads do not run\",\"threads\":[\"network\"]}";
    assert_eq!(get(handle.local_address(), "/livez"), (503, expected.into()));
    handle.shutdown();
}

#[test]
fn a_foreign_host_reaches_health_checks_only() {
    let (_, handle, _) = started();
    let request =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    for path in ["/", "/v1/players", "/v1/rooms", "/metrics", "/nothing"] {
        assert_eq!(send(handle.local_address(), &request(path)).0, 403, "{path}");
    }
    for path in ["/livez", "/readyz", "/startupz"] {
        assert_eq!(send(handle.local_address(), &request(path)).0, 200, "{path}");
    }
    handle.shutdown();
}

#[test]
fn with_a_token_every_request_but_health_checks_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a secret of no one").unwrap();
    assert!(AccessPolicy::read(Some(&file)).is_err(), "a token is one word");
    std::fs::write(&file, "a-secret-of-the-test\n").unwrap();
    let (handle, _) = starting(AccessPolicy::read(Some(&file)).unwrap());
    let address = handle.local_address();
    assert_eq!((get(address, "/livez").0, get(address, "/metrics").0), (200, 401));
    let request = "GET /metrics HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\nAuthorization: Bearer a-secret-of-the-test\r\n\r\n";
    assert_eq!(send(address, request).0, 200);
    handle.shutdown();
}

#[test]
fn metrics_are_rendered_in_the_format_that_the_client_accepts() {
    let (_, handle, _) = started();
    let rendered = |accept: &str| {
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{accept}\r\n");
        send(handle.local_address(), &request).1
    };
    let prometheus = "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
    assert!(rendered(prometheus).ends_with("# EOF\n"));
    for accept in ["", "Accept: text/plain\r\n", "Accept: */*\r\n"] {
        let text = rendered(accept);
        assert!(text.contains("# TYPE quarrel_joins_total counter\n") && !text.contains("# EOF"), "{text}");
    }
    handle.shutdown();
}
