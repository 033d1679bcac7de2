//! Envoy's log, read as it comes: the plugins' lines of the worker thread, and the rest for error messages.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

/// The format to give to `--log-format`: thread id, then the message.
pub(super) const FORMAT: &str = "%t|%v";

/// The lines so far.
#[derive(Default)]
pub(super) struct Log {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Default)]
struct State {
    /// On Linux the process's id; elsewhere the thread of the first plugin line, as the canary instance starts before any worker.
    main_thread: Option<String>,
    /// Whether it is of the main thread, words of the prefix, and message.
    lines: Vec<(bool, Vec<String>, String)>,
    /// The last lines of any kind.
    tail: Vec<String>,
    ended: bool,
}

impl Log {
    /// Starts to read `stream`, the log of the process of this id, on a thread of its own.
    pub(super) fn read(stream: impl Read + Send + 'static, process: u32) -> Arc<Self> {
        let log = Arc::new(Self::default());
        if cfg!(target_os = "linux") {
            log.lock().main_thread = Some(process.to_string());
        }
        let reader = Arc::clone(&log);
        thread::spawn(move || {
            let mut lines = BufReader::new(stream);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                reader.lock().take(String::from_utf8_lossy(&line).trim_end_matches('\n'));
                reader.grown.notify_all();
                line.clear();
            }
            reader.lock().ended = true;
            reader.grown.notify_all();
        });
        log
    }

    /// The messages of one plugin, in order: those with `name` as plugin name, `root_id` or `vm_id`, of the worker or of all threads.
    pub(super) fn of_plugin(&self, name: &str, all_threads: bool) -> Vec<String> {
        let state = self.lock();
        state
            .lines
            .iter()
            .filter(|(main, prefix, _)| (all_threads || !main) && prefix.iter().any(|word| word == name))
            .map(|(.., message)| message.clone())
            .collect()
    }

    /// The number of messages of one plugin, of the worker.
    pub(super) fn count_of_plugin(&self, name: &str) -> usize {
        self.lock().lines.iter().filter(|(main, prefix, _)| !main && prefix.iter().any(|word| word == name)).count()
    }

    /// The last lines of Envoy's own.
    pub(super) fn tail(&self) -> String {
        self.lock().tail.join("\n")
    }

    /// Waits until `condition` holds; false if `deadline` or the end of the log comes first.
    pub(super) fn wait(&self, deadline: Instant, condition: impl Fn() -> bool) -> bool {
        loop {
            if condition() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let state = self.lock();
            if left.is_zero() || state.ended {
                return false;
            }
            // A line between the check and here would be missed until the next one: look again after a short while.
            let step = left.min(std::time::Duration::from_millis(5));
            drop(self.grown.wait_timeout(state, step).unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, line: &str) {
        if let Some((thread, prefix, message)) = plugin_line(line) {
            let main = self.main_thread.get_or_insert_with(|| thread.to_owned());
            let main = main == thread;
            self.lines.push((main, prefix.split(' ').map(str::to_owned).collect(), message.to_owned()));
        } else {
            self.tail.push(line.to_owned());
            let surplus = self.tail.len().saturating_sub(40);
            self.tail.drain(..surplus);
        }
    }
}

/// Thread, prefix and message of `THREAD|wasm log [NAME] [ROOT_ID] [VM_ID]: MESSAGE`; lines of a root lack the plugin's name.
fn plugin_line(line: &str) -> Option<(&str, &str, &str)> {
    let (thread, rest) = line.split_once('|')?;
    let (prefix, message) = rest.strip_prefix("wasm log ")?.split_once(": ")?;
    Some((thread, prefix, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_plugins_are_known_by_their_thread() {
        let mut state = State::default();
        for line in [
            "7|starting",
            "7|wasm log a vm: canary",
            "8|wasm log a vm: x: y",
            "8|wasm log b: - z",
            "7|wasm log a vm: tick",
            "wasm log: early",
        ] {
            state.take(line);
        }
        let line = |main: bool, prefix: &[&str], message: &str| {
            (main, prefix.iter().map(|word| String::from(*word)).collect::<Vec<_>>(), message.to_owned())
        };
        let (a, b) = (&["a", "vm"][..], &["b"][..]);
        assert_eq!(state.lines, [line(true, a, "canary"), line(false, a, "x: y"), line(false, b, "- z"), line(true, a, "tick")]);
        assert_eq!(state.tail, ["7|starting", "wasm log: early"]);
    }
}
