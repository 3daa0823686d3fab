//! An HTML builder that prevents injection: tags and classes are static strings of this program, and any other text is escaped.

use std::fmt::{self, Display, Write};

/// A fragment of the page.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Adds an element with this class (without the attribute if `class` is empty) and the content that `inside` adds.
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

    /// Adds an element that contains a text.
    pub(super) fn text(&mut self, tag: &'static str, class: &'static str, text: impl Display) {
        self.element(tag, class, |inside| inside.push(text));
    }

    /// Adds a text, escaped.
    pub(super) fn push(&mut self, text: impl Display) {
        // Neither writing into a string nor the formatters of these texts can fail.
        let _ = write!(Escaping(&mut self.0), "{text}");
    }

    /// Adds HTML from this program's source, unescaped.
    pub(super) fn fixed(&mut self, html: &'static str) {
        self.0.push_str(html);
    }

    /// Adds a table with column heads and rows of cells. The first column holds names, the others numbers.
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

    /// Adds an element with attributes from this program's source, and a text, escaped.
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

    /// Returns the HTML.
    pub(super) fn into_html(self) -> String {
        self.0
    }
}

/// Escapes a text for HTML.
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
                // HTML cannot express this character.
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
    fn text_is_escaped() {
        let mut markup = Markup::default();
        markup.text("p", "why", "</p><script>alert('a' && \"b\")\0");
        assert_eq!(
            markup.into_html(),
            "<p class=\"why\">&lt;/p&gt;&lt;script&gt;alert(&#39;a&#39; &amp;&amp; &quot;b&quot;)\u{fffd}</p>"
        );
    }

    #[test]
    fn table_heads_have_a_scope() {
        let mut markup = Markup::default();
        markup.table(&["reason", "count"], [["<lost>".to_owned(), "3".to_owned()]]);
        let html = markup.into_html();
        assert!(html.contains("<th scope=\"col\">reason</th><th scope=\"col\">count</th>"), "{html}");
        assert!(html.contains("<th scope=\"row\">&lt;lost&gt;</th><td>3</td>"), "{html}");
    }
}
