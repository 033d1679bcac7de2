//! The book beside its snippets: its pages, links, configurations and commands.

mod configuration;
mod cookbook;
mod examples;
mod links;
mod manifests;
mod messages;
mod page;
mod pages;
mod pictures;
mod readme;
mod testing;
