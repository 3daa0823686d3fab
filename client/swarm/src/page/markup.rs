//! HTML that is made piece by piece, in a way that cannot be broken out of: tags and classes are fixed words of this program, and any other
//! text is escaped.

use std::fmt::{self, Display, Write};

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Puts in an element with this class (none if empty) and with this in it.
    pub(super) fn element(&mut self, tag: &'static str, class: &'static str, inside: impl FnOnce(&mut Self)) {
        self.0.push('<');
        self.0.push_str(tag);
        if !class.is_empty() {
            self.0.push_str(" class=\"");
            self.0.push_str(class);
            self.0.push('"');
        }
        self.0.push('>');
        inside(self);
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }

    /// Puts in an element with a text in it.
    pub(super) fn text(&mut self, tag: &'static str, class: &'static str, text: impl Display) {
        self.element(tag, class, |inside| inside.push(text));
    }

    /// Puts in a text.
    pub(super) fn push(&mut self, text: impl Display) {
        // Writing into memory cannot fail, and neither do the texts that come here.
        let _ = write!(Escaping(&mut self.0), "{text}");
    }

    /// Puts in what this program's own source says, tags and all.
    pub(super) fn fixed(&mut self, html: &'static str) {
        self.0.push_str(html);
    }

    /// Puts in a table: heads, and rows of cells. The first column is names, the others are numbers.
    pub(super) fn table<R: AsRef<[String]>>(&mut self, heads: &[&str], rows: impl IntoIterator<Item = R>) {
        self.element("div", "scroll", |scroll| {
            scroll.element("table", "", |table| {
                table.element("thead", "", |head| {
                    head.element("tr", "", |row| {
                        heads.iter().for_each(|name| row.element_with("th", " scope=\"col\"", name));
                    });
                });
                table.element("tbody", "", |body| {
                    for cells in rows {
                        body.element("tr", "", |row| {
                            for (column, cell) in cells.as_ref().iter().enumerate() {
                                match column {
                                    0 => row.element_with("th", " scope=\"row\"", cell),
                                    _ => row.text("td", "", cell),
                                }
                            }
                        });
                    }
                });
            });
        });
    }

    fn element_with(&mut self, tag: &'static str, attributes: &'static str, text: &str) {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push_str(attributes);
        self.0.push('>');
        self.push(text);
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }

    /// All of it.
    pub(super) fn into_html(self) -> String {
        self.0
    }
}

/// A text as HTML.
pub(super) fn escaped(text: impl Display) -> String {
    let mut markup = Markup::default();
    markup.push(text);
    markup.into_html()
}

struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // HTML has no way to say this one.
                '\0' => self.0.push('\u{fffd}'),
                letter => self.0.push(letter),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let mut markup = Markup::default();
        markup.text("p", "why", "</p><script>alert('a' && \"b\")\0");
        assert_eq!(
            markup.into_html(),
            "<p class=\"why\">&lt;/p&gt;&lt;script&gt;alert(&#39;a&#39; &amp;&amp; &quot;b&quot;)\u{fffd}</p>"
        );
    }

    #[test]
    fn tables_say_what_their_heads_are() {
        let mut markup = Markup::default();
        markup.table(&["reason", "count"], [["<lost>".to_owned(), "3".to_owned()]]);
        let html = markup.into_html();
        assert!(html.contains("<th scope=\"col\">reason</th><th scope=\"col\">count</th>"), "{html}");
        assert!(html.contains("<th scope=\"row\">&lt;lost&gt;</th><td>3</td>"), "{html}");
    }
}
