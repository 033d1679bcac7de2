use proxy_filter::prelude::*;

fn refuse(held: Held<phase::NewConnection>) {
    let _ = held.reply(LocalReply::new(403));
}

fn main() {}
