//! The body of one message on its way through the proxy.

use crate::{Count, Format, Masker, Rules};
use alloc::borrow::Cow;
use core::fmt;
use proxy_filter::{Body, DataAction, Error, Failure};

/// A body that is rewritten.
pub(crate) struct Rewrite {
    masker: Masker,
    /// Where trailers can follow: so many bytes may wait in the proxy, where their callback still finds them.
    hold: Option<usize>,
}

impl Rewrite {
    pub(crate) fn new(format: Format, rules: Rules, hold: Option<usize>) -> Self {
        Self { masker: Masker::new(format, rules), hold }
    }

    pub(crate) fn count(&self) -> Count {
        self.masker.count()
    }

    /// A piece of the body is here.
    pub(crate) fn piece(&mut self, body: &Body<'_>, last: bool) -> Result<DataAction, Error> {
        let bytes = body.bytes()?;
        if let Some(most) = self.hold {
            // Once the proxy has sent a piece on, nothing can follow it but another one: not what trailers find undecided (BUF-13).
            let mut ahead = self.masker.clone();
            let masked = ahead.push(&bytes, last);
            if ahead.pending() > 0 && bytes.len() <= most {
                return Ok(DataAction::Buffer);
            }
            self.masker = ahead;
            replace(body, &bytes, masked)?;
        } else {
            let masked = self.masker.push(&bytes, last);
            replace(body, &bytes, masked)?;
        }
        Ok(DataAction::Continue)
    }

    /// The body has ended, since its trailers are here, and with them what of it the proxy has kept.
    pub(crate) fn end(&mut self, kept: Option<Body<'_>>) -> Result<(), Failure> {
        let Some(body) = kept else {
            return match self.masker.pending() {
                0 => Ok(()),
                bytes => Err(CutByTrailers { bytes }.into()),
            };
        };
        let bytes = body.bytes()?;
        let masked = self.masker.push(&bytes, true);
        Ok(replace(&body, &bytes, masked)?)
    }
}

/// What has nothing to mask and is decided goes out as it came.
fn replace(body: &Body<'_>, bytes: &[u8], masked: Cow<'_, [u8]>) -> Result<(), Error> {
    match masked {
        Cow::Borrowed(same) if same.len() == bytes.len() => Ok(()),
        masked => body.replace(masked),
    }
}

/// Better no message than one whose end is missing, or unmasked.
#[derive(Debug)]
struct CutByTrailers {
    bytes: usize,
}

impl fmt::Display for CutByTrailers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes } = self;
        write!(
            f,
            "trailers came that no `trailer` header announced, and the last {bytes} bytes of the body were not decided: \
             set expect_trailers, or a larger hold_bytes"
        )
    }
}

impl core::error::Error for CutByTrailers {}
