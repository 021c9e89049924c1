//! The file on the disk.

use std::path::Path;
use std::{fs, io};

use crate::error::Error;

/// Fails unless `text` is in the file.
pub(crate) fn check(path: &Path, text: &str) -> Result<(), Error> {
    let line = match read(path)? {
        Some(found) if found == text => return Ok(()),
        Some(found) => first_difference(&found, text),
        None => 1,
    };
    Err(Error::Stale {
        path: path.to_owned(),
        line,
    })
}

/// Puts `text` into the file. One that has it already is left alone, so that nobody who watches it
/// does anything.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    if read(path)?.is_some_and(|found| found == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(|source| Error::File {
        path: path.to_owned(),
        action: "written",
        source,
    })
}

/// The text, whose lines Git may have given other ends. `None` if there is no file.
fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.replace("\r\n", "\n"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File {
            path: path.to_owned(),
            action: "read",
            source,
        }),
    }
}

fn first_difference(found: &str, wanted: &str) -> usize {
    let same = found
        .lines()
        .zip(wanted.lines())
        .take_while(|(found, wanted)| found == wanted);
    same.count() + 1
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::UNIX_EPOCH;

    use tempfile::TempDir;

    use super::*;

    fn file() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("models.ts");
        (directory, file)
    }

    /// What a test that returns the error shows.
    fn shown(result: Result<(), Error>) -> String {
        let error = result.unwrap_err();
        let shown = format!("{error:?}");
        assert!(shown.starts_with(&error.to_string()), "{shown}");
        shown
    }

    #[test]
    fn a_file_that_was_written_is_fresh() {
        let (_directory, file) = file();
        write(&file, "a\nb\n").unwrap();
        check(&file, "a\nb\n").unwrap();
        fs::write(&file, "a\r\nb\r\n").unwrap();
        check(&file, "a\nb\n").unwrap();
    }

    #[test]
    fn another_file_is_stale_from_the_first_line_that_differs() {
        let (_directory, file) = file();
        for (found, line) in [
            ("a\nx\nc\n", 2),
            ("a\nb\n", 3),
            ("a\nb\nc\nd\n", 4),
            ("", 1),
        ] {
            fs::write(&file, found).unwrap();
            let expected = format!(
                "`{}` is not what the models make, from line {line} on: \
                 `REST_LIVE_TYPESCRIPT=overwrite cargo test` makes it anew; commit it",
                file.display()
            );
            assert_eq!(shown(check(&file, "a\nb\nc\n")), expected);
        }
        fs::remove_file(&file).unwrap();
        assert!(matches!(
            check(&file, "a"),
            Err(Error::Stale { line: 1, .. })
        ));
    }

    #[test]
    fn a_file_that_is_right_is_not_written_again() {
        let (_directory, file) = file();
        write(&file, "a").unwrap();
        let handle = fs::File::options().write(true).open(&file).unwrap();
        handle.set_modified(UNIX_EPOCH).unwrap();
        write(&file, "a").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), UNIX_EPOCH);
        write(&file, "b").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "b");
    }

    #[test]
    fn what_cannot_be_read_or_written_is_said() {
        let (directory, _) = file();
        let read = shown(check(directory.path(), "a"));
        let expected = format!("`{}` cannot be read: ", directory.path().display());
        assert!(read.starts_with(&expected), "{read}");
        let nowhere = directory.path().join("no/such/directory.ts");
        let written = shown(write(&nowhere, "a"));
        let expected = format!("`{}` cannot be written: ", nowhere.display());
        assert!(written.starts_with(&expected), "{written}");
    }
}
