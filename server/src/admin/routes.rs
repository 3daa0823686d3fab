//! The paths of the admin HTTP server, as its front page and its 404 answer list them.

/// Every path that answers GET.
pub(super) const GET_ROUTES: [&str; 7] =
    ["/", "/livez", "/readyz", "/metrics", "/v1/rooms", "/v1/players", "/v1/certificate"];

/// Every method and path that changes something.
pub(super) const ACTIONS: [&str; 1] = ["POST /v1/rooms/{id}/mark"];
