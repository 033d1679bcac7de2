//! Whatever the pieces are in which a body comes, it is masked as the body as a whole would be by a plain implementation of the rules in
//! the README: regular expressions over all of the text.

mod reference;

use proptest::prelude::*;
use redact::{Format, Masker, Rules};
use reference::reference;

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Text), Just(Format::Form), Just(Format::Json)]
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(cards, keep_last_four, emails, keep_domain)| Rules {
        cards,
        keep_last_four,
        emails,
        keep_domain,
    })
}

/// What bodies are made of, and what comes near to being masked.
fn fragments() -> impl Strategy<Value = String> {
    let real = prop_oneof![
        Just("4111 1111 1111 1111"),
        Just("4111-1111-1111-1111"),
        Just("4111+1111%201111+1111"),
        Just("4111111111111111"),
        Just("378282246310005"),
        Just("3782-822463-10005"),
        Just("4222222222222"),
        Just("4222 222 222 222"),
        Just("6304000000000000000"),
        Just("\\u0034111111111111111"),
        Just("ann@shop.example"),
        Just("ann.lee+cart_1%40shop-1.example.co"),
        Just("ann\\u0040shop.xn--p1ai"),
        Just("logo@2x.png"),
        Just("react@18.2.0"),
        Just("%"),
        Just("%4"),
        Just("%40"),
        Just("%41"),
        Just("\\"),
        Just("\\u"),
        Just("\\u00"),
        Just("\\n"),
        Just("\\\""),
        Just("xn--"),
        Just("é"),
        Just("."),
        Just("@"),
        Just("\n"),
    ];
    let long = (prop::sample::select(&["a", "1", "a.", "9-", "4 ", "-", "\\u0061"][..]), 1..300_usize);
    prop_oneof![
        8 => real.prop_map(str::to_owned),
        4 => "[a-z0-9@.\" +,:{}_-]{0,6}",
        3 => "[0-9]{1,20}",
        3 => "[0-9]{3,5}([ -][0-9]{3,5}){0,5}",
        2 => "[a-z0-9]{1,70}@[a-z0-9.-]{1,70}",
        1 => long.prop_map(|(text, times)| text.repeat(times)),
    ]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => prop::collection::vec(fragments(), 0..24).prop_map(|fragments| fragments.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// The body, cut: also within a symbol, also into empty pieces.
fn masked(format: Format, rules: Rules, body: &[u8], cuts: &[prop::sample::Index]) -> (Vec<u8>, usize) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    cuts.sort_unstable();
    let mut masker = Masker::new(format, rules);
    let mut masked = Vec::new();
    let (mut from, mut most) = (0, 0);
    for cut in cuts {
        masked.extend_from_slice(&masker.push(&body[from..cut], false));
        most = most.max(masker.pending());
        from = cut;
    }
    masked.extend_from_slice(&masker.push(&body[from..], true));
    assert_eq!(masker.pending(), 0);
    (masked, most)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_give_what_the_whole_gives(
        format in formats(),
        rules in rules(),
        body in bodies(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let (masked, most) = masked(format, rules, &body, &cuts);
        let expected = reference(format, rules, &body);
        prop_assert_eq!(masked.escape_ascii().to_string(), expected.escape_ascii().to_string());
        prop_assert!(most <= Masker::MOST_PENDING, "{} bytes were held back", most);
    }

    #[test]
    fn byte_by_byte_is_as_good(format in formats(), rules in rules(), body in bodies()) {
        let mut masker = Masker::new(format, rules);
        let mut masked = Vec::new();
        for byte in &body {
            masked.extend_from_slice(&masker.push(&[*byte], false));
            prop_assert!(masker.pending() <= Masker::MOST_PENDING);
        }
        masked.extend_from_slice(&masker.push(b"", true));
        prop_assert_eq!(masked.escape_ascii().to_string(), reference(format, rules, &body).escape_ascii().to_string());
    }
}
