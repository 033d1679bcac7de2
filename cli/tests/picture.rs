//! The picture of `call` at work, `docs/call.svg`, is what `call` prints.

use anstyle::{Color, RgbColor};
use anstyle_svg::{Palette, Term};
use std::process::Command;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/add-header");
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/call.svg");
const ARGUMENTS: [&str; 5] = ["call", ".", "--config", "config.json", "/cart"];
const TEXT: Color = Color::Rgb(RgbColor(0xe6, 0xed, 0xf3));
const GROUND: Color = Color::Rgb(RgbColor(0x16, 0x1b, 0x22));
const TITLE: &str =
    "A terminal: proxy-filter call shows which headers of a request and of its response the filter add-header has changed";

/// The terminal after the command, as SVG.
fn drawn() -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proxy-filter"));
    let run = command.args(ARGUMENTS).arg("--color=always").current_dir(EXAMPLE).output().expect("the program should start");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let printed = String::from_utf8(run.stdout).expect("it writes UTF-8");
    let terminal = format!("\x1b[2m$\x1b[0m \x1b[1mproxy-filter {}\x1b[0m\n{printed}", ARGUMENTS.join(" "));
    let svg = Term::new().palette(colours()).fg_color(TEXT).bg_color(GROUND).min_width_px(540).render_svg(&terminal);
    let (width, height) = (dimension(&svg, "width"), dimension(&svg, "height"));
    svg.replacen("<svg ", &format!("<svg role=\"img\" viewBox=\"0 0 {width} {height}\" "), 1)
        // Who cannot see the picture is told what it shows.
        .replacen(">\n", &format!(">\n  <title>{TITLE}</title>\n"), 1)
        // What matters less can still be read.
        .replacen("opacity: 0.4", "opacity: 0.7", 1)
}

/// Red and green that can be read on the dark ground.
fn colours() -> Palette {
    let mut palette = Palette::default();
    palette.0[1] = RgbColor(0xff, 0x7b, 0x72);
    palette.0[2] = RgbColor(0x56, 0xd3, 0x64);
    palette
}

/// So that the picture can be made narrower as a whole.
fn dimension<'a>(svg: &'a str, name: &str) -> &'a str {
    let (_, rest) = svg.split_once(&format!("{name}=\"")).expect("an SVG has its size");
    rest.split_once("px\"").expect("its size is in px").0
}

/// The lines that are the same each time: what an exchange costs changes with the compiler, and with the machine, and how wide the picture
/// is with them.
fn lasting(svg: &str) -> Vec<&str> {
    let changes = |line: &&str| {
        line.starts_with("<svg ") || ["fuel", "memory", "time"].iter().any(|row| line.contains(&format!(">{row} ")))
    };
    svg.lines().filter(|line| !changes(line)).collect()
}

#[test]
fn the_picture_shows_what_call_prints() {
    let now = drawn();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PICTURE, &now).expect("docs/ should be writable");
    }
    let picture = std::fs::read_to_string(PICTURE).unwrap_or_default();
    assert!(now.contains("x-hello: world"), "{now}");
    assert_eq!(lasting(&now).len() + 4, now.lines().count(), "what changes is the size and three rows:\n{now}");
    assert_eq!(
        lasting(&picture),
        lasting(&now),
        "docs/call.svg is out of date: BLESS=1 cargo test -p proxy-filter-cli --test picture"
    );
}
