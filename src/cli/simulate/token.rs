//! Tokens: from a file, from the environment, or made.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, anyhow};
use data_encoding::BASE64URL_NOPAD;

/// The variable of the environment that has a controller's token.
pub(super) const AAP_VARIABLE: &str = "PROVBENCH_AAP_TOKEN";
/// The variable of the environment that has the token of webhooks.
pub(super) const EDA_VARIABLE: &str = "PROVBENCH_EDA_TOKEN";

/// A variable of the environment, unless it is empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The token in a file, or the one that a variable gave.
pub(super) fn given(file: Option<&Path>, from_environment: Option<&str>) -> anyhow::Result<Option<String>> {
    let text = match file {
        Some(file) => Some(fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?),
        None => from_environment.map(str::to_owned),
    };
    text.map(|text| check(text.trim())).transpose()
}

/// The same; a file that does not exist yet gets a new token, which only its owner may read.
pub(super) fn given_or_put(file: Option<&Path>, from_environment: Option<&str>) -> anyhow::Result<Option<String>> {
    match file {
        Some(file) if !file.exists() => {
            let token = make().context("can't make a token")?;
            let options = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
            options
                .and_then(|mut file| writeln!(file, "{token}"))
                .with_context(|| format!("can't write a new token to {}", file.display()))?;
            Ok(Some(token))
        }
        file => given(file, from_environment),
    }
}

/// A token of 192 random bits.
pub(super) fn make() -> io::Result<String> {
    let mut bits = [0; 24];
    File::open("/dev/urandom")?.read_exact(&mut bits)?;
    Ok(BASE64URL_NOPAD.encode(&bits))
}

/// A token goes into headers and cookies as it is.
fn check(token: &str) -> anyhow::Result<String> {
    let is_plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b';' | b',' | b'"' | b'\\');
    if token.is_empty() || !token.bytes().all(is_plain) {
        return Err(anyhow!(
            "the token is empty, or has characters that don't fit a header (spaces, quotes, `;`, `,`)"
        ));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_is_not_there_gets_a_token_of_its_own_and_keeps_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        assert!(given(Some(&file), None).is_err());
        let made = given_or_put(Some(&file), Some("not-this")).expect("made").expect("a token");
        assert_eq!(made.len(), 32);
        assert_eq!(given_or_put(Some(&file), None).expect("read").as_ref(), Some(&made));
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        assert_ne!(make().expect("made"), made);
    }

    #[test]
    fn a_token_that_fits_no_header_is_refused_without_being_repeated() {
        assert_eq!(given(None, Some(" secret\n")).expect("fine"), Some("secret".to_owned()));
        assert_eq!(given(None, None).expect("fine"), None);
        for wrong in ["", "hush;hush", "hush hush", "hüsh"] {
            let error = given(None, Some(wrong)).expect_err("refused").to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
