//! Prints the module `env` for Node: each hostcall of the table, answering `UNIMPLEMENTED`. `cargo make test-wasm` runs the tests inside
//! Wasm with it.

use proxy_filter_abi::{HOSTCALLS, Status};

fn main() {
    for row in HOSTCALLS {
        println!("exports.{} = () => {};", row.name, Status::Unimplemented.to_wire());
    }
}
