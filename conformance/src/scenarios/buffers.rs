//! Reading and writing buffers.

use crate::scenario::{Scenario, post, respond, scenario};

/// Tries to read every buffer.
macro_rules! each_buffer {
    () => {
        "get_buffer 0 0 9, buffer_status 0, get_buffer 1 0 9, get_buffer 2 0 9, get_buffer 3 0 9, buffer_status 3, get_buffer 4 0 9,\
         buffer_status 4, get_buffer 5 0 9, get_buffer 6 0 9, buffer_status 6, get_buffer 7 0 9, buffer_status 7, get_buffer 9 0 9, buffer_status 9"
    };
}

/// Tries to write every buffer but those of bodies.
macro_rules! write_others {
    () => {
        "set_buffer 2 0 0 x, set_buffer 3 0 0 x, set_buffer 4 0 0 x, set_buffer 6 0 0 x, set_buffer 7 0 0 x, set_buffer 9 0 0 x"
    };
}

pub(super) fn all() -> Vec<Scenario> {
    let both = |scenario: Scenario| scenario.request(post("/").chunked(&["hello"])).response(respond(200).chunked(&["world"]));
    vec![
        both(scenario("buffer-ranges", &["BUF-1", "BUF-8"])).script(
            "request_body: get_buffer request_body 0 3, get_buffer request_body 3 100, get_buffer request_body 5 1, get_buffer request_body 6 1,\
             get_buffer request_body 2 0, get_buffer request_body 4294967295 1, get_buffer request_body 1 4294967295, get_buffer request_body 4294967295 4294967295,\
             buffer_status request_body",
        ),
        both(scenario("buffers-elsewhere", &["BUF-4", "BUF-5", "BUF-6", "BUF-7", "BUF-8", "NUM-8"])).script(concat!(
            "context_create: ",
            each_buffer!(),
            "; request_headers: ",
            each_buffer!(),
            "; response_headers: ",
            each_buffer!(),
            "; log: ",
            each_buffer!(),
            "; done: ",
            each_buffer!(),
        )),
        both(scenario("buffers-in-the-root", &["BUF-4", "BUF-5", "BUF-6", "BUF-7"]))
            .script(concat!("no-header; configure: ", each_buffer!(), ", set_buffer plugin_config 0 0 x, set_buffer 0 0 0 x")),
        both(scenario("writing-absent-buffers", &["BUF-5", "BUF-7", "BUF-13"])).script(concat!(
            "request_headers: set_buffer 0 0 0 x, set_buffer 1 0 0 x, ",
            write_others!(),
            "; request_body: set_buffer 1 0 0 x; response_headers: set_buffer 1 0 0 x; response_body: set_buffer 0 0 0 x, ",
            write_others!(),
            "; log: set_buffer 0 0 0 x, set_buffer 1 0 0 x"
        )),
        both(scenario("prepend", &["BUF-9"])).script("request_body#1: set_buffer 0 0 0 >, get_buffer 0 0 99; response_body#1: set_buffer 1 0 0 >, get_buffer 1 0 99"),
        both(scenario("replace-a-prefix", &["BUF-10"]))
            .script("request_body#1: set_buffer 0 0 2 J, get_buffer 0 0 99; response_body#1: set_buffer 1 0 2 \"\", get_buffer 1 0 99"),
        both(scenario("replace-all", &["BUF-10"]))
            .script("request_body#1: set_buffer 0 0 4294967295 new, get_buffer 0 0 99; response_body#1: set_buffer 1 0 5 \"\", get_buffer 1 0 99, buffer_status 1"),
        both(scenario("append", &["BUF-11"]))
            .script("request_body#1: set_buffer 0 5 0 !, set_buffer 0 6 99 ?, get_buffer 0 0 99; response_body#1: set_buffer 1 4294967295 0 !, get_buffer 1 0 99"),
        both(scenario("no-splice", &["BUF-12"]))
            .script("request_body#1: set_buffer 0 1 0 x, set_buffer 0 4 1 x, get_buffer 0 0 99; response_body#1: set_buffer 1 2 99 x"),
        both(scenario("append-before-the-end", &["BUF-16"]))
            .script("request_body#2: set_buffer 0 0 0 end, get_buffer 0 0 99; response_body#2: set_buffer 1 0 0 end, get_buffer 1 0 99"),
        both(scenario("edit-a-held-body", &["BUF-10", "BUF-15"])).script(
            "request_body#1: set_buffer 0 5 0 !, return 1; request_body#2: get_buffer 0 0 99, set_buffer 0 0 1 J, get_buffer 0 0 99, return 0;\
             response_body#1: set_buffer 1 0 99 gone, return 1; response_body#2: get_buffer 1 0 99, set_buffer 1 4 0 !",
        ),
    ]
}
