//! The book beside its snippets: its pages, links, configurations and commands.

mod configuration;
mod cookbook;
mod links;
mod messages;
mod page;
mod pages;
mod testing;
