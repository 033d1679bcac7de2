struct Root;

proxy_filter::register! { "root" => root Root }

fn main() {}
