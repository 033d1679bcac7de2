proxy_filter::register! {}

fn main() {}
