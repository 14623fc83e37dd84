//! Checks as JUnit XML, which CI servers show as tests.
//!
//! The form is the one that Jenkins and GitLab read: `testsuites` > `testsuite` > `testcase`, with `failure` for what is not
//! as it should be and `error` for what could not be told.

use std::fmt::Write as _;

use super::check::{Check, CheckOutcome};

/// The file; `suite` names what was checked.
#[must_use]
pub fn junit(suite: &str, checks: &[Check]) -> String {
    let number = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        checks.len(),
        number(CheckOutcome::Failed),
        number(CheckOutcome::Inconclusive)
    );
    let suite = attribute(suite);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites name=\"provbench\" {counts}>");
    let _ = writeln!(xml, "  <testsuite name=\"{suite}\" {counts}>");
    for check in checks {
        let (name, class, message) = (attribute(&check.name), attribute(&check.scenario), attribute(&check.message));
        let _ = write!(xml, "    <testcase name=\"{name}\" classname=\"{suite}.{class}\">");
        let _ = match check.outcome {
            CheckOutcome::Passed => write!(xml, "<system-out>{message}</system-out>"),
            CheckOutcome::Failed => write!(xml, "<failure type=\"regression\" message=\"{message}\"/>"),
            CheckOutcome::Inconclusive => write!(xml, "<error type=\"inconclusive\" message=\"{message}\"/>"),
        };
        xml.push_str("</testcase>\n");
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// Text for an attribute or an element; characters that XML does not have become a replacement.
fn attribute(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outcome: CheckOutcome, name: &str) -> Check {
        Check {
            name: name.to_owned(),
            scenario: "provision-deprovision".to_owned(),
            outcome,
            verdict: None,
            p_value: None,
            p_adjusted: None,
            message: "a < b & \"c\"\u{1b}".to_owned(),
        }
    }

    #[test]
    fn every_outcome_has_its_element_and_no_text_is_markup() {
        let checks = [
            check(CheckOutcome::Passed, "one"),
            check(CheckOutcome::Failed, "<two>"),
            check(CheckOutcome::Inconclusive, "three"),
        ];
        insta::assert_snapshot!("junit_xml", junit("february", &checks));
    }
}
