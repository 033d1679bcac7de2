//! A page as Markdown has it: headings, links, fenced blocks.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::path::{Path, PathBuf};

/// The repository's folder.
pub(crate) fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("docs/ is in the repository").to_owned()
}

pub(crate) struct Page {
    /// Relative to the repository.
    pub(crate) path: PathBuf,
    /// The ids that headings and `<a id>` give, as GitHub and mdBook make them.
    pub(crate) anchors: Vec<String>,
    /// The destinations of links and pictures, with their lines.
    pub(crate) links: Vec<(usize, String)>,
    pub(crate) blocks: Vec<Block>,
    /// Headings with their levels, and what follows each up to the next of its level or above, as Markdown.
    pub(crate) sections: Vec<(u8, String, String)>,
}

/// A fenced block.
pub(crate) struct Block {
    pub(crate) line: usize,
    /// What stands after the fence, up to the first comma.
    pub(crate) language: String,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(path, &text)
    }

    pub(crate) fn parse(path: &Path, text: &str) -> Self {
        let mut page =
            Self { path: path.to_owned(), anchors: Vec::new(), links: Vec::new(), blocks: Vec::new(), sections: Vec::new() };
        let newlines: Vec<usize> = text.match_indices('\n').map(|(newline, _)| newline).collect();
        let mut headings: Vec<(u8, String, usize)> = Vec::new();
        let (mut heading, mut block): (Option<(u8, String, usize)>, Option<Block>) = (None, None);
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES).into_offset_iter() {
            let line = 1 + newlines.partition_point(|newline| *newline < range.start);
            match event {
                Event::Start(Tag::Heading { level, .. }) => heading = Some((level as u8, String::new(), range.start)),
                Event::End(TagEnd::Heading(_)) => headings.extend(heading.take()),
                Event::Start(Tag::CodeBlock(kind)) => {
                    let info = match &kind {
                        CodeBlockKind::Fenced(info) => info.to_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    let language = info.split(',').next().unwrap_or_default().to_owned();
                    block = Some(Block { line, language, text: String::new() });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Text(text) => match (&mut heading, &mut block) {
                    (Some((_, heading, _)), _) => heading.push_str(&text),
                    (_, Some(block)) => block.text.push_str(&text),
                    _ => {}
                },
                Event::Code(text) => {
                    if let Some((_, heading, _)) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((line, dest_url.into()));
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    page.anchors.extend(attribute(&html, "id"));
                    page.links
                        .extend(attribute(&html, "src").into_iter().chain(attribute(&html, "href")).map(|link| (line, link)));
                }
                _ => {}
            }
        }
        for (index, (level, title, start)) in headings.iter().enumerate() {
            let id = anchor(title);
            let before = headings.iter().take(index).filter(|(_, other, _)| anchor(other) == id).count();
            page.anchors.push(if before == 0 { id } else { format!("{id}-{before}") });
            let next = headings.iter().skip(index + 1).find(|(other, ..)| other <= level);
            let end = next.map_or(text.len(), |(_, _, start)| *start);
            page.sections.push((*level, title.clone(), text[*start..end].to_owned()));
        }
        page
    }
}

/// The id of a heading.
pub(crate) fn anchor(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The values of an attribute in a piece of HTML.
fn attribute(html: &str, name: &str) -> Vec<String> {
    let marker = format!(" {name}=\"");
    html.split(&marker).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

/// The Markdown files of the book, and all READMEs, relative to the repository.
pub(crate) fn all() -> Vec<Page> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(repository().join(&folder)).expect("a folder of the repository") {
            let entry = entry.expect("an entry");
            let (name, path) = (entry.file_name(), folder.join(entry.file_name()));
            let name = name.to_string_lossy();
            if entry.file_type().expect("a type").is_dir() {
                if name != "target" && !name.starts_with('.') && name != "node_modules" {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.iter().map(|path| Page::read(path)).collect()
}

/// Those of the book.
pub(crate) fn of_the_book() -> impl Iterator<Item = Page> {
    all().into_iter().filter(|page| page.path.starts_with("docs"))
}

#[test]
fn a_page_is_read_as_it_shows() {
    let text = "# A `b`: c\n[x](y.md#z)\n\n```yaml,ignore\na: 1\n```\n## A b c\n<a id=\"ACT-1\"></a>\n# A b c\n";
    let page = Page::parse(Path::new("docs/p.md"), text);
    assert_eq!(page.anchors, ["ACT-1", "a-b-c", "a-b-c-1", "a-b-c-2"]);
    assert_eq!(page.links, [(2, "y.md#z".to_owned())]);
    assert_eq!((page.blocks[0].language.as_str(), page.blocks[0].line, page.blocks[0].text.as_str()), ("yaml", 4, "a: 1\n"));
    assert!(page.sections[0].2.ends_with("</a>\n") && page.sections[1].2.starts_with("## A b c"));
}
