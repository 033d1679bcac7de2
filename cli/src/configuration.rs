//! The plugin's configuration from the command line: a file, or JSON as it stands there.

use crate::data;
use crate::verdict::InputError;
use std::io::ErrorKind;
use std::path::Path;

/// The bytes that the argument of `flag` means. What is meant as JSON is checked; the plugin is given it as it is written.
pub(crate) fn read(flag: &str, argument: &str) -> Result<Vec<u8>, InputError> {
    if argument.trim_start().starts_with(['{', '[']) {
        let mend = "what begins with { or [ is taken as the configuration itself";
        return check_json(&format!("the argument of {flag}"), argument.as_bytes().to_vec(), mend);
    }
    if argument == "-" {
        return data::read_stdin(flag);
    }
    let bytes = std::fs::read(argument).map_err(|error| unreadable(flag, argument, &error))?;
    if Path::new(argument).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        let mend = "a file that is not to be checked may have any other ending";
        return check_json(&format!("the file `{argument}` of {flag}"), bytes, mend);
    }
    Ok(bytes)
}

fn check_json(what: &str, bytes: Vec<u8>, mend: &str) -> Result<Vec<u8>, InputError> {
    match serde_json::from_slice::<serde_json::Value>(&bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(InputError(format!("{what} is not valid JSON: {error} ({mend})"))),
    }
}

fn unreadable(flag: &str, argument: &str, error: &std::io::Error) -> InputError {
    InputError(match error.kind() {
        ErrorKind::NotFound => format!(
            "{flag} {argument}: there is no such file, and it is not JSON, which would begin with {{ or [: name a file, write \
             {flag} '{{\"key\": \"value\"}}', or pass any other text through standard input with {flag} -"
        ),
        ErrorKind::IsADirectory => format!("{flag} {argument}: this is a directory: name a file in it"),
        _ => format!("{flag} {argument}: the file cannot be read ({error}): check its permissions"),
    })
}
