//! What other methods say.

use std::fmt::Write as _;

use super::escape::escape;
use crate::report::{
    evidence::cells::{METHODS, QUANTILES, about, methods, quantiles, sentences},
    summary::Summary,
};

/// The section, where any method has an answer.
pub(super) fn section(html: &mut String, summary: &Summary) {
    let mut tables = String::new();
    for scenario in summary.scenarios() {
        let (methods, sentences) = (methods(summary, scenario), sentences(summary, scenario));
        if methods.is_empty() && sentences.is_empty() {
            continue;
        }
        let _ = writeln!(tables, "<h3>{}</h3>", escape(scenario));
        for sentence in sentences {
            let _ = writeln!(tables, "<p>{}.</p>", escape(&sentence));
        }
        table(&mut tables, &METHODS, &methods);
        table(&mut tables, &QUANTILES, &quantiles(summary, scenario));
    }
    if !tables.is_empty() {
        let about = about(summary);
        let _ = write!(html, "<section>\n<h2>By other methods</h2>\n<p>{about}</p>\n{tables}</section>\n");
    }
}

fn table<const N: usize>(html: &mut String, head: &[&str; N], rows: &[[String; N]]) {
    if rows.is_empty() {
        return;
    }
    let class = |place: usize| if place < 2 { "" } else { " class=\"n\"" };
    html.push_str("<div class=\"scroll\"><table>\n<thead><tr>");
    for (place, name) in head.iter().enumerate() {
        let _ = write!(html, "<th{}>{}</th>", class(place), escape(name));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            let _ = write!(html, "<td{}>{}</td>", class(place), escape(cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}
