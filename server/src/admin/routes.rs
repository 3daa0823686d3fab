//! The paths of the admin HTTP server, as the front page and the body of a 404 list them.

/// Every path that answers GET.
pub(super) const GET_ROUTES: [&str; 8] =
    ["/", "/livez", "/readyz", "/startupz", "/metrics", "/v1/rooms", "/v1/players", "/v1/certificate"];

/// Every request that changes something, as method and path.
pub(super) const ACTIONS: [&str; 1] = ["POST /v1/rooms/{id}/mark"];
