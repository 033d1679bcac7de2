//! Bodies from the command line: the data itself, or where it is.

use crate::verdict::InputError;
use std::io::Read;

/// The bytes that the argument of `flag` means: itself, `@FILE`, or `@-`.
pub(crate) fn read(flag: &str, argument: &str) -> Result<Vec<u8>, InputError> {
    match argument.strip_prefix('@') {
        None => Ok(argument.as_bytes().to_vec()),
        Some("-") => read_stdin(flag),
        Some(path) => std::fs::read(path).map_err(|error| {
            InputError(format!(
                "{flag} {argument}: the file `{path}` cannot be read ({error}); what begins with @ is a file's name"
            ))
        }),
    }
}

/// Standard input to its end.
pub(crate) fn read_stdin(flag: &str) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    match std::io::stdin().lock().read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(InputError(format!("{flag}: standard input cannot be read ({error}): name a file instead"))),
    }
}
