//! The front page of the admin HTTP server: links and a table of rooms, without scripts or external resources.

use std::fmt::Write;

use super::dto::RoomListing;
use super::routes::GET_ROUTES;

const HEAD: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\"><title>Quarrel</title>
<style>body{font:16px system-ui;margin:2rem}td,th{padding:.2rem 1rem .2rem 0;text-align:left}</style>
<h1>Quarrel</h1>
<p>";

const COLUMNS: &str = "<h2>Rooms</h2>
<table><tr><th>room<th>game<th>players<th>bots<th>seats<th>tick<th>step<th>overruns<th>slips<th>age
";

/// Renders links to every other GET route, and the rooms as a table. The page reloads itself every five seconds.
pub(super) fn render(rooms: &[RoomListing]) -> String {
    let mut page = String::from(HEAD);
    for route in &GET_ROUTES[1..] {
        page.push_str(&format_link(route));
    }
    page.push_str(COLUMNS);
    for room in rooms {
        push_row(&mut page, room);
    }
    page.push_str("</table>\n");
    if rooms.is_empty() {
        page.push_str("<p>No rooms: the first player who joins opens one.\n");
    }
    page
}

fn format_link(route: &str) -> String {
    format!("<a href=\"{route}\">{route}</a> ")
}

fn push_row(page: &mut String, room: &RoomListing) {
    let RoomListing { players, bots, seats, tick, step_ms, overruns, slips, age_s, .. } = room;
    let (id, game) = (escape(&room.id), escape(room.game));
    // Writing to a string cannot fail.
    let _ = writeln!(
        page,
        "<tr><td>{id}<td>{game}<td>{players}<td>{bots}<td>{seats}<td>{tick}<td>{step_ms} ms<td>{overruns}<td>{slips}<td>{age_s} s"
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("<b>&\"</b>"), "&lt;b&gt;&amp;&quot;&lt;/b&gt;");
    }
}
