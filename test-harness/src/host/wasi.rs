//! What a VM has of WASI without being built for it: random numbers, and its environment.

use super::VmHost;

impl VmHost {
    /// Fills the bytes with the same numbers in every run, so that tests can be repeated.
    pub(crate) fn fill_randomly(&self, bytes: &mut [u8]) {
        let mut state = self.random.get();
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[3];
        }
        self.random.set(state);
    }

    /// The environment as `KEY=VALUE` and NUL each (ENV-1).
    pub(crate) fn environment(&self) -> Vec<String> {
        self.vm().environment.iter().map(|(key, value)| format!("{key}={value}\0")).collect()
    }
}
