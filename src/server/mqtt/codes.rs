//! The codes of keypads: a file with a code and its owner's name on each line.

use sha2::{Digest, Sha256};
use std::{
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

/// The length of a code, characters.
const CODE: RangeInclusive<usize> = 4..=12;
/// The longest name, characters.
const NAME_MOST: usize = 40;

/// Why the codes of a keypad cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CodesError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A line is not valid.
    #[error(
        "{}: line {line} of its codes is not a code of {} to {} characters and a name",
        file.display(),
        CODE.start(),
        CODE.end(),
    )]
    Line {
        /// The file.
        file: PathBuf,
        /// The number of the line, from 1, without comments and empty lines.
        line: usize,
    },
}

/// Checks the file with the codes of a keypad.
///
/// # Errors
/// A file that cannot be read, or the first invalid line.
pub fn check_codes(file: &Path) -> Result<(), CodesError> {
    let codes = std::fs::read_to_string(file)
        .map_err(|source| CodesError::File { file: file.into(), source })?;
    let wrong = lines(&codes).position(|line| line.is_none());
    wrong.map_or(Ok(()), |at| Err(CodesError::Line { file: file.into(), line: at + 1 }))
}

/// Codes with their owners' names; `None` for an invalid line.
fn lines(codes: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    codes.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(
        |line| {
            let (code, name) = line.split_once(char::is_whitespace)?;
            let name = name.trim();
            (CODE.contains(&code.chars().count()) && name.chars().count() <= NAME_MOST)
                .then_some((code, name))
        },
    )
}

/// Returns the name of a code's owner. Compares the hash of the code with that of every entry, so
/// that the duration reveals nothing about any code.
pub fn owner_of<'a>(codes: &'a str, code: &str) -> Option<&'a str> {
    let typed = Sha256::digest(code);
    lines(codes)
        .flatten()
        .filter(|(known, _)| Sha256::digest(known) == typed)
        .map(|(_, name)| name)
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_somebodys_and_a_wrong_line_is_nobodys() {
        let codes = "# the family\n4711 Olivia\n\n  80085\tSam Lee \n12 short\nnameless\n";
        assert_eq!(
            (owner_of(codes, "4711"), owner_of(codes, "80085")),
            (Some("Olivia"), Some("Sam Lee"))
        );
        for wrong in ["4712", "", "471", "12", "nameless", "#"] {
            assert_eq!(owner_of(codes, wrong), None, "{wrong}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("codes");
        std::fs::write(&file, "4711 Olivia\n12 short\n").unwrap();
        assert!(matches!(check_codes(&file), Err(CodesError::Line { line: 2, .. })));
        std::fs::write(&file, "4711 Olivia\n").unwrap();
        assert!(check_codes(&file).is_ok());
        assert!(check_codes(folder.path()).unwrap_err().to_string().starts_with("cannot read"));
    }
}
