//! Envoy's response flags as its logs and Istio's metrics write them.

use proxy_filter::prelude::*;

/// The short names, by the number of their bit.
const NAMES: [&str; 30] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX", "SI", "IH", "DPE",
    "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
];

/// The names of the bits that are set, with commas; `-` where none is.
pub(crate) fn short_names(flags: i64) -> String {
    if flags == 0 {
        return "-".to_owned();
    }
    let set = (0..u64::BITS).filter(|bit| flags >> bit & 1 == 1);
    let names: Vec<Cow<'static, str>> = set
        .map(|bit| match NAMES.get(bit as usize) {
            Some(name) => Cow::Borrowed(*name),
            // Of a later Envoy.
            None => Cow::Owned(format!("bit{bit}")),
        })
        .collect();
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::short_names;

    /// The bits of row PRO-37.
    #[test]
    fn flags_have_envoys_names() {
        for (flags, names) in [
            (0, "-"),
            (0x4, "UT"),
            (0x10, "UR"),
            (0x20, "UF"),
            (0x40, "UC"),
            (0x100, "NR"),
            (0x4000, "DC"),
            (0x4_0000, "DPE"),
            (0x80_0000, "UPE"),
            (0x100_0000, "NC"),
            (0x8020, "UF,URX"),
            (1 << 40, "bit40"),
            (i64::MIN, "bit63"),
        ] {
            assert_eq!(short_names(flags), names);
        }
    }
}
