//! How the script of commands is written.
//!
//! `==` begins a part, with what it is about; each part has a namespace (`$NS`) and a folder of its own, with the files of
//! `files/` in it. Each other line is one command for bash, `#` begins a line that nobody reads. A command may use `watched
//! ARGUMENTS`, which is `kubectl get ci` into the file `watched`, `seen TEXT`, which waits until it is in there, and
//! `without-own`, which takes away what no two servers can have in common.

/// A part of the script.
#[derive(Debug)]
pub struct Part {
    pub name: String,
    pub commands: Vec<String>,
}

/// The script.
pub fn parts() -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in include_str!("commands.script").lines() {
        if let Some(name) = line.strip_prefix("== ") {
            parts.push(Part { name: name.to_owned(), commands: Vec::new() });
        } else if !line.is_empty() && !line.starts_with('#') {
            parts.last_mut().expect("a part before its commands").commands.push(line.to_owned());
        }
    }
    parts
}

/// The parts' names, and how many commands each has.
pub fn steps() -> Vec<(String, usize)> {
    parts().into_iter().map(|part| (part.name, part.commands.len())).collect()
}
