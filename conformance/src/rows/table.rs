//! Reads the tables of `docs/envoy.md`.

/// A rule of Envoy's behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Such as `LOC-5`.
    pub id: String,
    /// The heading of level 2 above it.
    pub section: String,
    /// Its lines, each as the cells after the id.
    pub lines: Vec<Vec<String>>,
}

impl Row {
    /// `LOC` of `LOC-5`.
    pub fn group(&self) -> &str {
        self.id.split_once('-').map_or(self.id.as_str(), |(group, _)| group)
    }

    /// What it says, in short: the first line.
    pub fn text(&self) -> String {
        self.lines.first().map(|cells| cells.join(" | ")).unwrap_or_default()
    }
}

/// The rows of the page, in its order.
pub fn table() -> Vec<Row> {
    read(include_str!("../../../docs/envoy.md"))
}

/// A row's id stands at the start of a table's line, or of an item of a list.
fn read(page: &str) -> Vec<Row> {
    let mut section = String::new();
    let mut rows: Vec<Row> = Vec::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut section);
        }
        let (id, cells) = if let Some(cells) = line.strip_prefix("| ") {
            let mut cells = split(cells);
            if cells.is_empty() {
                continue;
            }
            (cells.remove(0), cells)
        } else if let Some(item) = line.strip_prefix("- ") {
            let end = item.find([' ', ',', ':']).unwrap_or(item.len());
            (item[..end].to_owned(), vec![item[end..].trim_start_matches([',', ':', ' ']).to_owned()])
        } else {
            continue;
        };
        // A line of the last section may be about two rows; they stand in their own sections.
        if !is_id(&id) {
            continue;
        }
        match rows.iter_mut().find(|row| row.id == id) {
            Some(row) if row.section == section => row.lines.push(cells),
            Some(_) => {}
            None => rows.push(Row { id, section: section.clone(), lines: vec![cells] }),
        }
    }
    rows
}

/// The cells of a line of a table; `\|` is a character of one.
fn split(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut characters = line.trim_end().trim_end_matches('|').chars().peekable();
    while let Some(character) = characters.next() {
        match (character, cells.last_mut()) {
            ('\\', Some(cell)) if characters.peek() == Some(&'|') => cell.extend(characters.next()),
            ('|', _) => cells.push(String::new()),
            (character, Some(cell)) => cell.push(character),
            (_, None) => {}
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// Three capital letters, a hyphen, a number.
pub(super) fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(group, number)| {
        group.len() == 3
            && group.bytes().all(|byte| byte.is_ascii_uppercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_all_their_lines() {
        let rows = read(
            "## A\n| id | when |\n|---|---|\n| AAA-1 | x \\| y | z |\n| AAA-1 | again | - |\n- AAA-2, body: b\n## B\n| AAA-1 | elsewhere |\n",
        );
        let ids: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.section.as_str(), row.lines.len())).collect();
        assert_eq!(ids, [("AAA-1", "A", 2), ("AAA-2", "A", 1)]);
        assert_eq!(rows[0].text(), "x | y | z");
        assert_eq!(rows[1].text(), "body: b");
    }

    #[test]
    fn the_page_has_rows() {
        let rows = table();
        assert!(rows.len() > 250, "{}", rows.len());
        assert!(rows.iter().all(|row| !row.section.is_empty() && !row.text().is_empty()));
    }
}
