//! Nothing of its own: its test compiles the files of `tests/ui` and compares what the compiler says to an author's mistakes.
