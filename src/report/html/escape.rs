//! Text of records in HTML.

/// The text without a meaning in HTML, in an element as in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A word of a command line for a POSIX shell, quoted where it must be.
pub(super) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=' | ':');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_record_is_markup() {
        assert_eq!(escape("<a href='x\"'>&</a>"), "&lt;a href=&#39;x&quot;&#39;&gt;&amp;&lt;/a&gt;");
    }

    #[test]
    fn a_name_with_a_quote_stays_one_word_of_the_command() {
        assert_eq!(shell_word("experiments/february.yaml"), "experiments/february.yaml");
        assert_eq!(shell_word("a'; rm -rf x"), r"'a'\''; rm -rf x'");
    }
}
