//! Shared data: values that all VMs of a vm_id see, in every thread of the proxy.

use crate::{Context, Error, Status};
use alloc::vec::Vec;
use core::fmt;

/// The values that the plugins of one vm_id share, in all their VMs and threads: see [`Context::shared_data`].
///
/// Nothing locks: between two hostcalls of a callback another thread may store. What is read, changed and written back goes
/// through [`update`](Self::update), or one of two updates is lost. A value is never deleted (SHD-8), and an empty one is a value
/// (SHD-7).
///
/// ```
/// use proxy_filter::prelude::*;
/// # struct Hits;
/// impl HttpContext for Hits {
///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
///         let hits = http.shared_data().update("hits", |stored| {
///             let hits = stored.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes) + 1;
///             (hits.to_le_bytes(), hits)
///         })?;
///         http.headers().set("x-hits", hits.to_string())?;
///         Ok(HeadersAction::Continue)
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SharedData<'a> {
    context: &'a Context,
}

/// A shared value, and the mark of this state of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The bytes.
    pub value: Vec<u8>,
    /// For [`SharedData::set_if`].
    pub cas: Cas,
}

/// Which state of a shared value was read: each time that somebody stores there is another one (SHD-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cas(u32);

/// Stores whatever is there.
const ANY: u32 = 0;

/// No value has this mark before 2^32 - 2 others were stored, so that it is refused where there is one; where there is none any
/// mark is stored (SHD-3).
const ABSENT: u32 = u32::MAX;

/// How often [`SharedData::update`] tries.
const ATTEMPTS: u32 = 100;

impl Context {
    /// The values that are shared by all plugins of this vm_id (SHD-1).
    pub fn shared_data(&self) -> SharedData<'_> {
        SharedData { context: self }
    }
}

impl SharedData<'_> {
    /// The value of a key; `None` where nobody has stored any, which differs from an empty one.
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Stored>, Error> {
        match self.context.host()?.proxy_get_shared_data(key.as_ref()) {
            Ok((value, cas)) => Ok(Some(Stored { value, cas: Cas(cas) })),
            Err(Error { status: Status::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores a value, whatever is there: the last one wins.
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.store(key.as_ref(), value.as_ref(), ANY)
    }

    /// Stores a value if the key's is still the one that was read.
    ///
    /// # Errors
    /// [`Status::CasMismatch`]: somebody else has stored meanwhile, and nothing is changed (SHD-3).
    pub fn set_if(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, read: Cas) -> Result<(), Error> {
        self.store(key.as_ref(), value.as_ref(), read.0)
    }

    /// Stores a value if the key has none.
    ///
    /// # Errors
    /// [`Status::CasMismatch`]: it has one, and nothing is changed (SHD-3).
    pub fn set_if_absent(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.store(key.as_ref(), value.as_ref(), ABSENT)
    }

    /// Makes a new value of what is there and stores it, so that no other update is lost; gives what the closure gives beside it.
    ///
    /// The closure is called again with what is there then when somebody else has stored meanwhile. A value that is equal to what is there is not
    /// stored: return the old one to leave it.
    ///
    /// ```
    /// # use proxy_filter::prelude::*;
    /// /// Takes one of the tokens that are left; whether there was one.
    /// fn take(context: &Context) -> Result<bool, UpdateError> {
    ///     context.shared_data().update("tokens", |stored| match stored {
    ///         Some([tokens]) if *tokens > 0 => ([tokens - 1], true),
    ///         Some(_) => ([0], false),
    ///         None => ([9], true),
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// [`UpdateError::Contended`] when others were quicker a hundred times in a row, [`UpdateError::Host`] when a hostcall failed.
    /// Nothing is changed then.
    pub fn update<V: AsRef<[u8]>, T>(
        &self,
        key: impl AsRef<[u8]>,
        mut change: impl FnMut(Option<&[u8]>) -> (V, T),
    ) -> Result<T, UpdateError> {
        let key = key.as_ref();
        for _ in 0..ATTEMPTS {
            let stored = self.get(key)?;
            let old = stored.as_ref().map(|stored| &*stored.value);
            let (new, result) = change(old);
            let new = new.as_ref();
            if old == Some(new) {
                return Ok(result);
            }
            match self.store(key, new, stored.as_ref().map_or(ABSENT, |stored| stored.cas.0)) {
                Ok(()) => return Ok(result),
                Err(Error { status: Status::CasMismatch, .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(UpdateError::Contended { attempts: ATTEMPTS })
    }

    fn store(&self, key: &[u8], value: &[u8], cas: u32) -> Result<(), Error> {
        self.context.host()?.proxy_set_shared_data(key, value, cas)
    }
}

/// Why [`SharedData::update`] has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError {
    /// Each time somebody else had stored between the read and the write: all threads of the proxy are at this one key.
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// A hostcall failed, and which.
    Host(Error),
}

impl From<Error> for UpdateError {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contended { attempts } => {
                write!(f, "proxy_set_shared_data failed: CAS_MISMATCH, {attempts} times: others update the key all the time")
            }
            Self::Host(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for UpdateError {}
