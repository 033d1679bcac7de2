//! A hostcall's arguments as they come from the guest: nothing of them is trusted.

use proxy_filter_abi::{BufferType, LogLevel, MapType, MetricType, Status, StreamType, WireKind};
use wasmtime::Val;

/// The parameters that are still to be read, and the memory that their pointers mean.
pub(super) struct Arguments<'m> {
    parameters: &'m [Val],
    memory: &'m [u8],
    refusal: Option<&'static str>,
    bytes_read: usize,
}

impl<'m> Arguments<'m> {
    pub(super) fn new(parameters: &'m [Val], memory: &'m [u8]) -> Self {
        Self { parameters, memory, refusal: None, bytes_read: 0 }
    }

    /// Why the arguments were refused before the hostcall was made.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        self.refusal
    }

    /// How many bytes the arguments point to.
    pub(super) fn bytes_read(&self) -> usize {
        self.bytes_read
    }

    fn refuse<T>(&mut self, why: &'static str, status: Status) -> Result<T, Status> {
        self.refusal = Some(why);
        Err(status)
    }

    fn next(&mut self) -> Result<&'m Val, Status> {
        let (first, rest) = self.parameters.split_first().ok_or(Status::InternalFailure)?;
        self.parameters = rest;
        Ok(first)
    }

    fn next_u32(&mut self) -> Result<u32, Status> {
        self.next()?.i32().map(i32::cast_unsigned).ok_or(Status::InternalFailure)
    }

    fn next_i64(&mut self) -> Result<i64, Status> {
        self.next()?.i64().ok_or(Status::InternalFailure)
    }

    /// Whether every result's pointer lies in memory: checked before anything is done (MEM-5).
    pub(super) fn check_results(&mut self, kinds: &[WireKind]) -> Result<(), Status> {
        let mut pointers = Arguments { parameters: self.parameters, memory: self.memory, refusal: None, bytes_read: 0 };
        for kind in kinds {
            let (count, size) = match kind {
                WireKind::Bytes => (2, 4),
                WireKind::U64 | WireKind::I64 => (1, 8),
                WireKind::U32 | WireKind::Enum(_) => (1, 4),
            };
            for _ in 0..count {
                let pointer = pointers.next_u32()?;
                if range(pointer, size, self.memory.len()).is_none() {
                    return self.refuse("a result's pointer lies outside the guest's memory", Status::InvalidMemoryAccess);
                }
            }
        }
        Ok(())
    }
}

/// The bytes from `pointer` on, if all of them are there.
pub(super) fn range(pointer: u32, size: usize, memory: usize) -> Option<std::ops::Range<usize>> {
    let start = pointer as usize;
    let end = start.checked_add(size)?;
    (end <= memory).then_some(start..end)
}

/// A type of the table, read from the wire.
pub(super) trait Read<'m>: Sized {
    fn read(arguments: &mut Arguments<'m>) -> Result<Self, Status>;
}

impl Read<'_> for u32 {
    fn read(arguments: &mut Arguments<'_>) -> Result<Self, Status> {
        arguments.next_u32()
    }
}

impl Read<'_> for u64 {
    fn read(arguments: &mut Arguments<'_>) -> Result<Self, Status> {
        arguments.next_i64().map(i64::cast_unsigned)
    }
}

impl Read<'_> for i64 {
    fn read(arguments: &mut Arguments<'_>) -> Result<Self, Status> {
        arguments.next_i64()
    }
}

impl<'m> Read<'m> for &'m [u8] {
    fn read(arguments: &mut Arguments<'m>) -> Result<Self, Status> {
        let (pointer, size) = (arguments.next_u32()?, arguments.next_u32()?);
        match range(pointer, size as usize, arguments.memory.len()) {
            Some(range) => {
                arguments.bytes_read += range.len();
                Ok(&arguments.memory[range])
            }
            None => arguments.refuse("a pointer and its length lie outside the guest's memory", Status::InvalidMemoryAccess),
        }
    }
}

macro_rules! read_enum {
    ($($ty:ident),*) => {
        $(impl Read<'_> for $ty {
            fn read(arguments: &mut Arguments<'_>) -> Result<Self, Status> {
                match $ty::from_wire(arguments.next_u32()?) {
                    Some(value) => Ok(value),
                    None => arguments.refuse(concat!("an unknown ", stringify!($ty)), Status::BadArgument),
                }
            }
        })*
    };
}

read_enum!(LogLevel, MapType, BufferType, StreamType, MetricType);

/// A hostcall's result, on its way to the guest.
pub(super) enum Output {
    U32(u32),
    U64(u64),
    Bytes(Vec<u8>),
}

impl Output {
    /// How many bytes go to the guest.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::U32(_) => 4,
            Self::U64(_) => 8,
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

impl From<u32> for Output {
    fn from(value: u32) -> Self {
        Self::U32(value)
    }
}

impl From<u64> for Output {
    fn from(value: u64) -> Self {
        Self::U64(value)
    }
}

impl From<Vec<u8>> for Output {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}
