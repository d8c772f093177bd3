//! Secrets: where they are kept, and fetching them at the last moment.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use secrecy::SecretString;

use crate::domain::{Error, Result};

/// Where a secret comes from.
#[derive(Clone)]
pub(super) enum SecretSource {
    /// `env:NAME`
    Variable(String),
    /// `file:PATH`; the path is whole.
    File(PathBuf),
    /// `cmd:PROGRAM ARGS`
    Program {
        program: String,
        arguments: Vec<String>,
    },
    /// The secret itself.
    Bare(SecretString),
}

/// Shows what an error may show: no argument of a program, and no secret.
impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Program { program, .. } => write!(f, "cmd:{program} …"),
            Self::Bare(_) => f.write_str("…"),
        }
    }
}

impl SecretSource {
    /// The error tells what is wrong and never what was written.
    pub(super) fn parse(text: &str, folder: &Path) -> Result<Self, &'static str> {
        if let Some(name) = text.strip_prefix("env:") {
            let good = !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit());
            return if good {
                Ok(Self::Variable(name.to_owned()))
            } else {
                Err("`env:` must be followed by the name of an environment variable")
            };
        }
        if let Some(path) = text.strip_prefix("file:") {
            return match path.trim() {
                "" => Err("`file:` must be followed by the path of a file"),
                path => Ok(Self::File(folder.join(path))),
            };
        }
        if let Some(line) = text.strip_prefix("cmd:") {
            let mut words = words(line)
                .ok_or("a quote in the command is not closed")?
                .into_iter();
            return match words.next() {
                Some(program) if !program.is_empty() => Ok(Self::Program {
                    program,
                    arguments: words.collect(),
                }),
                _ => Err("`cmd:` must be followed by a program and its arguments"),
            };
        }
        if text.trim().is_empty() {
            return Err("the secret is empty");
        }
        Ok(Self::Bare(SecretString::from(text)))
    }

    /// Whether the text that this was read from may be shown.
    pub(super) fn is_harmless(&self) -> bool {
        matches!(self, Self::Variable(_) | Self::File(_))
    }

    /// Reads the variable or the file, or runs the program in `folder` and takes what it prints.
    pub(super) fn fetch(&self, folder: &Path) -> Result<SecretString> {
        let text = match self {
            Self::Variable(name) => variable(name, std::env::var_os(name))?,
            Self::File(path) => file(path)?,
            Self::Program { program, arguments } => run(program, arguments, folder)?,
            Self::Bare(secret) => return Ok(secret.clone()),
        };
        if text.is_empty() {
            return Err(Error::config(format!(
                "the secret from `{self:?}` is empty"
            )));
        }
        Ok(SecretString::from(text))
    }
}

fn variable(name: &str, value: Option<OsString>) -> Result<String> {
    let value = value.ok_or_else(|| {
        Error::config(format!("the environment variable `{name}` is not set"))
            .hint(format!("set `{name}` before skucast starts"))
    })?;
    value
        .into_string()
        .map_err(|_| Error::config(format!("the environment variable `{name}` is no text")))
}

fn file(path: &Path) -> Result<String> {
    let mut text = std::fs::read_to_string(path).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::InvalidData => "it is no text in UTF-8".to_owned(),
            _ => error.to_string(),
        };
        Error::config(format!(
            "the secret's file {} cannot be read: {reason}",
            path.display()
        ))
    })?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

fn run(program: &str, arguments: &[String], folder: &Path) -> Result<String> {
    // A path is relative to the configuration; a bare name is looked up as a shell would.
    let executable = match Path::new(program).components().count() {
        1 => PathBuf::from(program),
        _ => folder.join(program),
    };
    let output = Command::new(executable)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        // What it says may hold the secret.
        .stderr(Stdio::null())
        .output()
        .map_err(|error| {
            Error::config(format!("the program `{program}` cannot be run: {error}"))
                .hint("name a program that is installed, or its path")
        })?;
    if !output.status.success() {
        return Err(
            Error::config(format!("the program `{program}` failed: {}", output.status))
                .hint("run it by hand to see why; its output is not shown here"),
        );
    }
    String::from_utf8(output.stdout)
        .map(|text| text.trim().to_owned())
        .map_err(|_| Error::config(format!("the program `{program}` printed no text in UTF-8")))
}

/// Splits at blanks outside quotes; `None` when a quote is not closed. A backslash is an ordinary character,
/// as in the paths of Windows.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn fetch(text: &str, folder: &Path) -> Result<String> {
        let source = SecretSource::parse(text, folder).unwrap();
        Ok(source.fetch(folder)?.expose_secret().to_owned())
    }

    #[test]
    fn words_are_split_outside_quotes() {
        assert_eq!(
            words(r#"pass  show "my shop/key" 'a "b"' x"y"z "" "#).unwrap(),
            ["pass", "show", "my shop/key", "a \"b\"", "xyz", ""]
        );
        assert_eq!(words("pass 'open"), None);
    }

    #[test]
    fn a_bare_value_is_taken_as_it_is() {
        assert_eq!(fetch(" s3cret ", Path::new("/")).unwrap(), " s3cret ");
    }

    #[test]
    fn a_variable_is_read_or_named() {
        let read = variable("KEY", Some("s3cret".into())).unwrap();
        assert_eq!(read, "s3cret");
        let error = fetch("env:SKUCAST_TEST_UNSET", Path::new("/")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable `SKUCAST_TEST_UNSET` is not set"
        );
    }

    #[test]
    fn a_file_is_found_beside_the_configuration_and_loses_its_last_newline() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), " s3cret \r\n").unwrap();
        assert_eq!(fetch("file:key", folder.path()).unwrap(), " s3cret ");
        std::fs::write(folder.path().join("key"), "\n").unwrap();
        let error = fetch("file:key", folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("/key` is empty"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_prints_the_secret_and_its_failure_prints_nothing_of_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("tell");
        std::fs::write(
            &script,
            "#!/bin/sh\necho \" $1 \"\necho leak >&2\nexit $2\n",
        )
        .unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(
            fetch("cmd:./tell 's3 cret' 0", folder.path()).unwrap(),
            "s3 cret"
        );
        let error = fetch("cmd:./tell leak 3", folder.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the program `./tell` failed: exit status: 3"
        );
        assert!(!format!("{error:?}").contains("leak"));
    }

    #[test]
    fn a_source_without_a_name_is_refused() {
        for text in ["env:", "env:sk-live-1", "file: ", "cmd:", "cmd:'x", "", " "] {
            assert!(SecretSource::parse(text, Path::new("/")).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        for text in ["s3cret", "cmd:vault --token s3cret"] {
            let source = SecretSource::parse(text, Path::new("/")).unwrap();
            assert!(!format!("{source:?}").contains("s3cret"));
        }
    }
}
